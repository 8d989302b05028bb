"""What guests of KVM get on the machine ``virt``: of a host with KVM there is no recording that comes along, so one is
made of what QEMU says of such a host."""

from __future__ import annotations

from functools import cache

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import GicVersion
from prober.commandline.refusal import Kind
from prober.commandline.report import check_argv
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.hosts import GICV3, on_arm
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='kvm'>
  <name>virt</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='{arch}' machine='virt'>hvm</type></os>
  <features>{features}</features>
  {more}
  <devices/>
</domain>"""

BOTH = GICV3


@cache
def with_kvm(gic: tuple[GicVersion, ...] | None = BOTH) -> Capabilities:
    """As on a host of the same architecture."""
    return on_arm(load_capabilities(FIXTURES / "qemu-aarch64-7.2.22.replies.xz"), gic)


def translated(
    more: str,
    features: str = "",
    *,
    gic: tuple[GicVersion, ...] | None = BOTH,
    arch: str = "aarch64",
    is_here: bool = False,
) -> Translation:
    domain = read_domain(DOMAIN.format(arch=arch, features=features, more=more).encode())
    return translate(domain, with_kvm(gic), binary="/q", is_here=is_here)


def option(translation: Translation, flag: str) -> str | None:
    argv = translation.argv
    return argv[argv.index(flag) + 1] if flag in argv else None


#: A line with a DIMM that QEMU 7.2.22 for aarch64 starts with; each change below it refuses, by its own words for want
#: of the event device, of slots or of room.
_WITH_DIMM = {
    "-machine": "virt,nvdimm=on", "-cpu": "cortex-a57", "-bios": "/firmware", "-m": "256,slots=1,maxmem=1G",
    "-object": "memory-backend-ram,id=m,size=128M", "-device": "pc-dimm,memdev=m",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"-device": "nvdimm,memdev=m"}, []),
        ({"-bios": None, "-pflash": "/firmware"}, []),
        ({"-bios": None, "-machine": "virt,firmware=/firmware"}, []),
        ({"-cpu": "max"}, []),
        ({"-machine": "virt,acpi=off"}, ["pc-dimm needs ACPI, which this machine has turned off"]),
        ({"-bios": None}, ["pc-dimm needs firmware, as this machine has no ACPI without"]),
        (
            {"-bios": None, "-drive": "if=pflash,unit=1,format=raw,file=/variables"},
            [
                "pc-dimm needs firmware, as this machine has no ACPI without",
                "pflash1 (index=1 of if=pflash) needs pflash0",
            ],
        ),
        ({"-cpu": None}, ["pc-dimm needs a CPU of 64 bits, and cortex-a15-arm-cpu is none"]),
        ({"-cpu": "cortex-a7"}, ["pc-dimm needs a CPU of 64 bits, and cortex-a7-arm-cpu is none"]),
        ({"-cpu": "cortex-a57,aarch64=off"}, ["pc-dimm needs a CPU of 64 bits, and cortex-a57,aarch64=off is none"]),
        ({"-machine": "virt", "-device": "nvdimm,memdev=m"}, ["nvdimm needs -machine nvdimm=on"]),
        ({"-m": "256"}, ["pc-dimm needs -m with maxmem"]),
        ({"-device": "pc-dimm,memdev=m,slot=1"}, ["there are 1 memory slots, and no slot 1"]),
        (
            {"-m": "256,slots=1,maxmem=300M"},
            ["pc-dimm takes 134217728 bytes, and 46137344 are left up to maxmem"],
        ),
    ],
)  # fmt: skip
def test_dimms_need_the_event_device(change: dict[str, str | None], found: list[str]) -> None:
    given = {**_WITH_DIMM, **change}
    words = [word for flag, value in given.items() if value is not None for word in (flag, value)]
    caps = load_capabilities(FIXTURES / "qemu-aarch64-7.2.22.replies.xz")
    report = check_argv(["qemu-system-aarch64", *words, "-display", "none"], caps)
    assert [one.message for one in report.findings if one.kind is Kind.error] == found


@pytest.mark.parametrize(
    ("arch", "cpu", "is_noted"),
    [
        ("aarch64", "", True),
        ("aarch64", "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", True),
        ("aarch64", "<cpu mode='custom'><model>cortex-a7</model></cpu>", True),
        ("aarch64", "<cpu mode='custom'><model>cortex-a53</model></cpu>", False),
        ("aarch64", "<cpu mode='maximum'/>", False),
        ("armv7l", "", False),
        ("armv7l", "<cpu mode='custom'><model>cortex-a7</model></cpu>", False),
    ],
)
def test_a_cpu_of_32_bits_is_noted_for_64_bit_guests(arch: str, cpu: str, is_noted: bool) -> None:
    caps = load_capabilities(FIXTURES / "qemu-aarch64-7.2.22.replies.xz")
    text = (
        f"<domain type='qemu'><name>n</name><memory unit='MiB'>256</memory><os><type arch='{arch}' machine='virt'>hvm"
        f"</type></os>{cpu}<devices/></domain>"
    )
    translation = translate(read_domain(text.encode()), caps, binary="/q")
    assert ["has 32 bits" in note.message for note in translation.notes] == ([True] if is_noted else [])


def test_loongarch_has_no_numa_nodes_of_old_and_a_gibibyte_at_least() -> None:
    caps = load_capabilities(FIXTURES / "qemu-loongarch64-7.2.22.replies.xz")
    text = (
        "<domain type='qemu'><name>n</name><memory unit='MiB'>{memory}</memory><os><type arch='loongarch64' "
        "machine='virt'>hvm</type></os>{more}<devices/></domain>"
    )
    assert translate(read_domain(text.format(memory=1024, more="").encode()), caps, binary="/q")
    with pytest.raises(RefusedError, match="has 1048576 KiB of memory or more"):
        translate(read_domain(text.format(memory=1023, more="").encode()), caps, binary="/q")
    nodes = "<cpu><numa><cell id='0' cpus='0' memory='1024' unit='MiB'/></numa></cpu>"
    with pytest.raises(RefusedError, match=r"virt of loongarch64 before QEMU 8\.1 has no NUMA nodes"):
        translate(read_domain(text.format(memory=1024, more=nodes).encode()), caps, binary="/q")


def made(target: str, devices: str = "", more: str = "") -> Translation:
    """What a domain of TCG comes to with Debian's QEMU 7.2 for a target."""
    caps = load_capabilities(FIXTURES / f"qemu-{target}-7.2.22.replies.xz")
    text = (
        f"<domain type='qemu'><name>n</name><memory unit='GiB'>1</memory><os><type arch='{target}' machine='virt'>hvm"
        f"</type></os>{more}<devices>{devices}</devices></domain>"
    )
    return translate(read_domain(text.encode()), caps, binary="/q")


