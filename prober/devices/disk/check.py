"""What this machine and this QEMU cannot do, once a disk is completed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prober.commandline.refusal import Place, Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.memory.sharing import HINT, shares_memory
from prober.domain.shared.address import DriveAddress, UsbAddress
from prober.domain.shared.source.backing import image_faults, sources_of
from prober.host.target import Target


class Fault(NamedTuple):
    """One thing that is wrong, and what would help."""

    place: Place
    message: str
    hint: str = ""


#: What a QEMU without ``-blockdev`` is not told of.
_NEW = (
    "cache", "io", "discard", "detect_zeroes", "discard_no_unref", "max_size", "copy_on_read", "throttle_filters",
    "backing", "encryption", "auth",
)  # fmt: skip


def check_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """All of it, disk by disk.  What has to be looked at is told for all of them first, as far as it can be."""
    disks = domain.devices.of(Disk)
    is_old = not target.caps.has("blockdev-del")
    threads = {thread.id for thread in domain.threads}
    fixed = {label.model for label in domain.seclabels if not label.relabels}
    shared = shares_memory(domain.memory_backing, domain.numa)
    for disk in disks:
        faults: list[Fault] = []
        if disk.source is not None and disk.kind != "volume":
            faults += [Fault(place, message) for place, message in image_faults(disk.kind, disk.source, disk.backing)]
        if is_old:
            faults += _old_faults(disk)
        if disk.bus in ("scsi", "usb"):
            faults += _place_faults(disk)
        if target.monitor is None:
            faults += _monitor_faults(disk)
        if disk.io_tune is not None:
            faults += _group_faults(disk, disks)
        if disk.iothread is not None or disk.iothreads:
            faults += _thread_faults(disk, threads)
        if fixed:
            faults += _label_faults(disk, fixed)
        if not shared and disk.kind in ("vhostuser", "vhostvdpa"):
            faults.append(Fault(disk.place("type"), f"a disk of type '{disk.kind}' needs memory that is shared", HINT))
        if faults:
            refusals += [Refusal(place=fault.place, message=fault.message, hint=fault.hint) for fault in faults]
    return domain


def _place_faults(disk: Disk) -> Iterator[Fault]:
    """There is a controller for it, and that has such a place; other buses make theirs."""
    address, bus = disk.address, disk.bus
    if bus == "scsi" and isinstance(address, DriveAddress):
        if disk.parent is None:
            yield Fault(disk.place("target_dev"), f"there is no SCSI controller {address.controller} for it")
        elif address.target and getattr(disk.parent, "model", None) == "lsilogic":
            yield Fault(disk.place("address"), "target is always 0 on a controller of model 'lsilogic'")
    if bus == "usb" and not isinstance(address, UsbAddress):
        yield Fault(disk.place("target_bus"), "there is no USB controller for it")


def _old_faults(disk: Disk) -> Iterator[Fault]:
    """Before ``-blockdev`` (QEMU 2.9) only plain disks are understood."""
    message = "this needs a QEMU that has -blockdev (QEMU 2.9)"
    for name in _NEW:
        if getattr(disk, name):
            yield Fault(disk.place(name), message)
    if disk.format not in ("raw", "qcow2"):
        yield Fault(disk.place("driver_type"), message)
    if disk.shareable and not disk.is_read_only:
        yield Fault(disk.place("shareable"), message)
    if disk.kind not in ("file", "block"):
        yield Fault(disk.place("type"), message)
    if disk.source is not None and (disk.source.slices or disk.source.encryption or disk.source.data_store):
        yield Fault(disk.place("source"), message)


def _label_faults(disk: Disk, fixed: set[str | None]) -> Iterator[Fault]:
    """No label of its own where the domain labels nothing (``virSecurityDeviceLabelDefValidate``)."""
    for source in sources_of(disk.source, disk.backing):
        for label in source.seclabels:
            if label.model in fixed:
                message = "a label of its own needs a domain whose <seclabel> of this model relabels"
                yield Fault(label.place(), message)


def _thread_faults(disk: Disk, threads: set[int]) -> Iterator[Fault]:
    wanted = [("iothread", disk.iothread)] if disk.iothread is not None else []
    wanted += [("iothreads", thread.id) for thread in disk.iothreads]
    for name, number in wanted:
        if number not in threads:
            yield Fault(disk.place(name), f"the domain has no I/O thread {number}", "see <iothreads>")


def _monitor_faults(disk: Disk) -> Iterator[Fault]:
    """What is done once QEMU runs, and needs a monitor."""
    for name, what in (("io_tune", "<iotune> is set"), ("transient", "<transient> is prepared")):
        if getattr(disk, name) is not None:
            yield Fault(disk.place(name), f"{what} on QEMU's monitor", "give a monitor, and do what the resource says")


def _group_faults(disk: Disk, disks: Sequence[Disk]) -> Iterator[Fault]:
    """Disks of one group have one set of limits (``qemuValidateDomainDeviceDefDiskBlkdeviotune``)."""
    tune = disk.io_tune
    if tune is None or tune.group_name is None:
        return
    for other in disks:
        same = other.io_tune is not None and other.io_tune.group_name == tune.group_name
        if other is disk:
            return
        if same and other.io_tune is not None and other.io_tune.numbers != tune.numbers:
            message = f"disks {other.target_dev} and {disk.target_dev} are in one group with different limits"
            yield Fault(tune.place("group_name"), message)
