"""What this machine and this QEMU cannot do, once a disk is completed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile

from prober.commandline.refusal import Note, Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.memory.sharing import HINT, shares_memory
from prober.domain.shared.address import DriveAddress, UsbAddress
from prober.domain.shared.source.backing import check_sources, sources_of
from prober.domain.steps import Check
from prober.host.target import Target

#: What a QEMU without ``-blockdev`` is not told of.
_NEW = (
    "cache", "io", "discard", "detect_zeroes", "discard_no_unref", "max_size", "copy_on_read", "throttle_filters",
    "backing", "encryption", "auth",
)  # fmt: skip


_HINT = "give one with --monitor, and do what the resource says"


def check_disks(domain: Domain, target: Target) -> Check:
    """All of it, disk by disk.  What has to be looked at is told for all of them first, as far as it can be."""
    disks = domain.devices.of(Disk)
    checks = list(_checks(domain, disks, target))
    for disk in disks:
        for check in checks:
            yield from check(disk)


def _checks(domain: Domain, disks: Sequence[Disk], target: Target) -> Iterator[Callable[[Disk], Check]]:
    """What each disk of this domain is asked, in order."""
    yield _check_sources
    if not target.caps.has("blockdev-del"):
        yield _check_old
    yield _check_place
    if target.monitor is None:
        yield _check_monitor
    groups: dict[str, list[Disk]] = {}
    for disk in disks:
        if disk.io_tune is not None and disk.io_tune.group_name is not None:
            groups.setdefault(disk.io_tune.group_name, []).append(disk)
    if groups:
        yield partial(_check_group, groups=groups)
    yield partial(_check_threads, threads={thread.id for thread in domain.threads})
    fixed = {label.model for label in domain.seclabels if not label.relabels}
    if fixed:
        yield partial(_check_labels, fixed=fixed)
    if not shares_memory(domain.memory_backing, domain.numa):
        yield _check_memory


def _check_sources(disk: Disk) -> Check:
    """What belongs to which type of source, of the image and of all that it stands on."""
    if disk.source is not None and disk.kind != "volume":
        yield from check_sources(disk.kind, disk.source, disk.backing)


def _check_place(disk: Disk) -> Check:
    """There is a controller for it, and that has such a place; other buses make theirs."""
    address, bus = disk.address, disk.bus
    if bus == "scsi" and isinstance(address, DriveAddress):
        if disk.parent is None:
            message = f"there is no SCSI controller {address.controller} for it"
            yield Refusal(place=disk.place("target_dev"), message=message)
        elif address.target and getattr(disk.parent, "model", None) == "lsilogic":
            yield Refusal(place=disk.place("address"), message="target is always 0 on a controller of model 'lsilogic'")
    if bus == "usb" and not isinstance(address, UsbAddress):
        yield Refusal(place=disk.place("target_bus"), message="there is no USB controller for it")


def _check_old(disk: Disk) -> Check:
    """Before ``-blockdev`` (QEMU 2.9) only plain disks are understood."""
    message = "this needs a QEMU that has -blockdev (QEMU 2.9)"
    for name in _NEW:
        if getattr(disk, name):
            yield Refusal(place=disk.place(name), message=message)
    if disk.format not in ("raw", "qcow2"):
        yield Refusal(place=disk.place("driver_type"), message=message)
    if disk.shareable and not disk.is_read_only:
        yield Refusal(place=disk.place("shareable"), message=message)
    if disk.kind not in ("file", "block"):
        yield Refusal(place=disk.place("type"), message=message)
    if disk.source is not None and (disk.source.slices or disk.source.encryption or disk.source.data_store):
        yield Refusal(place=disk.place("source"), message=message)


def _check_labels(disk: Disk, fixed: Collection[str | None]) -> Check:
    """No label of its own where the domain labels nothing (``virSecurityDeviceLabelDefValidate``)."""
    for source in sources_of(disk.source, disk.backing):
        for label in source.seclabels:
            if label.model in fixed:
                message = "a label of its own needs a domain whose <seclabel> of this model relabels"
                yield Refusal(place=label.place(), message=message)


def _check_threads(disk: Disk, threads: Collection[int]) -> Check:
    """The I/O threads that serve it are the domain's."""
    wanted = [("iothread", disk.iothread)] if disk.iothread is not None else []
    wanted += [("iothreads", thread.id) for thread in disk.iothreads]
    for name, number in wanted:
        if number not in threads:
            message = f"the domain has no I/O thread {number}"
            yield Refusal(place=disk.place(name), message=message, hint="see <iothreads>")


def _check_monitor(disk: Disk) -> Check:
    """What is done once QEMU runs, and needs a monitor.

    Without limits or histograms a guest runs as well, which a note says.  A disk that is not to change would be
    written to.
    """
    if disk.io_tune is not None:
        message = "<iotune> is set on QEMU's monitor: without one the disk has no limits"
        yield Note(place=disk.place("io_tune"), message=message, hint=_HINT)
    if disk.transient is not None:
        message = "<transient> is prepared on QEMU's monitor: without one the image itself is written to"
        yield Refusal(place=disk.place("transient"), message=message, hint=_HINT)
    if disk.statistics is not None and disk.has_histograms:
        message = "<latency-histogram> is set on QEMU's monitor: without one there is none"
        yield Note(place=disk.statistics.place("histograms"), message=message, hint=_HINT)


def _check_group(disk: Disk, groups: Mapping[str, Sequence[Disk]]) -> Check:
    """Disks of one group have one set of limits (``qemuValidateDomainDeviceDefDiskBlkdeviotune``)."""
    tune = disk.io_tune
    if tune is None or tune.group_name is None:
        return
    for earlier in takewhile(lambda member: member is not disk, groups[tune.group_name]):
        if earlier.io_tune is not None and earlier.io_tune.numbers != tune.numbers:
            message = f"disks {earlier.target_dev} and {disk.target_dev} are in one group with different limits"
            yield Refusal(place=tune.place("group_name"), message=message)


def _check_memory(disk: Disk) -> Check:
    """What another process serves sees the guest's memory."""
    if disk.kind in ("vhostuser", "vhostvdpa"):
        message = f"a disk of type '{disk.kind}' needs memory that is shared"
        yield Refusal(place=disk.place("type"), message=message, hint=HINT)