@pytest.mark.parametrize("target", ["aarch64", "riscv64", "loongarch64"])
def test_a_timer_that_is_to_be_absent_is_where_the_machine_has_none(target: str) -> None:
    absent = "".join(f"<timer name='{name}' present='no'/>" for name in ("hpet", "pit", "hypervclock", "tsc"))
    clock = "<clock offset='utc'>{}</clock>"
    assert made(target, more=clock.format(absent)).argv == made(target, more=clock.format("")).argv
    with pytest.raises(RefusedError, match="has no timer 'hpet'"):
        made(target, more=clock.format("<timer name='hpet' present='yes'/>"))


@pytest.mark.parametrize("target", ["aarch64", "loongarch64"])
def test_without_usb_the_hint_is_what_helps(target: str) -> None:
    keyboard = "<input type='keyboard' bus='usb'/>"
    with pytest.raises(RefusedError, match="add a <controller type='usb'/>"):
        made(target, keyboard)
    with pytest.raises(RefusedError, match="take the <controller type='usb' model='none'/> out"):
        made(target, f"{keyboard}<controller type='usb' model='none'/>")
    assert made(target, f"{keyboard}<controller type='usb'/>")


@pytest.mark.parametrize("target", ["riscv64", "loongarch64"])
def test_an_iommu_of_virtio_needs_a_later_qemu(target: str) -> None:
    assert made("aarch64", "<iommu model='virtio'/>")
    with pytest.raises(RefusedError, match=f"virt of {target} is not known to have an IOMMU of this model before"):
        made(target, "<iommu model='virtio'/>")


