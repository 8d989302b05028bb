"""``<features>``: those of the machine, not of its CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.capabilities.evidence import Verdict
from prober.commandline.options import DeviceOption, Global, Keyval, Option, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.features.switch import Switch, SwitchOn
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import UNITS, Amount, OnOff, Unit, YesNo

_MEBIBYTE = 1024**2

#: What not every machine has, and which have it.
_OF_FAMILIES = {
    **dict.fromkeys(("vmport", "smm", "ioapic", "ps2"), "x86"),
    **dict.fromkeys(("gic", "ras"), "virt machines of ARM"),
    "aia": "virt machines of RISC-V",
}


class TsegSize(Element):
    """An amount of memory, in MiB where no unit is given."""

    value: Annotated[Amount, At("."), Becomes("`mch.extended-tseg-mbytes`")]
    unit: Annotated[Unit, At("@unit"), Becomes("the unit of the amount")] = "MiB"

    @property
    def bytes(self) -> int:
        """The amount in bytes."""
        return self.value * UNITS[self.unit]


class Smm(Checked):
    """``<smm>``: system management mode, and the memory that is kept for it."""

    state: Annotated[OnOff, At("@state"), Becomes("`smm` of `-machine`")] = True
    tseg: Annotated[TsegSize | None, At("tseg"), Becomes("`mch.extended-tseg-mbytes`")] = None

    def rules(self) -> Iterator[Broken]:
        """QEMU counts this memory in MiB."""
        if self.tseg is None:
            return
        if not self.state:
            yield Broken("tseg", "without SMM there is no memory for it: turn smm on, or leave <tseg> out")
        if self.tseg.bytes % _MEBIBYTE:
            yield Broken("tseg", "the size of <tseg> must be a whole number of MiB")
        if self.tseg.bytes // _MEBIBYTE > 0xFFFF:
            yield Broken("tseg", "the size of <tseg> is more than QEMU's 16 bits of MiB can say")


class TbCache(Element):
    """An amount of memory, in KiB where no unit is given."""

    value: Annotated[Amount, At("."), Becomes("`tb-size` of `-accel tcg`")]
    unit: Annotated[Unit, At("@unit"), Becomes("the unit of the amount")] = "KiB"

    @property
    def kibibytes(self) -> int:
        """The amount in KiB, rounded up (``virDomainParseMemory``)."""
        return -(-self.value * UNITS[self.unit] // 1024)


class Tcg(Checked):
    """``<tcg>``: what belongs to emulated CPUs alone."""

    tb_cache: Annotated[TbCache | None, At("tb-cache"), Becomes("`tb-size` of `-accel tcg`")] = None

    def rules(self) -> Iterator[Broken]:
        """QEMU counts the cache in MiB, libvirt in bytes of 64 bits."""
        if self.tb_cache is not None and self.tb_cache.kibibytes >= 2**54:
            yield Broken(
                "tb_cache", f"'{self.tb_cache.value}' {self.tb_cache.unit} is more than can be counted (16 EiB)"
            )
        if self.tb_cache is not None and self.tb_cache.kibibytes % 1024:
            yield Broken("tb_cache", "the size of <tb-cache> must be a whole number of MiB")


class IoApic(Element):
    """``<ioapic>``: who emulates the I/O APIC; without a driver QEMU decides."""

    driver: Annotated[
        Literal["qemu", "kvm"] | None, At("@driver"), Becomes("`kernel_irqchip=split` or `=on` of `-machine`")
    ] = None


class AsyncTeardown(Element):
    """``<async-teardown>``: hand memory back after QEMU has ended."""

    enabled: Annotated[YesNo, At("@enabled"), Becomes("`async-teardown` of `-run-with`")] = True


class Msrs(Element):
    """``<msrs>``: of bhyve."""

    unknown: Annotated[
        Literal["ignore", "fault"], At("@unknown"), Neutral("for bhyve; libvirt does not hand it to QEMU")
    ]


class Gic(Element):
    """``<gic>``: the interrupt controller of ARM's machines; without a version the best that goes with the guest."""

    version: Annotated[Literal["2", "3", "host"] | None, At("@version"), Becomes("`gic-version` of `-machine`")] = None


class Aia(Element):
    """``<aia>``: RISC-V's interrupts that are messages."""

    value: Annotated[Literal["none", "aplic", "aplic-imsic"], At("@value"), Becomes("`aia` of `-machine`")]


