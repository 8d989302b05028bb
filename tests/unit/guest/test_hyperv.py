"""``<hyperv mode='host-model'>``: what the host has of Hyper-V, by the names of single enlightenments."""

from __future__ import annotations

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator, CpuExpansion, Kvm
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

#: What QEMU 11.1 says of a host whose KVM has all of it, in libvirt's order.
ALL = (
    "hv-time=on,hv-relaxed=on,hv-vapic=on,hv-spinlocks=0xfff,hv-vpindex=on,hv-runtime=on,hv-synic=on,hv-stimer=on,"
    "hv-stimer-direct=on,hv-reset=on,hv-vendor-id=Microsoft Hv,hv-frequencies=on,hv-reenlightenment=on,hv-tlbflush=on,"
    "hv-tlbflush-direct=on,hv-tlbflush-ext=on,hv-ipi=on,hv-evmcs=on,hv-avic=on,hv-emsr-bitmap=on,hv-xmm-input=on"
)
_VALUES = {"hv-spinlocks": 0xFFF, "hv-vendor-id": "Microsoft Hv"}
PROPS = {name: _VALUES.get(name, True) for name in (key.partition("=")[0] for key in ALL.split(","))}


def on_a_host(props: dict[str, object] | None) -> Capabilities:
    caps = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")
    tcg = caps.accelerators["tcg"]
    told = {"type": "full", "model": "host", "asked_props": {"migratable": False, "hv-passthrough": True}}
    asked = () if props is None else (CpuExpansion.model_validate({**told, "props": props}),)
    kvm = Accelerator(machines=tcg.machines, cpu_models=tcg.cpu_models, cpu_expansions=asked)
    more = {"accelerators": {"kvm": kvm, "tcg": tcg}, "kvm": Kvm(present=True, enabled=True)}
    return Capabilities.model_validate({**{name: getattr(caps, name) for name in Capabilities.model_fields}, **more})


def cpu_of(inside: str, props: dict[str, object] | None = None, *, kind: str = "kvm", clock: str = "") -> str:
    xml = (
        f"<domain type='{kind}'><name>a</name><memory>65536</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<features><acpi/><hyperv mode='host-model'>{inside}</hyperv></features>{clock}<devices/></domain>"
    )
    argv = translate(read_domain(xml.encode()), on_a_host(props), binary="/q").argv
    return argv[argv.index("-cpu") + 1].removeprefix("qemu64").removeprefix(",")


def test_all_that_the_host_has_is_on() -> None:
    assert cpu_of("", PROPS) == ALL
    assert cpu_of("", {**PROPS, "hv-evmcs": False, "hv-tlbflush-ext": False}) == ALL.replace(
        ",hv-evmcs=on", ""
    ).replace(",hv-tlbflush-ext=on", "")
    assert cpu_of("", {"hv-relaxed": False}) == ""


@pytest.mark.parametrize(
    ("inside", "was", "becomes"),
    [
        ("<relaxed state='off'/>", "hv-relaxed=on,", ""),
        ("<vendor_id state='on' value='abc'/>", "Microsoft Hv", "abc"),
        ("<vendor_id state='off'/>", "hv-vendor-id=Microsoft Hv,", ""),
        ("<spinlocks state='on' retries='8191'/>", "0xfff", "0x1fff"),
        ("<tlbflush state='on'/>", "hv-tlbflush-direct=on,hv-tlbflush-ext=on,", ""),
        ("<stimer state='on'><direct state='off'/></stimer>", "hv-stimer-direct=on,", ""),
    ],
)
def test_what_the_domain_says_has_the_say(inside: str, was: str, becomes: str) -> None:
    assert cpu_of(inside, PROPS) == ALL.replace(was, becomes)


@pytest.mark.parametrize(
    ("inside", "props", "more", "words"),
    [
        ("<vpindex state='off'/>", PROPS, {}, "synic needs <vpindex state='on'/>"),
        ("", PROPS, {"clock": "<clock><timer name='hypervclock' present='no'/></clock>"}, "stimer needs <timer"),
        ("", None, {}, "was never asked"),
        ("", {"svm": True}, {}, "was never asked"),
        ("", PROPS, {"kind": "qemu"}, "the domain's type is qemu"),
    ],
)
def test_what_cannot_be_is_refused(
    inside: str, props: dict[str, object] | None, more: dict[str, str], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        cpu_of(inside, props, **more)
