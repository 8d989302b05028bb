"""What is written so that a guest sees a device as it was."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.errors import RefusedError
from prober.rehearsal.mending import KeptProperty, kept_features, kept_properties, with_kept
from prober.rehearsal.models import GuestChange
from prober.rehearsal.wording import describe_change
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='qemu'><name>m</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>
<controller type='usb' model='nec-xhci'/>
<interface type='user'><model type='virtio'/></interface></devices>{more}</domain>"""


def change(where: str, part: str, here: JsonValue, there: JsonValue) -> GuestChange:
    return GuestChange(where=where, part=part, here=here, there=there)


STREAMS = change("nec-usb-xhci usb at 01.1:00.0", "streams", False, True)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (STREAMS, ("usb", "streams", "bool", "false")),
        (change("virtio-net-pci net0 at 02.0", "vectors", 3, 9), ("net0", "vectors", "unsigned", "3")),
        (change("virtio-net-pci net0 at 02.0", "bootindex", -1, 9), ("net0", "bootindex", "signed", "-1")),
        (change("virtio-net-pci net0 at 02.0", "mac", "a", "b"), ("net0", "mac", "string", "a")),
        # No id, none of the domain's, no device, the whole of one, no single value, and more than anybody reads.
        (change("pvpanic at isa.0/pvpanic", "events", 3, 7), None),
        (change("virtio-net-pci net1 at 02.0", "vectors", 3, 9), None),
        (change("machine", "smm", True, False), None),
        (change("virtio-net-pci net0 at 02.0", "", "virtio-net-pci", None), None),
        (change("virtio-net-pci net0 at 02.0", "rss", {"a": 1}, {}), None),
        (change("virtio-net-pci net0 at 02.0", "host", None, "x"), None),
        (change("virtio-net-pci net0 at 02.0", "host", "x" * 300, "x"), None),
    ],
)
def test_a_property_of_a_device_that_the_xml_may_name_is_kept(
    seen: GuestChange, told: tuple[str, str, str, str] | None
) -> None:
    found = [(one.alias, one.name, one.type, one.text) for one in kept_properties([seen, seen], ["usb", "net0"])]
    assert found == ([told] if told is not None else [])


def test_what_is_written_is_on_the_line_behind_what_the_domain_overrides_itself() -> None:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    own = """<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:device alias='usb'>
<qemu:frontend><qemu:property name='p2' type='unsigned' value='8'/>
<qemu:property name='streams' type='bool' value='true'/></qemu:frontend></qemu:device></qemu:override>"""
    domain = read_domain(DOMAIN.format(more=own).encode())
    (kept,) = kept_properties([STREAMS], ["usb"])
    argv = translate(with_kept(domain, [kept]), caps, binary="q").argv
    (option,) = (word for word in argv if "nec-usb-xhci" in word)
    assert '"streams":false' in option and '"p2":8' in option
    assert translate(domain, caps, binary="q").argv != argv


def test_the_element_that_is_told_is_the_one_that_was_tried() -> None:
    kept = KeptProperty("net0", "romfile", "a'<b>&", change("virtio-net-pci net0 at 02.0", "romfile", "a'<b>&", "c"))
    told = read_domain(DOMAIN.format(more=kept.xml).encode())
    tried = with_kept(read_domain(DOMAIN.format(more="").encode()), [kept])
    # Where they stand in the XML is no part of it.
    assert repr(told.qemu_override) == repr(tried.qemu_override)
    assert kept.path == (
        "/domain/qemu:override/qemu:device[@alias='net0']/qemu:frontend/qemu:property[@name='romfile']/@value"
    )


#: x2apic (bit 21) and one that the map does not know (bit 27, OSXSAVE, which a guest sets itself).
X2APIC = change("cpu features", "CPUID 0x1 ECX", 1 << 9, 1 << 21 | 1 << 27)
CPU = "<cpu mode='custom'><model>Haswell</model><feature policy='require' name='{feature}'/></cpu>"


def test_a_feature_that_the_guest_would_see_is_taken_away() -> None:
    told = "cpu features: CPUID 0x1 ECX is 512 here and 136314880 there (ssse3 here alone; x2apic there alone)"
    assert describe_change(X2APIC).startswith(told.partition("; ")[0])
    assert "x2apic" in describe_change(X2APIC)
    domain = read_domain(DOMAIN.format(more=CPU.format(feature="vmx")).encode())
    found = {one.name: one for one in kept_features([X2APIC, STREAMS], domain)}
    kept = found["x2apic"]
    assert (kept.path, kept.text) == ("/domain/cpu/feature[@name='x2apic']/@policy", "disable")
    assert kept.is_seen([X2APIC]) and not kept.is_seen([STREAMS])
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    argv = translate(with_kept(domain, [kept]), caps, binary="q").argv
    assert argv[argv.index("-cpu") + 1] == "Haswell,vmx=on,x2apic=off"
    written = DOMAIN.format(more=CPU.format(feature="vmx").replace("</cpu>", f"{kept.xml}</cpu>"))
    assert translate(read_domain(written.encode()), caps, binary="q").argv == argv


@pytest.mark.parametrize(
    "cpu", ["", "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", CPU.format(feature="x2apic")]
)
def test_of_a_cpu_that_has_no_model_or_says_so_itself_no_feature_is_taken_away(cpu: str) -> None:
    domain = read_domain(DOMAIN.format(more=cpu).encode())
    assert "x2apic" not in [one.name for one in kept_features([X2APIC], domain)]


def test_what_the_qemu_has_not_is_refused_when_it_is_tried() -> None:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    kept = KeptProperty("net0", "nonsense", 1, change("virtio-net-pci net0 at 02.0", "nonsense", 1, 2))
    with pytest.raises(RefusedError, match="nonsense"):
        translate(with_kept(read_domain(DOMAIN.format(more="").encode()), [kept]), caps, binary="q")
