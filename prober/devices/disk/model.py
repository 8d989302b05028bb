"""What a ``<disk>`` says, and what follows from that alone."""

from __future__ import annotations

from typing import Annotated, Literal

from prober.devices.disk.driver import DriverFields
from prober.devices.disk.geometry import GeometryFields
from prober.devices.disk.mirror import Mirror
from prober.devices.disk.names import UNITS, index_of, namespace_of, prefix_of
from prober.devices.disk.tuning import TuningFields
from prober.domain.shared.address import Address, DriveAddress
from prober.domain.shared.device import Bootable, Device
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.source import Auth, BackingStore, Encryption, Image, StorageSource
from prober.domain.shared.source.backing import chained
from prober.domain.shared.source.model import SourceKind
from prober.domain.shared.virtio import VirtioModel
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral, Qemu
from prober.xml.values import Count, LineOrNothing, OnOff, YesNo

#: The bus that a name stands for, where none is given (libvirt 11.3, ``virDomainDiskDefPostParse``).
_BUSES = {"hd": "ide", "sd": "scsi", "vd": "virtio", "xvd": "xen", "ubd": "uml", "nvme": "nvme"}

#: What ``<os><boot dev>`` calls each kind of drive.
_BOOT_DEVICES = {"disk": "hd", "lun": "hd", "cdrom": "cdrom", "floppy": "fd"}


