"""``<iommu>``: the unit that translates the addresses of devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.features import Features
from prober.domain.features.machine import IoApic
from prober.domain.shared.address import Address, PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import extras
from prober.domain.steps import Check, Completion
from prober.domain.vcpu import Vcpu
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Places, Qemu
from prober.xml.values import UNITS, Byte, Count, OnOff, Unit

#: With more CPUs than this, interrupts need Intel's extended mode (libvirt, ``QEMU_MAX_VCPUS_WITHOUT_EIM``).
_MOST_WITHOUT_EIM: Final = 255

#: Without it, what is there before the guest's driver has no memory (libvirt, ``QEMU_CAPS_VIRTIO_IOMMU_BOOT_BYPASS``).
_BYPASS: Final = "virtio-iommu-pci.boot-bypass"

#: What ``<driver>`` becomes, in libvirt's order.
_ORDER: Final = (
    "intremap", "caching-mode", "eim", "device-iotlb", "aw-bits", "dma-translation", "pt", "xtsup", "granule",
)  # fmt: skip

#: The models that have an attribute of ``<driver>`` (libvirt 12.8, asked).
_HAVE: Final = {
    "intremap": ("intel", "amd"),
    "caching_mode": ("intel",),
    "eim": ("intel",),
    "iotlb": ("intel", "amd"),
    "aw_bits": ("intel", "virtio"),
    "dma_translation": ("intel",),
    "xtsup": ("amd",),
    "passthrough": ("amd",),
    "granule": ("virtio",),
}

#: The sizes of pages that virtio's can keep to, in KiB, by QEMU's names (``qapi/virtio.json``, GranuleMode).
_GRANULES: Final = {4: "4k", 8: "8k", 16: "16k", 64: "64k"}


class Granule(Checked):
    """``<granule>``: the smallest page that the unit translates, given in KiB where no unit is, or that of the host."""

    mode: Annotated[Literal["host"] | None, At("@mode"), Becomes("`granule=host`")] = None
    size: Annotated[Count | None, At("@size"), Becomes("`granule`: `4k`, `8k`, `16k` or `64k`")] = None
    unit: Annotated[Unit | None, At("@unit"), Becomes("what the size is counted in")] = None

    def rules(self) -> Iterator[Broken]:
        """One of the two, and a size that there is (libvirt 12.8, asked)."""
        if (self.mode is None) == (self.size is None):
            yield Broken("", "<granule> has either mode='host' or a size")
        elif self.size is not None and self.word is None:
            yield Broken("size", "the sizes are 4, 8, 16 and 64 KiB")
        elif self.size is None and self.unit is not None:
            yield Broken("unit", "mode='host' has no unit")

    @property
    def word(self) -> str | None:
        """QEMU's word for it."""
        if self.size is None:
            return self.mode
        size = self.size * UNITS[self.unit or "KiB"]
        return next((word for kibibytes, word in _GRANULES.items() if kibibytes * 1024 == size), None)


