"""Guests whose memory the host cannot read: what the host's kernel and the binary said, and what nobody did."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError
from prober.host.descriptor import Descriptor
from prober.host.host import Confidential, Host
from prober.host.look import read_confidential
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.hosts import on_host
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")
SEV = "<launchSecurity type='sev'><cbitpos>51</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>{}</policy>{}"
TDX = "<launchSecurity type='tdx'>"


def refusals(security: str, host: Host | None = None, *, is_here: bool = True, caps: Capabilities = CAPS) -> list[str]:
    """Those that are about launch security."""
    xml = (
        "<domain type='kvm'><name>a</name><memory>65536</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<features><acpi/></features><devices/>{security}</launchSecurity></domain>"
    )
    try:
        translate(read_domain(xml.encode()), caps, binary="/q", host=host or Host(), is_here=is_here)
    except RefusedError as error:
        return [one.message for one in error.refusals if one.rule == "domain/check-security"]
    return []


def knows(**facts: bool) -> Host:
    return Host(confidential=Confidential(**facts))


@pytest.mark.parametrize(
    ("security", "fact", "parameter"),
    [
        (SEV.format("0x1", ""), "sev", "SEV: kvm_amd.sev is off"),
        (SEV.format("0x5", ""), "sev_es", "SEV-ES: kvm_amd.sev_es is off"),
        (SEV.format("0x30000", "").replace("'sev'", "'sev-snp'"), "sev_snp", "SEV-SNP: kvm_amd.sev_snp is off"),
        (TDX, "tdx", "TDX: kvm_intel.tdx is off"),
    ],
)
def test_what_the_kernel_does_not_let_guests_have_is_refused_where_it_is_known(
    security: str, fact: str, parameter: str
) -> None:
    assert [message.partition("with ")[2] for message in refusals(security, knows(**{fact: False}))] == [parameter]
    assert refusals(security, knows(**{fact: True})) == []
    assert refusals(security, knows()) == []
    assert refusals(security) == []
    assert refusals(security, knows(**{fact: False}), is_here=False) == []


def test_whether_anybody_was_asked_for_the_bits_is_said() -> None:
    wanted = "<launchSecurity type='sev'><policy>0x1</policy>"
    never = "it depends on the host's CPU, and QEMU was never asked with KVM"
    assert refusals(wanted) == [f"<cbitpos> is needed: {never}", f"<reducedPhysBits> is needed: {never}"]
    error = "it depends on the host's CPU, and QEMU was asked on one without SEV"
    assert refusals(wanted, caps=on_host(CAPS, "EPYC"))[0] == f"<cbitpos> is needed: {error}"
    told = Capabilities.model_validate({**CAPS.model_dump(), "sev": {"cbitpos": 51, "reduced-phys-bits": 1}})
    assert refusals(wanted, caps=told) == []


def test_the_kernel_says_it_by_the_parameters_of_its_modules(tmp_path: Path) -> None:
    place = tmp_path / "sys/module/kvm_amd/parameters"
    place.mkdir(parents=True)
    (place / "sev").write_text("Y\n")
    (place / "sev_es").write_text("N\n")
    assert read_confidential(tmp_path) == Confidential(sev=True, sev_es=False)


def test_firmware_for_tdx_says_so() -> None:
    def described(name: str, *features: str) -> Descriptor:
        return Descriptor.model_validate(
            {
                "interface-types": ["uefi"],
                "mapping": {"device": "memory", "filename": f"/fw/{name}.fd"},
                "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
                "features": features,
            }
        )

    xml = (
        "<domain type='kvm'><name>a</name><memory>65536</memory><os firmware='efi'>"
        "<type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices/>"
        f"{TDX}</launchSecurity></domain>"
    )
    host = Host(firmware=(described("plain"), described("tdx", "intel-tdx")))
    argv = translate(read_domain(xml.encode()), CAPS, binary="/q", host=host).argv
    assert argv[argv.index("-bios") + 1] == "/fw/tdx.fd"
