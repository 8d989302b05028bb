"""Who handles hot-plug on each PCI bus, as a translation tells it, is who the live machine has there."""

from __future__ import annotations

import pytest

from prober.commandline.refusal import Kind
from prober.proof.hotplug import kind_of, with_translation
from prober.proof.models import Proof, ProofVerdict
from prober.proof.once import prove_once
from prober.proof.subject import LineRequest, LineSubject
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.domains import write_domain, write_option
from tests.integration.real_qemu import capabilities_of, translate_for

#: Every controller of PCI that each machine may have, one behind the other.
CONTROLLERS = {
    "pc": """<controller type='pci' index='1' model='pci-bridge'/>
        <controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='3'/></controller>
        <controller type='pci' index='3' model='pci-expander-bus'/>
        <controller type='pci' index='4' model='pci-bridge'><address type='pci' bus='3' slot='1'/></controller>""",
    "q35": """<controller type='pci' index='1' model='pcie-root-port'/>
        <controller type='pci' index='2' model='pcie-root-port'><target hotplug='off'/></controller>
        <controller type='pci' index='3' model='pcie-root-port'/>
        <controller type='pci' index='4' model='pcie-switch-upstream-port'>
          <address type='pci' bus='3' slot='0'/></controller>
        <controller type='pci' index='5' model='pcie-switch-downstream-port'>
          <address type='pci' bus='4' slot='0'/></controller>
        <controller type='pci' index='6' model='pcie-switch-downstream-port'>
          <address type='pci' bus='4' slot='1'/></controller>
        <controller type='pci' index='7' model='pcie-to-pci-bridge'><address type='pci' bus='5' slot='0'/></controller>
        <controller type='pci' index='8' model='pci-bridge'><address type='pci' bus='7' slot='1'/></controller>
        <controller type='pci' index='9' model='dmi-to-pci-bridge'/>
        <controller type='pci' index='10' model='pci-bridge'><address type='pci' bus='9' slot='1'/></controller>
        <controller type='pci' index='11' model='pcie-expander-bus'/>
        <controller type='pci' index='12' model='pcie-root-port'><address type='pci' bus='11' slot='0'/></controller>
        <controller type='pci' index='13' model='pcie-to-pci-bridge'>
          <address type='pci' bus='12' slot='0'/></controller>
        <controller type='pci' index='14' model='pci-bridge'><address type='pci' bus='13' slot='1'/></controller>""",
}


def prove(place: QemuPlace, translation: Translation) -> Proof:
    """What this QEMU makes of it."""
    subject = LineSubject(place.binary, capabilities_of(place), place.root)
    proof = aio(prove_once(subject, LineRequest(translation.argv)), debug=False)
    return with_translation(proof, translation)


@pytest.mark.parametrize("bridge", [None, True, False])
@pytest.mark.parametrize("acpi", [True, False])
@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_the_live_machine_has_the_hotplug_that_is_told(
    any_qemu: QemuPlace, kind: str, acpi: bool, bridge: bool | None
) -> None:
    known = capabilities_of(any_qemu).has("ICH9-LPC.acpi-pci-hotplug-with-bridge-support")
    if bridge is not None and ((kind == "pc" and not acpi) or (kind == "q35" and not known)):
        return  # the machine has no such option, which is refused
    asked = "" if bridge is None else write_option("bridge", "domain", bridge)["acpi_hotplug"]
    xml = write_domain(kind, acpi=acpi, acpi_hotplug=asked, devices=CONTROLLERS[kind])
    translation = translate_for(any_qemu, xml)
    proof = prove(any_qemu, translation)
    assert proof.verdict in (ProofVerdict.proven, ProofVerdict.in_part), proof.said or proof.reason
    live = {bus.name: kind_of(bus) for bus in proof.buses}
    told = {port.controller: port.hotplug for port in translation.hotplug}
    # None may be told where a device claims the bus all the same: a port with hotplug=off, ICH9-LPC without ACPI.
    other = {name: (told[name], live[name]) for name in told if name in live and told[name] not in (live[name], "none")}
    assert other == {}
    assert len(live) > 3
    assert [one.message for one in proof.findings if one.kind is Kind.error] == []