def test_riscv_makes_fw_cfg_too_late_for_devices() -> None:
    notes = "<features><vmcoreinfo state='on'/></features>"
    assert made("aarch64", more=notes)
    with pytest.raises(RefusedError, match="vmcoreinfo needs fw_cfg"):
        made("riscv64", more=notes)
    with pytest.raises(RefusedError, match="a place for ramfb from QEMU 8"):
        made("riscv64", "<graphics type='vnc'/><video><model type='ramfb'/></video>")


PASSTHROUGH = "<cpu mode='host-passthrough'/>"


@pytest.mark.parametrize(
    ("features", "gic", "version"),
    [
        ("", BOTH, "3"),
        ("<gic/>", BOTH, "3"),
        ("<gic version='2'/>", BOTH, "2"),
        ("<gic version='host'/>", BOTH, "host"),
        ("", (GicVersion(number=2, emulated=True, kernel=True),), "2"),
        ("", None, "2"),
    ],
)
def test_the_gic_is_the_best_that_the_kernel_has(
    features: str, gic: tuple[GicVersion, ...] | None, version: str
) -> None:
    translation = translated(PASSTHROUGH, features, gic=gic)
    assert f"gic-version={version}," in str(option(translation, "-machine"))
    assert any("is not known here" in note.message for note in translation.notes) is (gic is None)


def test_a_gic_that_this_host_has_not_is_refused_here_alone() -> None:
    assert translated(PASSTHROUGH, "<gic version='2'/>")
    with pytest.raises(RefusedError, match="no GIC of version 2"):
        translated(PASSTHROUGH, "<gic version='2'/>", is_here=True)


@pytest.mark.parametrize(
    ("more", "cpu"),
    [
        (PASSTHROUGH, "host"),
        ("<cpu mode='maximum'/>", "max"),
        ("<cpu><model>cortex-a57</model></cpu>", "cortex-a57"),
        (
            "<cpu mode='host-passthrough'><feature policy='require' name='sve256'/>"
            "<feature policy='disable' name='pauth'/></cpu>",
            "host,sve256=on,pauth=off,sve=on",
        ),
        (
            f"{PASSTHROUGH}<clock><timer name='armvtimer' tickpolicy='discard'/></clock>",
            "host,kvm-no-adjvtime=on",
        ),
        (f"{PASSTHROUGH}<clock><timer name='armvtimer' tickpolicy='delay'/></clock>", "host,kvm-no-adjvtime=off"),
        ("", None),
    ],
)
def test_the_cpu(more: str, cpu: str | None) -> None:
    translation = translated(more)
    assert option(translation, "-cpu") == cpu
    assert any("no CPU is named" in note.message for note in translation.notes) is (cpu is None)


def test_a_guest_of_32_bits_is_told_so() -> None:
    assert option(translated(PASSTHROUGH, "<acpi/>", arch="armv7l"), "-cpu") == "host,aarch64=off"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("<cpu mode='host-model'/>", "tells which model"),
        ("<cpu mode='host-passthrough'><feature policy='forbid' name='sve'/></cpu>", "is not known"),
        ("<cpu><model>no-such</model></cpu>", "has no CPU model no-such"),
        ("<clock><timer name='armvtimer' tickpolicy='catchup'/></clock>", "has no tickpolicy"),
        ("<clock><timer name='kvmclock' present='yes'/></clock>", "no timer 'kvmclock'"),
    ],
)
def test_what_nobody_can_tell_or_give_is_refused(more: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        translated(more)
