"""``<controller type='scsi'>``: SCSI host adapters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property, Value
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import Address, DriveAddress
from prober.domain.shared.iothreads import IothreadMapping, mapping_property, mapping_rules
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice, virtio_driver, virtio_plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Count, OnOff

#: QEMU's device for each model but virtio's (libvirt 11.3, ``qemuBuildControllerSCSIDevProps``).
_DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "lsilogic": "lsi",
        "lsisas1068": "mptsas1068",
        "lsisas1078": "megasas",
        "vmpvscsi": "pvscsi",
        "am53c974": "am53c974",
    }
)

_VIRTIO = ("virtio-scsi", "virtio-transitional", "virtio-non-transitional")

#: Why the other models cannot be had.
_UNKNOWN: Mapping[str, str] = MappingProxyType(
    {
        "buslogic": "QEMU has no BusLogic adapter",
        "ibmvscsi": "that adapter is of pSeries machines",
        "ncr53c90": "that adapter is part of machines of other kinds, and no x86 machine has it",
        "dc390": "libvirt 11.3 writes a device (dc-390) that no QEMU has; use am53c974, which is the same chip",
    }
)

#: Models whose disks have one number alone (``qemuBuildDeviceAddresDriveProps``).
NARROW = ("lsilogic", "ncr53c90", "dc390", "am53c974")

#: What only virtio's have (``qemuValidateDomainDeviceDefControllerAttributes``).
_OF_VIRTIO = (
    "queues", "cmd_per_lun", "max_sectors", "ioeventfd", "iothread", "iothreads",
    "virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq",
)  # fmt: skip


class ScsiController(Controller, VirtioDevice):
    """One adapter.  Without a model, or with ``auto``, it is the LSI 53C895A if the binary has it."""

    tag = ""
    controller_type = "scsi"
    emit_turn = 20
    fills_gaps = True

    type: Annotated[Literal["scsi"], At("@type"), Becomes("the device")] = "scsi"
    model: Annotated[
        Literal[
            "auto", "buslogic", "lsilogic", "lsisas1068", "vmpvscsi", "ibmvscsi", "virtio-scsi", "lsisas1078",
            "virtio-transitional", "virtio-non-transitional", "ncr53c90", "dc390", "am53c974",
        ] | None,
        At("@model"),
        Becomes("the device: `lsi`, `mptsas1068`, `megasas`, `pvscsi`, `am53c974` or `virtio-scsi-pci`"),
    ] = None  # fmt: skip
    iothread: Annotated[Count | None, At("driver/@iothread"), Becomes("`iothread`")] = None
    queues: Annotated[Count | None, At("driver/@queues"), Becomes("`num_queues`")] = None
    iothreads: Annotated[
        tuple[IothreadMapping, ...], At("driver/iothreads/iothread"), Becomes("`iothread-vq-mapping`")
    ] = ()
    cmd_per_lun: Annotated[Count | None, At("driver/@cmd_per_lun"), Becomes("`cmd_per_lun`")] = None
    max_sectors: Annotated[Count | None, At("driver/@max_sectors"), Becomes("`max_sectors`")] = None
    ioeventfd: Annotated[OnOff | None, At("driver/@ioeventfd"), Becomes("`ioeventfd`")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    @property
    def is_virtio(self) -> bool:
        """Whether it is virtio's."""
        return self.model in _VIRTIO

    def with_default_model(self, target: Target) -> Controller:
        """The machine's usual one, else the LSI, or virtio's (11.3, ``qemuDomainDefaultSCSIControllerModel``)."""
        if self.model not in (None, "auto"):
            return self
        usual = "lsilogic" if target.caps.has("lsi53c895a") else "virtio-scsi"
        return self.replace(model=target.family.defaults.scsi or usual)

    @property
    def may_be_mmio(self) -> bool:
        """virtio's."""
        return self.model == "virtio-scsi"

    def plug(self, target: Target) -> Kinds | None:
        """All are PCI devices."""
        return virtio_plug(target, self.model or "") if self.is_virtio else Plug.pci()

    def rules(self) -> Iterator[Broken]:
        """Which models there are, and what belongs to virtio's alone."""
        why = _UNKNOWN.get(self.model or "")
        if why is not None:
            yield Broken("model", f"model='{self.model}': {why}")
        elif not self.is_virtio:
            for name in _OF_VIRTIO:
                if getattr(self, name) not in (None, ()):
                    yield Broken(name, "this belongs to model='virtio-scsi' alone")
        if self.iothread and self.iothreads:
            yield Broken("iothread", "iothread='…' and <iothreads> cannot be used together")
        yield from mapping_rules(self.iothreads, self.queues, "iothreads")

    def domain_rules(self, nodes: int, threads: Collection[int]) -> Iterator[Broken]:
        """I/O threads that the domain does not have."""
        wanted = [("iothread", self.iothread)] if self.iothread else []
        wanted += [("iothreads", thread.id) for thread in self.iothreads]
        for name, number in wanted:
            if number not in threads:
                yield Broken(name, f"the domain has no I/O thread {number}; <iothreads> or <iothreadids> make some")

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """A target on the old ones; channel, target and unit on the others."""
        if self.model in NARROW:
            yield "bus", f"{self.id}.{address.bus}"
            yield "scsi-id", address.unit
        else:
            yield "bus", f"{self.id}.0"
            yield "channel", address.bus
            yield "scsi-id", address.target
            yield "lun", address.unit

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        model = self.model or ""
        if self.is_virtio:
            driver = virtio_driver("virtio-scsi-pci", "virtio" if model == "virtio-scsi" else model)
            own: tuple[Property, ...] = tuple(self._virtio_properties())
        else:
            # What cannot be had is refused; its properties are checked as the LSI's.
            driver, own = _DRIVERS.get(model, "lsi"), (self.identity(),)
        yield options.DeviceOption(driver, (*own, *self.pci_properties(target)), self.place("model"))

    def _virtio_properties(self) -> Iterator[Property]:
        yield from self.properties()
        if self.iothread:
            yield Property("iothread", f"iothread{self.iothread}", self.place("iothread"))
        yield self.identity()
        if self.queues:
            yield Property("num_queues", self.queues, self.place("queues"))
        if self.iothreads:
            yield mapping_property(self.iothreads, self.place("iothreads"))
        for name in ("cmd_per_lun", "max_sectors"):
            value = getattr(self, name)
            if value:
                yield Property(name, value, self.place(name))
        if self.ioeventfd is not None:
            yield Property("ioeventfd", self.ioeventfd, self.place("ioeventfd"))
