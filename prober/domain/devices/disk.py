"""``<disk>``: an image file, and the disk that the guest sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property, Value
from prober.domain.binding import At
from prober.domain.shared.address import Address, DriveAddress, PciAddress
from prober.domain.shared.device import Bootable
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target
from prober.domain.values import AbsolutePath

_TARGET = re.compile(r"(?:vd|hd|sd)([a-z]{1,7})")

#: What libvirt's target names begin with, on each bus.
_PREFIXES = {"virtio": "vd", "ide": "hd", "sata": "sd"}


class Disk(Bootable):
    """A hard disk backed by a file."""

    element = "disk"
    address_turn = 40
    boot_dev = "hd"

    type: Annotated[Literal["file"], At("@type")]
    device: Annotated[Literal["disk"], At("@device")] = "disk"
    driver_name: Annotated[Literal["qemu"], At("driver/@name")] = "qemu"
    driver_type: Annotated[Literal["raw", "qcow2"], At("driver/@type")] = "raw"
    source: Annotated[AbsolutePath, At("source/@file")]
    target_dev: Annotated[str, At("target/@dev")]
    target_bus: Annotated[Literal["virtio", "ide", "sata"] | None, At("target/@bus")] = None
    readonly: Annotated[bool, At("readonly")] = False
    address: Annotated[Address | None, At("address")] = None

    #: Its number among the disks, counted from the last, as libvirt's node names have it.
    node: int = 0

    def rules(self) -> Iterator[tuple[str, str]]:
        """The name, and the kind of address that its bus has."""
        if not _TARGET.fullmatch(self.target_dev):
            yield "target_dev", f"'{self.target_dev}' is not a disk name like vda, hda or sda"
        if isinstance(self.address, PciAddress) and self.bus != "virtio":
            yield "address", f"a disk on {self.bus} has an address of type 'drive', not 'pci'"
        if isinstance(self.address, DriveAddress):
            yield from self._drive_rules(self.address)
        if self.readonly and self.bus in ("ide", "sata"):
            yield "readonly", "an IDE or SATA hard disk cannot be read-only in QEMU"

    def _drive_rules(self, address: DriveAddress) -> Iterator[tuple[str, str]]:
        if self.bus == "virtio":
            yield "address", "a virtio disk has an address of type 'pci', not 'drive'"
        if address.target:
            yield "address", "target is always 0 on IDE and SATA"
        if self.bus == "ide" and (address.bus > 1 or address.unit > 1):
            yield "address", "an IDE controller has buses 0 and 1 with units 0 and 1"
        if self.bus == "sata" and (address.bus > 0 or address.unit > 5):
            yield "address", "a SATA controller has bus 0 with units 0 to 5"

    @property
    def bus(self) -> str:
        """The bus; where the XML does not say, the name does, as in libvirt."""
        if self.target_bus is not None:
            return self.target_bus
        return {"vd": "virtio", "hd": "ide"}.get(self.target_dev[:2], "sata")

    @property
    def number(self) -> int:
        """The index in the name: vda is 0, vdb 1, vdaa 26 (libvirt, ``virDiskNameToIndex``)."""
        match = _TARGET.fullmatch(self.target_dev)
        assert match is not None
        index = 0
        for letter in match.group(1):
            index = index * 26 + ord(letter) - ord("a") + 1
        return index - 1

    def default_address(self) -> DriveAddress | None:
        """The place on a controller that the name stands for (``virDomainDiskDefAssignAddress``)."""
        if self.bus == "ide":
            controller, rest = divmod(self.number, 4)
            return DriveAddress(controller=min(controller, 256), bus=rest // 2, unit=rest % 2)
        if self.bus == "sata":
            return DriveAddress(controller=min(self.number // 6, 256), unit=self.number % 6)
        return None

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it (``qemuAssignDeviceDiskAlias``)."""
        if isinstance(self.address, DriveAddress):
            return f"{self.bus}{self.address.controller}-{self.address.bus}-{self.address.unit}"
        return f"virtio-disk{self.number}"

    def plug(self, target: Target) -> Kinds | None:
        """Only virtio disks are PCI devices."""
        return Plug.virtio(target) if self.bus == "virtio" else None

    def emit(self, target: Target) -> Iterator[options.Option]:
        """The image (``-blockdev``, before QEMU 2.9 ``-drive``), then the device."""
        if target.caps.has("blockdev-del"):
            nodes = list(self._nodes(target))
            yield from nodes
            drive = str(nodes[-1].value["node-name"])
        else:
            drive = f"drive-{self.id}"
            yield self._drive(drive)
        yield self._device(drive, target)

    def _nodes(self, target: Target) -> Iterator[options.Qapi]:
        storage: dict[str, Value] = {
            "driver": "file",
            "filename": self.source,
            "node-name": f"libvirt-{self.node}-storage",
        }
        places = {"filename": self.place("source"), "driver": self.place("driver_type")}
        if self.driver_type == "raw" and has_raw_without_format(target):
            storage["read-only"] = self.readonly
            yield options.Qapi("-blockdev", "blockdev-add", "driver", storage, self.place(), places)
            return
        if target.caps.has("blockdev-add.auto-read-only"):
            storage["auto-read-only"] = True
        else:
            storage["read-only"] = self.readonly
        storage["discard"] = "unmap"
        yield options.Qapi("-blockdev", "blockdev-add", "driver", storage, self.place(), places)
        image: dict[str, Value] = {
            "node-name": f"libvirt-{self.node}-format",
            "read-only": self.readonly,
            "driver": self.driver_type,
            "file": f"libvirt-{self.node}-storage",
        }
        yield options.Qapi("-blockdev", "blockdev-add", "driver", image, self.place(), places)

    def _drive(self, name: str) -> options.Keyval:
        pairs = [
            Property("file", self.source, self.place("source")),
            Property("format", self.driver_type, self.place("driver_type")),
            Property("if", "none", self.place()),
            Property("id", name, self.place()),
        ]
        if self.readonly:
            pairs.append(Property("readonly", True, self.place("readonly")))
        return options.Keyval("-drive", "", tuple(pairs), self.place())

    def _device(self, drive: str, target: Target) -> options.Device:
        driver = "virtio-blk-pci" if self.bus == "virtio" else "ide-hd"
        properties = [*self._bus_properties(target), Property("drive", drive, self.place("source"))]
        properties.append(Property("id", self.id, self.place()))
        properties += self.boot_properties()
        return options.Device(driver, tuple(properties), self.place())

    def _bus_properties(self, target: Target) -> Iterator[Property]:
        if not isinstance(self.address, DriveAddress):
            yield from self.pci_properties(target)
            return
        place, address = self.place("address"), self.address
        if self.bus == "ide":
            yield Property("bus", f"ide.{address.bus}", place)
            yield Property("unit", address.unit, place)
        else:
            # Each port of an AHCI controller is a bus of its own, with one unit.
            builtin = target.kind == "q35" and address.controller == 0
            controller = "ide" if builtin else f"sata{address.controller}"
            yield Property("bus", f"{controller}.{address.unit}", place)


def has_raw_without_format(target: Target) -> bool:
    """Whether a raw image needs no format node of its own.

    libvirt does without it where block jobs can hide the missing layer: ``backing-mask-protocol`` of both
    ``block-commit`` and ``block-stream`` (QEMU 9.0; libvirt 11.3, ``qemuBlockStorageSourceNeedsFormatLayer``).
    """
    return all(target.caps.has(f"{command}.backing-mask-protocol") for command in ("block-commit", "block-stream"))