class DiskElement(DriverFields, GeometryFields, TuningFields, Bootable):
    """One drive of the guest with what is in it."""

    boot_dev = "hd"

    type: Annotated[SourceKind, At("@type"), Becomes("the `driver` of `-blockdev`")] = "file"
    device: Annotated[Literal["disk", "cdrom", "floppy", "lun"], At("@device"), Becomes("the device")] = "disk"
    model: Annotated[
        VirtioModel | Literal["default", "usb-storage", "usb-bot"] | None,
        At("@model"),
        Becomes("the device of a virtio or USB disk"),
    ] = None
    rawio: Annotated[YesNo | None, At("@rawio"), Neutral("a capability of the process, given by libvirt")] = None
    sgio: Annotated[Literal["filtered"] | None, At("@sgio"), Neutral("a setting of the host's kernel")] = None
    snapshot: Annotated[
        Literal["no", "internal", "external", "manual"] | None, At("@snapshot"), Neutral("what later snapshots do")
    ] = None
    source: Annotated[StorageSource | None, At("source"), Becomes("the block nodes")] = None
    auth: Annotated[Auth | None, At("auth"), Becomes("the user's name, and an `-object secret`")] = None
    encryption: Annotated[Encryption | None, At("encryption"), Becomes("`key-secret`, `encrypt`")] = None
    backing: Annotated[BackingStore | None, At("backingStore"), Becomes("`backing`")] = None
    mirror: Annotated[Mirror | None, At("mirror"), Neutral("a start does not begin it anew")] = None
    target_dev: Annotated[str, At("target/@dev"), Becomes("the disk's `id`, place and order")]
    target_bus: Annotated[
        Literal["ide", "fdc", "scsi", "virtio", "usb", "sata", "nvme"] | None, At("target/@bus"), Becomes("the device")
    ] = None
    tray: Annotated[Literal["open", "closed"] | None, At("target/@tray"), Neutral("what QEMU last said of it")] = None
    removable: Annotated[OnOff | None, At("target/@removable"), Becomes("`removable`")] = None
    rotation_rate: Annotated[Count | None, At("target/@rotation_rate"), Becomes("`rotation_rate`")] = None
    dpofua: Annotated[OnOff | None, At("target/@dpofua"), Qemu("dpofua")] = None
    readonly: Annotated[bool, At("readonly"), Becomes("`read-only`")] = False
    shareable: Annotated[bool, At("shareable"), Becomes("`share-rw`, and `cache` where that is not set")] = False
    serial: Annotated[LineOrNothing, At("serial"), Becomes("`serial`")] = None
    wwn: Annotated[LineOrNothing, At("wwn"), Becomes("`wwn`")] = None
    vendor: Annotated[LineOrNothing, At("vendor"), Qemu("vendor")] = None
    product: Annotated[LineOrNothing, At("product"), Becomes("`product`, on IDE and SATA `model`")] = None
    address: Annotated[Address | None, At("address"), Becomes("the device's place")] = None

    #: libvirt's number of its image, which names the image's nodes; filled in by completing.
    node: int = 0
    #: libvirt's number of the first node that limits it.
    first_filter: int = 0
    #: Whether its image is a CD drive of the host.
    host_cdrom: bool = False
    #: Whether its image may be missing, is, and the disk with it.
    is_left_out: bool = False

    @property
    def boot_kind(self) -> str:
        """What ``<os><boot dev>`` calls it."""
        return _BOOT_DEVICES[self.device]

    @property
    def bus(self) -> str:
        """The bus; where the XML does not say, the name does, as in libvirt."""
        if self.target_bus is not None:
            return self.target_bus
        return "fdc" if self.device == "floppy" else _BUSES.get(prefix_of(self.target_dev), "ide")

    @property
    def number(self) -> int:
        """The index in the name: vda is 0, vdb 1, vdaa 26."""
        return index_of(self.target_dev)

    @property
    def kind(self) -> str:
        """The type of its source; without one the type that is given means nothing."""
        return "file" if self.source is None else self.type

    @property
    def is_empty(self) -> bool:
        """Whether no image is in it."""
        return self.source is None or self.source.is_empty(self.kind)

    @property
    def is_read_only(self) -> bool:
        """A CD is, whether the XML says so or not."""
        return self.readonly or self.device == "cdrom"

    @property
    def cache_mode(self) -> str | None:
        """How it caches: an image that others write, too, cannot (libvirt, ``qemuDomainPrepareDiskCachemode``)."""
        if self.cache in (None, "default"):
            return "none" if self.shareable and not self.is_read_only else None
        return self.cache

    @property
    def format(self) -> str:
        """The format of its image; of a volume it is known once that is translated."""
        return self.driver_type or "raw"

    def image(self, target: Target) -> Image | None:
        """What is in it, with all that it stands on; None too where a socket takes its place."""
        if self.source is None or self.is_empty or self.kind in ("vhostuser", "volume"):
            return None
        base = Image(
            kind=self.kind,
            source=self.source,
            format=self.format,
            number=self.node,
            read_only=self.is_read_only,
            place=self.place("source"),
            owner=self.alias or "",
            access=self.access(self.cache_mode, floppy=self.device == "floppy"),
            format_place=self.place("driver_type"),
            cdrom=self.host_cdrom,
            encryption=self.encryption or self.source.encryption,
            auth=self.auth or self.source.auth,
            cache_size=self.max_size.bytes if self.max_size is not None else None,
        )
        return chained(base, self.backing, self.source.data_store, target)

    def image_count(self, target: Target) -> int:
        """How many numbers its images take; 0 where it has no image."""
        if self.source is None or self.is_empty or self.kind in ("vhostuser", "volume"):
            return 0
        if self.backing is None and self.source.data_store is None:
            return 1
        image = self.image(target)
        return image.count if image is not None else 0

    @property
    def filter_nodes(self) -> list[str]:
        """The names of the nodes that limit it, from the image's side."""
        return [f"libvirt-{self.first_filter + number}-filter" for number in range(len(self.throttle_filters))]

    @property
    def last_number(self) -> int:
        """libvirt's number of its last node."""
        return self.first_filter + len(self.throttle_filters) - 1

    def default_address(self) -> DriveAddress | None:
        """The place on a controller that the name stands for (``virDomainDiskDefAssignAddress``)."""
        if self.bus == "nvme":
            controller, unit = namespace_of(self.target_dev) or (0, self.number)
            return DriveAddress(controller=controller, unit=unit)
        units = UNITS.get(self.bus)
        if units is None:
            return None
        controller, unit = divmod(self.number, units)
        if self.bus == "ide":
            return DriveAddress(controller=controller, bus=unit // 2, unit=unit % 2)
        return DriveAddress(controller=controller, unit=unit)

    def name_on(self, parent: Device | None, number: int, target: Target) -> str:
        """libvirt's alias for it (``qemuAssignDeviceDiskAlias``)."""
        address = self.address
        if not isinstance(address, DriveAddress):
            return f"{self.bus}-disk{self.number}"
        if self.bus == "scsi" and getattr(parent, "model", None) != "lsilogic":
            return f"scsi{address.controller}-{address.bus}-{address.target}-{address.unit}"
        return f"{self.bus}{address.controller}-{address.bus}-{address.unit}"

    @property
    def is_behind_bot(self) -> bool:
        """Whether it is a SCSI drive behind ``usb-bot``: a CD drive is, unless it says ``usb-storage``, which shows any
        image as a disk, and is none without one (libvirt 12; 11.3 knew that alone)."""
        return self.bus == "usb" and (self.model == "usb-bot" or (self.device == "cdrom" and self.model is None))

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port."""
        return self.bus == "usb"

    @property
    def plugs_into(self) -> tuple[str, int] | None:
        """The controller of its bus."""
        if isinstance(self.address, DriveAddress):
            return self.bus, self.address.controller
        return super().plugs_into

    @property
    def may_be_mmio(self) -> bool:
        """Where it is virtio's."""
        return self.bus == "virtio" and self.model in (None, "default", "virtio") and self.kind != "vhostuser"

    def plug(self, target: Target) -> Kinds | None:
        """Only virtio disks are PCI devices; a transitional one is so in a conventional slot alone."""
        if self.bus != "virtio":
            return None
        return Plug.pci() if self.model == "virtio-transitional" else Plug.virtio(target)

    def is_builtin(self, target: Target) -> bool:
        """A disk without its image may be left out."""
        return self.is_left_out
