"""Devices of the host that a guest gets: PCI devices with their IOMMU groups, mediated ones, USB and SCSI devices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from prober.commandline.refusal import Place
from prober.devices.hostdev.scsi import ScsiHostdev
from prober.devices.hostdev.usb import UsbHostdev
from prober.devices.interface.tap import NetworkInterface
from prober.rehearsal.preflight.files import look_at_host_device
from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong
from prober.rehearsal.preflight.memory import look_at_locked_memory
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import SeenHost
from prober.rehearsal.preflight.wanted import HostNeed

_PCI = "/sys/bus/pci/devices"
_USB = "/sys/bus/usb/devices"

_ADDRESS = re.compile(r"(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])")

#: Drivers that leave a device to VFIO, or that a group may have beside (kernel, ``drivers/vfio/pci``,
#: Documentation/driver-api/vfio.rst: a bridge's ``pcieport`` does no DMA for itself).
_HARMLESS = frozenset({"vfio-pci", "pci-stub", "pcieport"})

#: The class of a bridge, which takes part in a group without being taken.
_BRIDGE = "0x06"


class _Member(NamedTuple):
    """One device of an IOMMU group; ``driver`` is None where it has none."""

    address: str
    driver: str | None
    is_bridge: bool

    @property
    def keeps_group(self) -> bool:
        """Whether it is in the hands of a driver of the host, so that the group cannot be taken."""
        driver = self.driver
        return driver is not None and driver not in _HARMLESS and "vfio" not in driver and not self.is_bridge


def look_at_vfio(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A PCI device by its address: there, in an IOMMU group that is viable, and open to the user."""
    match = _ADDRESS.search(wish.text)
    if match is None:
        yield is_unknown("vfio", f"{wish.text[:80]} is no PCI address", wish.place, "it is not looked at")
        return
    view, place, address = on.view, wish.place, f"{match[1] or '0000'}:{match[2]}".lower()
    path, why = f"{_PCI}/{address}", "the guest gets this device"
    if view.names_in(_PCI) is None:
        yield is_unknown("vfio", "the PCI devices of this host cannot be listed", place, why)
        return
    if not view.is_there(path):
        yield is_wrong("vfio", f"there is no PCI device {address}", place, why, "find it: lspci -D")
        return
    group = view.last_of_link(f"{path}/iommu_group")
    if group is None:
        todo = "start the kernel with intel_iommu=on (AMD: switch the IOMMU on in the firmware of this machine)"
        said = f"the PCI device {address} is in no IOMMU group"
        yield is_wrong("vfio", said, place, "without an IOMMU its memory accesses cannot be confined", todo)
        return
    yield from _look_at_group(group, address, wish, on)
    yield from look_at_locked_memory(place, on)