class Iommu(Device):
    """An IOMMU, of which a domain has one at most.  Intel's is part of the chipset, virtio's and AMD's a PCI device on
    the machine's own bus.
    """

    element = "iommu"
    alias_prefix = "iommu"

    model: Annotated[
        Literal["intel", "amd", "virtio", "smmuv3"],
        At("@model"),
        Becomes("`-device intel-iommu`, `virtio-iommu`, or `AMDVI-PCI` and `amd-iommu`"),
    ]
    intremap: Annotated[OnOff | None, At("driver/@intremap"), Becomes("`intremap`")] = None
    caching_mode: Annotated[OnOff | None, At("driver/@caching_mode"), Qemu("caching-mode")] = None
    eim: Annotated[OnOff | None, At("driver/@eim"), Becomes("`eim`")] = None
    iotlb: Annotated[OnOff | None, At("driver/@iotlb"), Qemu("device-iotlb")] = None
    aw_bits: Annotated[Byte | None, At("driver/@aw_bits"), Becomes("`aw-bits`")] = None
    dma_translation: Annotated[OnOff | None, At("driver/@dma_translation"), Qemu("dma-translation")] = None
    xtsup: Annotated[OnOff | None, At("driver/@xtsup"), Qemu("xtsup")] = None
    passthrough: Annotated[OnOff | None, At("driver/@passthrough"), Qemu("pt")] = None
    granule: Annotated[Granule | None, At("driver/granule")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr` of virtio's and AMD's")] = None

    def plug(self, target: Target) -> Kinds | None:
        """virtio's and AMD's are part of the machine's own bus."""
        if self.model == "amd":
            return Plug.pci() | Plug.INTEGRATED
        return Plug.virtio(target) | Plug.INTEGRATED if self.model == "virtio" else None

    def rules(self) -> Iterator[Broken]:
        """What belongs to which model."""
        for name, models in _HAVE.items():
            if getattr(self, name) is not None and self.model not in models:
                yield Broken(
                    name, f"this belongs to model='{models[0]}' {'alone' if len(models) == 1 else 'and others'}"
                )
        if self.model == "intel" and self.address is not None:
            yield Broken("address", "model='intel' is part of the chipset and has no address")
        elif self.model == "smmuv3" and self.address is not None:
            yield Broken("address", "model='smmuv3' is part of the machine and has no address")
        elif self.address is not None and not isinstance(self.address, PciAddress):
            yield Broken("address", f"an IOMMU of model='{self.model}' has an address of type 'pci'")
        if self.model == "intel" and self.eim and not self.intremap:
            yield Broken("eim", "eim='on' needs intremap='on'")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``; of AMD's two, as its PCI device is one of its own (QEMU 10.1, ``pci-id``)."""
        identity, place = Property("id", self.id, self.place()), self.place("model")
        if self.model == "virtio":
            properties = (identity, *self._own(), *self.pci_properties(target))
            yield options.DeviceOption("virtio-iommu", properties, place)
        elif self.model == "intel":
            yield options.DeviceOption("intel-iommu", (identity, *self._own()), place)
        elif self.model == "amd":
            yield options.DeviceOption("AMDVI-PCI", (identity, *self.pci_properties(target)), place)
            yield options.DeviceOption("amd-iommu", (Property("pci-id", self.id, place), *self._own()), place)

    def _own(self) -> Iterator[Property]:
        """In libvirt's order (12.8, asked); two of the switches are words to QEMU."""
        own = {item.name: item for item in self.properties()}
        for name in ("intremap", "eim"):
            value = getattr(self, name)
            if value is not None:
                own[name] = Property(name, "on" if value else "off", self.place(name))
        if self.aw_bits:
            own["aw-bits"] = Property("aw-bits", self.aw_bits, self.place("aw_bits"))
        if self.granule is not None and self.granule.word is not None:
            own["granule"] = Property("granule", self.granule.word, self.place("granule"))
        for name in _ORDER:
            if name in own:
                yield own[name]


def complete_iommu(domain: Domain, target: Target) -> Completion:
    """One IOMMU, with interrupts for more CPUs than 255 on q35, which get one if they have none
    (libvirt 11.3, ``qemuDomainDefAddDefaultDevices``, ``qemuDomainIOMMUDefPostParse``)."""
    units = domain.devices.of(Iommu)
    if not units and domain.vcpu.value <= _MOST_WITHOUT_EIM:
        return domain
    for first, extra in extras(units):
        message = f"a second <iommu>, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
    if target.kind == "q35" and domain.vcpu.value > _MOST_WITHOUT_EIM:
        domain = _with_interrupts_for_many(domain, target)
    unit = next(iter(domain.devices.of(Iommu)), None)
    if unit is not None:
        domain = _with_split_irqchip(domain, unit, target)
    yield from _check_cpus(domain.vcpu, unit, target)
    if unit is not None:
        yield from _check_unit(unit, domain.features, target)
    return domain


def _with_interrupts_for_many(domain: Domain, target: Target) -> Domain:
    """With an IOMMU, if the binary has one that can do it, and with Intel's extended mode in it."""
    if not domain.devices.of(Iommu) and all(target.caps.has(f"intel-iommu.{name}") for name in ("intremap", "eim")):
        return domain.with_devices([*domain.devices.every, Iommu(model="intel", intremap=True, eim=True)])
    return domain.with_each(Iommu, _with_eim)


def _with_eim(unit: Iommu) -> Iommu:
    if unit.model == "amd":
        xtsup = True if unit.xtsup is None else unit.xtsup
        return unit.replace(intremap=True if unit.intremap is None else unit.intremap, xtsup=xtsup)
    if unit.model != "intel":
        return unit
    intremap = True if unit.intremap is None else unit.intremap
    return unit.replace(intremap=intremap, eim=intremap if unit.eim is None else unit.eim)


def _with_split_irqchip(domain: Domain, unit: Iommu, target: Target) -> Domain:
    """An IOMMU that remaps interrupts needs QEMU's I/O APIC (``qemuDomainDefEnableDefaultFeatures``)."""
    many = target.kind == "q35" and domain.vcpu.value > _MOST_WITHOUT_EIM
    features = domain.features
    if features.ioapic is not None or not (unit.intremap or many):
        return domain
    ioapic = IoApic(driver="qemu", places=Places(unit.place("intremap")))
    return domain.replace(features=features.replace(ioapic=ioapic))


def _check_cpus(vcpu: Vcpu, unit: Iommu | None, target: Target) -> Check:
    """Whether all CPUs can get interrupts; more than the machine can have are refused elsewhere."""
    most = target.entry.cpu_max if target.entry is not None else None
    if not target.is_understood or (most is not None and vcpu.value > most):
        return
    if vcpu.value <= _MOST_WITHOUT_EIM or (unit is not None and (unit.eim or unit.xtsup)):
        return
    if target.family.most_without_eim is None:
        return
    if target.kind == "q35":
        message = f"more than {_MOST_WITHOUT_EIM} CPUs need an IOMMU with extended interrupt mode"
        hint = "add <iommu model='intel'><driver intremap='on' eim='on'/></iommu>"
    else:
        message = f"machine {target.machine} has no more than {_MOST_WITHOUT_EIM} CPUs"
        hint = "take machine q35"
    yield Refusal(place=vcpu.place("value"), message=message, hint=hint)


def machine_iommu(devices: Devices) -> Iterator[Property]:
    """``iommu`` of ``-machine``: ARM's is part of it (libvirt 11.3, ``qemuAppendDomainMemory…``,
    ``qemuBuildMachineCommandLine``)."""
    for unit in devices.of(Iommu):
        if unit.model == "smmuv3":
            yield Property("iommu", "smmuv3", unit.place("model"))


def _check_machine(unit: Iommu, target: Target) -> Check:
    """Whether the machine has one of the model, in this version of QEMU."""
    place, of = unit.place("model"), f"{target.machine} of {target.caps.target}"
    if target.kind == "pc":
        yield Refusal(place=place, message=f"machine {target.machine} has no IOMMU", hint="take machine q35")
    elif target.is_understood and unit.model not in target.family.iommus:
        whose = "virt machines of ARM" if unit.model == "smmuv3" else "machines of x86"
        yield Refusal(place=place, message=f"model='{unit.model}' is for {whose}, and {of} is none")
    since = target.family.iommus_since.get(unit.model)
    if since is not None and target.caps.version.numbers < since:
        message = f"machine {of} is not known to have an IOMMU of this model before QEMU {since[0]}.{since[1]}"
        yield Refusal(place=place, message=message)


def _check_unit(unit: Iommu, features: Features, target: Target) -> Check:
    """What it needs of the machine and of its features, and of the binary."""
    yield from _check_machine(unit, target)
    if unit.intremap and (features.ioapic is None or features.ioapic.driver != "qemu"):
        message = "remapping interrupts needs QEMU's own I/O APIC"
        hint = "let <ioapic driver='qemu'/> be in <features>"
        yield Refusal(place=unit.place("intremap"), message=message, hint=hint)
    if unit.model != "virtio":
        return
    if target.caps.has("virtio-iommu-pci") and not target.caps.has(_BYPASS):
        message = f"QEMU {target.caps.version} has no {_BYPASS}: the guest's firmware would reach no device behind it"
        yield Refusal(place=unit.place("model"), message=message)
    if not features.acpi and target.is_x86:
        hint = "add <features><acpi/></features>"
        yield Refusal(place=unit.place("model"), message="a virtio IOMMU needs ACPI", hint=hint)