class MachineFeatures(Checked):
    """What a machine has, beside its CPUs and its devices."""

    acpi: Annotated[bool, At("acpi"), Becomes("`acpi=on` of `-machine`, or no `-no-acpi`")] = False
    pae: Annotated[bool, At("pae"), Neutral("part of every x86 CPU model that QEMU emulates")] = False
    hap: Annotated[SwitchOn | None, At("hap"), Neutral("for Xen; KVM always uses what the CPU has")] = None
    viridian: Annotated[bool, At("viridian"), Neutral("for Xen; with QEMU it is <hyperv>")] = False
    privnet: Annotated[bool, At("privnet"), Neutral("for containers")] = False
    acpi_bridge_hotplug: Annotated[
        OnOff | None,
        At("pci/acpi-bridge-hotplug/@state"),
        Becomes("`acpi-pci-hotplug-with-bridge-support` of the machine's ACPI device"),
    ] = None
    vmport: Annotated[SwitchOn | None, At("vmport"), Becomes("`vmport` of `-machine`")] = None
    smm: Annotated[Smm | None, At("smm"), Becomes("`smm` of `-machine`")] = None
    ioapic: Annotated[IoApic | None, At("ioapic"), Becomes("`kernel_irqchip` of `-machine`")] = None
    ps2: Annotated[Switch | None, At("ps2"), Becomes("`i8042` of `-machine`")] = None
    gic: Annotated[Gic | None, At("gic"), Becomes("`gic-version` of `-machine`")] = None
    ras: Annotated[Switch | None, At("ras"), Becomes("`ras` of `-machine`")] = None
    aia: Annotated[Aia | None, At("aia"), Becomes("`aia` of `-machine`")] = None
    vmcoreinfo: Annotated[SwitchOn | None, At("vmcoreinfo"), Becomes("`-device vmcoreinfo`")] = None
    tcg: Annotated[Tcg | None, At("tcg"), Becomes("`-accel tcg`")] = None
    async_teardown: Annotated[AsyncTeardown | None, At("async-teardown"), Becomes("`-run-with async-teardown=`")] = None
    msrs: Annotated[Msrs | None, At("msrs"), Neutral("for bhyve; libvirt does not hand it to QEMU")] = None

    def rules(self) -> Iterator[Broken]:
        """VMware's port is reached through the keyboard controller."""
        if self.vmport is not None and self.vmport.state and self.ps2 is not None and not self.ps2.state:
            yield Broken("vmport", "vmport needs the ps2 feature, which is off")


def machine_features(features: MachineFeatures) -> Iterator[Property]:
    """What stands in ``-machine`` (libvirt 11.3, ``qemuAppendDomainFeaturesMachineParam``)."""
    if features.vmport is not None:
        yield Property("vmport", features.vmport.state, features.place("vmport"))
    if features.smm is not None:
        yield Property("smm", features.smm.state, features.place("smm"))
    if features.ioapic is not None and features.ioapic.driver is not None:
        value = "split" if features.ioapic.driver == "qemu" else "on"
        yield Property("kernel_irqchip", value, features.place("ioapic"))
    if features.ps2 is not None:
        yield Property("i8042", features.ps2.state, features.place("ps2"))
    if features.gic is not None and features.gic.version is not None:
        yield Property("gic-version", features.gic.version, features.gic.place("version"))
    if features.ras is not None:
        yield Property("ras", features.ras.state, features.place("ras"))
    if features.aia is not None:
        yield Property("aia", features.aia.value, features.aia.place("value"))


def check_features(features: MachineFeatures, target: Target) -> Iterator[Refusal]:
    """What belongs to another machine or accelerator, or to a later QEMU."""
    if features.acpi and target.entry is not None and target.entry.acpi is False:
        yield Refusal(place=features.place("acpi"), message=f"machine {target.machine} has no ACPI", hint="remove it")
    yield from _check_family(features, target)
    evidence = target.caps.supports("generic-pc-machine.i8042")
    if features.ps2 is not None and "ps2" in target.family.features and evidence.verdict is Verdict.absent:
        yield Refusal(
            place=features.place("ps2"),
            message="the keyboard controller of this QEMU's machines can be neither turned on nor off",
            qemu_name=evidence.fact,
            evidence=evidence,
        )
    if features.smm is not None and features.smm.tseg is not None and target.is_x86 and not target.family.has_smm_flash:
        message = f"a size of SMM's memory (<tseg>) can be set on q35 alone, not on {target.machine}"
        yield Refusal(place=features.smm.place("tseg"), message=message)
    if features.tcg is not None and features.tcg.tb_cache is not None and target.accel != "tcg":
        message = f"<tcg> is for emulated CPUs, and the domain's type is {target.accel}"
        yield Refusal(place=features.place("tcg"), message=message, hint="write <domain type='qemu'>")


def _check_family(features: MachineFeatures, target: Target) -> Iterator[Refusal]:
    """What only machines of other families have (libvirt 11.3, ``qemuValidateDomainDefFeatures``)."""
    if not target.is_understood:
        return
    for name, of in _OF_FAMILIES.items():
        if getattr(features, name) is not None and name not in target.family.features:
            message = f"<{name}> is of {of}, and machine {target.machine} of {target.caps.target} has none"
            yield Refusal(place=features.place(name), message=message)


def accelerator_features(features: MachineFeatures, target: Target) -> Iterator[Property]:
    """What stands in ``-accel``: TCG's cache of translated code, in MiB."""
    tcg = features.tcg
    if target.accel == "tcg" and tcg is not None and tcg.tb_cache is not None and tcg.tb_cache.value:
        yield Property("tb-size", tcg.tb_cache.kibibytes // 1024, tcg.place("tb_cache"))


def emit_tseg(features: MachineFeatures) -> Iterator[Option]:
    """The memory of system management mode."""
    smm = features.smm
    if smm is not None and smm.state and smm.tseg is not None:
        size = Property("extended-tseg-mbytes", smm.tseg.bytes // _MEBIBYTE, smm.place("tseg"))
        yield Global("mch", size)


def emit_vmcoreinfo(features: MachineFeatures) -> Iterator[Option]:
    """A device by which a guest leaves notes for dumps."""
    if features.vmcoreinfo is not None and features.vmcoreinfo.state:
        yield DeviceOption("vmcoreinfo", (), features.place("vmcoreinfo"))


def emit_async_teardown(features: MachineFeatures, target: Target) -> Iterator[Option]:
    """``-run-with async-teardown=`` (QEMU 8.1)."""
    wish = features.async_teardown
    if wish is None:
        return
    # A binary without it does not do it: there is nothing to turn off.
    if wish.enabled or target.caps.has("-run-with.async-teardown"):
        place = features.place("async_teardown")
        yield Keyval("-run-with", "", (Property("async-teardown", wish.enabled, place),), place)
