"""What a disk's properties ask of one another."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, number, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_GEOMETRY = ("cyls", "heads", "secs")


def _geometry(line: Line) -> Iterator[Fault]:
    if line.properties.isdisjoint(_GEOMETRY) or line.globals.intersection(_GEOMETRY):
        return
    for device in line.devices:
        if not any(name in device.values for name in _GEOMETRY):
            continue
        counts = {name: number(device.values.get(name, 0)) for name in _GEOMETRY}
        missing = [name for name, count in counts.items() if count == 0]
        if missing and len(missing) < len(_GEOMETRY) and None not in counts.values():
            yield Fault(device.place, missing[0], f"a disk with some of {', '.join(_GEOMETRY)} needs all of them")


def _iothread(line: Line) -> Iterator[Fault]:
    if "ioeventfd" not in line.properties:
        return
    for device in line.devices:
        own = next((name for name in ("iothread", "iothread-vq-mapping") if name in device.values), None)
        if own is not None and switch(device.values.get("ioeventfd")) is False:
            yield Fault(device.place, "ioeventfd", f"a device with {own} needs ioeventfd=on")


def _flash(line: Line) -> Iterator[Fault]:
    if line.is_open or line.machine_value("pflash1") is None or line.machine_value("pflash0") is not None:
        return
    if any(str(kind) == "pflash" for kind in line.values("-drive", "if")) or "-pflash" in line.plain:
        return
    for option in line.keyval.get("-machine", ()):
        if any(item.name == "pflash1" for item in option.pairs):
            yield Fault(option.place, "pflash1", "pflash1 needs pflash0")


RULES = (
    Rule(
        "line/disk-geometry",
        "a disk's geometry is given in full",
        "hw/block/block.c, blkconf_geometry",
        _geometry,
        about=_GEOMETRY,
    ),
    Rule(
        "line/iothread-ioeventfd",
        "a device with an iothread has `ioeventfd`",
        "hw/block/dataplane/virtio-blk.c, virtio_blk_data_plane_create; hw/scsi/virtio-scsi-dataplane.c, "
        "virtio_scsi_dataplane_setup",
        _iothread,
        about=("ioeventfd",),
    ),
    Rule(
        "line/pflash-order",
        "`pflash1` goes with `pflash0`",
        "hw/i386/pc_sysfw.c, pc_system_firmware_init",
        _flash,
        about=("-machine",),
    ),
)