def _look_at_group(group: str, address: str, wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    view, place = on.view, wish.place
    members = _members(group, view)
    if members is None:
        yield is_unknown(
            "vfio", f"the members of IOMMU group {group} cannot be listed", place, "all go with the device"
        )
        return
    taken = _addresses_taken(on)
    keeping = [member for member in members if member.keeps_group and member.address not in taken]
    yield from (_kept(member, group, address, place) for member in keeping)
    if not keeping:
        listed = ", ".join(f"{member.address} ({member.driver or 'no driver'})" for member in members)
        yield is_right("vfio", f"IOMMU group {group} is viable: {listed}", place)
    driver = view.last_of_link(f"{_PCI}/{address}/driver")
    if driver is not None and "vfio" in driver:
        yield from look_at_host_device("vfio", f"/dev/vfio/{group}", place, on)
    elif address in taken:
        said = f"{address} is taken from {driver or 'no driver'} by whoever starts QEMU (managed='yes')"
        yield is_right("vfio", said, place)
    else:
        why = "QEMU opens its group, which vfio-pci makes"
        todo = f"driverctl set-override {address} vfio-pci"
        yield from [] if driver is not None else [is_wrong("vfio", f"{address} has no driver", place, why, todo)]


def _kept(member: _Member, group: str, address: str, place: Place) -> HostFinding:
    """A member that keeps the group from the guest."""
    said = f"{member.address}, which is in IOMMU group {group} with {address}, is in the hands of {member.driver}"
    if member.address == address:
        said = f"the PCI device {address} is in the hands of {member.driver}, not of vfio-pci"
    why = f"group {group} is not viable: QEMU is given it as a whole or not at all"
    return is_wrong("vfio", said, place, why, f"driverctl set-override {member.address} vfio-pci")


def _members(group: str, view: SeenHost) -> list[_Member] | None:
    base = f"/sys/kernel/iommu_groups/{group}/devices"
    names = view.names_in(base) if re.fullmatch(r"\d{1,9}", group) else None
    if names is None:
        return None
    return [
        _Member(
            name,
            view.last_of_link(f"{_PCI}/{name}/driver"),
            (view.read(f"{_PCI}/{name}/class") or "").startswith(_BRIDGE),
        )
        for name in names
    ]


def _addresses_taken(on: Ground) -> frozenset[str]:
    """The devices that whoever starts QEMU takes from their drivers, as the XML says managed='yes'."""
    found = set()
    for wish in on.wanted.needs:
        match = _ADDRESS.search(wish.text) if wish.need.kind == "vfio" else None
        device = on.wanted.device(wish.need.name)
        managed = getattr(device, "managed", None)
        if isinstance(device, NetworkInterface) and device.network is not None:
            managed = device.network.managed
        if match is not None and managed:
            found.add(f"{match[1] or '0000'}:{match[2]}".lower())
    return frozenset(found)


def look_at_mdev(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A part of a device, which its driver has made."""
    why = "the guest gets this mediated device"
    if not on.view.is_there(wish.text):
        uuid = wish.text.rpartition("/")[2]
        todo = f"mdevctl start --uuid {uuid}"
        yield is_wrong("vfio", f"there is no mediated device {uuid}", wish.place, why, todo)
        return
    group = on.view.last_of_link(f"{wish.text}/iommu_group")
    if group is None or not re.fullmatch(r"\d{1,9}", group):
        yield is_unknown("vfio", f"the IOMMU group of {wish.text} is not known", wish.place, why)
    else:
        yield from look_at_host_device("vfio", f"/dev/vfio/{group}", wish.place, on)


def look_at_usb(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A USB device, by its place or by what it is."""
    device = on.wanted.device(wish.need.name)
    if not isinstance(device, UsbHostdev):
        yield is_unknown("usb", f"which USB device {wish.need.name} is is not known", wish.place, wish.need.todo)
        return
    if device.has_place:
        yield from look_at_host_device("usb", wish.text, wish.place, on)
        return
    name, why = f"{device.vendor or 0:04x}:{device.product or 0:04x}", "the guest gets this device"
    names = on.view.names_in(_USB)
    if names is None:
        yield is_unknown("usb", "the USB devices of this host cannot be listed", wish.place, why)
        return
    found = [path for one in names if (path := _usb_path(one, name, on.view)) is not None]
    if not found and device.startup_policy in ("optional", "requisite"):
        yield is_right("usb", f"there is no USB device {name}, which the guest can do without", wish.place)
    elif not found:
        yield is_wrong("usb", f"there is no USB device {name}", wish.place, why, "plug it in; `lsusb` lists them")
    elif len(found) > 1:
        said = f"{len(found)} USB devices are {name}: {', '.join(found)}"
        todo = "write <address bus=… device=…> of the one that is meant"
        yield is_wrong("usb", said, wish.place, "which one the guest gets is not said", todo)
    else:
        yield from look_at_host_device("usb", found[0], wish.place, on)


def _usb_path(entry: str, name: str, view: SeenHost) -> str | None:
    """The device file of an entry of sysfs, where it is one of this name."""
    vendor, product = (view.read(f"{_USB}/{entry}/{key}") for key in ("idVendor", "idProduct"))
    if f"{vendor}:{product}" != name:
        return None
    bus, number = (view.number(f"{_USB}/{entry}/{key}") for key in ("busnum", "devnum"))
    return None if bus is None or number is None else f"/dev/bus/usb/{bus:03}/{number:03}"


def look_at_scsi(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A SCSI device of an adapter: there, with its generic device open to the user."""
    device = on.wanted.device(wish.need.name)
    if not isinstance(device, ScsiHostdev) or device.adapter is None:
        yield is_unknown("scsi", f"which SCSI device {wish.need.name} is is not known", wish.place, wish.need.todo)
        return
    number = device.adapter.removeprefix("scsi_host")
    spot = f"{number}:{device.source_bus}:{device.source_target}:{device.source_unit}"
    path, why = f"/sys/bus/scsi/devices/{spot}", "the guest gets this device"
    if on.view.names_in("/sys/bus/scsi/devices") is None:
        yield is_unknown("scsi", "the SCSI devices of this host cannot be listed", wish.place, why)
    elif not on.view.is_there(path):
        yield is_wrong("scsi", f"there is no SCSI device {spot}", wish.place, why, "find it: lsscsi -g")
    else:
        generic = on.view.names_in(f"{path}/scsi_generic") or []
        if not generic:
            said = f"the SCSI device {spot} has no generic device"
            yield is_wrong("scsi", said, wish.place, "QEMU speaks to it through /dev/sgN", "modprobe sg")
        for one in generic:
            yield from look_at_host_device("scsi", f"/dev/{one}", wish.place, on)
