"""What a disk's properties ask of one another, and where drives go that are no devices."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.drives import (
    DRIVE_OPTIONS,
    Drive,
    Misplaced,
    find_drives,
    own_drives,
)
from prober.commandline.images import Opening, find_openings
from prober.commandline.line import Line, number, switch, value_of
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


#: How many bytes of a serial number go into the id of a SCSI disk, and of how many one is at all
#: (``hw/scsi/scsi-disk.c``, ``MAX_SERIAL_LEN_FOR_DEVID`` and ``MAX_SERIAL_LEN``).
_LONGEST_ID, _LONGEST_SERIAL = 20, 36


def _serial_as_id(line: Line) -> Iterator[Fault]:
    """A serial number that is the disk's id as well, as it has no other; what is too long anyway, another rule says."""
    if "device_id" in line.globals or line.is_open:
        return
    for device in [*line.derived_from("scsi-disk-base"), *line.of_type("usb-storage")]:
        serial = device.values.get("serial")
        if "device_id" in device.values or not isinstance(serial, str):
            continue
        length = len(serial.encode(errors="replace"))
        if length > _LONGEST_ID and (length <= _LONGEST_SERIAL or device.typename == "usb-storage"):
            hint = "" if device.typename == "usb-storage" else "write device_id= as well"
            message = f"serial has at most {_LONGEST_ID} characters where it is the disk's id too, not {length}"
            yield Fault(device.place, "serial", message, hint)


def _iothread(line: Line) -> Iterator[Fault]:
    if "ioeventfd" not in line.properties:
        return
    for device in line.devices:
        own = next((name for name in ("iothread", "iothread-vq-mapping") if name in device.values), None)
        if own is not None and switch(device.values.get("ioeventfd")) is False:
            yield Fault(device.place, "ioeventfd", f"a device with {own} needs ioeventfd=on")


def _flash(line: Line) -> Iterator[Fault]:
    drives = {drive.unit: drive for drive in own_drives(line, "pflash")}
    if line.is_open or line.machine_value("pflash0") is not None or 0 in drives:
        return
    for option in line.keyval.get("-machine", ()):
        if any(item.name == "pflash1" for item in option.pairs):
            yield Fault(option.place, "pflash1", "pflash1 needs pflash0")
    if 1 in drives:
        yield Fault(drives[1].place, "index", "pflash1 (index=1 of if=pflash) needs pflash0")


#: How many drives of an interface a machine makes something of, on its first bus (``hw/block/fdc.c``, ``MAX_FD``;
#: ``hw/i386/pc_sysfw.c``; a bus of Xen is of Xen's machines).  Of those that are not here any number has a place, or
#: nothing is known.
_ROOM = {"floppy": 2, "pflash": 2, "sd": 0, "mtd": 0, "scsi": 0, "xen": 0}


def _drives(line: Line) -> Iterator[Fault]:
    first: dict[tuple[str, int, int], Drive] = {}
    used = _used_drives(line) if line.caps.version.numbers < (6, 0, 0) else set()
    for drive in find_drives(line):
        if isinstance(drive, Misplaced):
            yield Fault(drive.place, drive.part, drive.message)
            continue
        other = first.setdefault((drive.interface, drive.bus, drive.unit), drive)
        where = f"bus={drive.bus}, unit={drive.unit} (index={drive.index}) of if={drive.interface}"
        if other is not drive:
            yield Fault(drive.place, "index", f"{drive.word} takes {where}, which {other.word} has")
        elif drive.id not in used and not _has_room(drive, line):
            assert line.machine is not None
            yield Fault(drive.place, "if", f"{drive.word} is {where}, and {line.machine.name} has no such place")


def _used_drives(line: Line) -> set[str]:
    """The drives that devices name: QEMU 5.2 only warned of one that has no place, and that a device uses."""
    return {str(device.values["drive"]) for device in line.devices if "drive" in device.values}


def _own_ids(line: Line) -> Iterator[Fault]:
    """A drive without an id is called after its place (``virtio0``): known of interfaces that have one bus."""
    given = {str(value_of(one.pairs, "id", "")) for one in line.keyval.get("-drive", ())}
    for drive in find_drives(line):
        if isinstance(drive, Drive) and not drive.id and not drive.of_its_bus:
            name = f"{drive.interface}{drive.unit}"
            if name in given:
                message = f"{drive.word} is called {name}, as it has no id, and another drive has that"
                yield Fault(drive.place, "id", message, "give each an id of its own")


def _has_room(drive: Drive, line: Line) -> bool:
    """Whether the machine makes a disk of it, so that it does not stay behind (``drive_check_orphaned``)."""
    if drive.bus < 0:
        return False
    if drive.interface == "ide":
        return line.family.ide is not None and drive.bus < line.family.ide[0]
    if drive.interface == "virtio":
        return line.has_pci is not False
    if drive.interface in line.family.no_drives:
        return False
    units = _ROOM.get(drive.interface)
    return units is None or (drive.bus == 0 and drive.unit < units) or (drive.interface == "xen" and _has_xen(line))


def _has_xen(line: Line) -> bool:
    """Whether the line has Xen, or has KVM stand for it."""
    return any(item.name.startswith("xen") for option in line.keyval.get("-accel", ()) for item in option.pairs) or any(
        flag.startswith("-xen") for flag in line.plain
    )


def _locks(line: Line) -> Iterator[Fault]:
    hint = "with share-rw=on (<shareable/>) for each, two disks may write to one raw image"
    for opening, other in _exclusive(line, nodes=False):
        yield Fault(opening.place, "drive", _words(opening, other, "image"), hint)


def _nodes(line: Line) -> Iterator[Fault]:
    for opening, other in _exclusive(line, nodes=True):
        yield Fault(opening.place, "drive", _words(opening, other, "node"), "share-rw=on for each lets both write")


def _read_only(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    for opening in find_openings(line).denied:
        name = f"{opening.name[:80]!r}, which is" if opening.name else "what is"
        yield Fault(
            opening.place, "drive", f"this writes to {name} read-only", "a CD-ROM or a virtio disk only reads it"
        )


def _used_twice(line: Line) -> Iterator[Fault]:
    """A drive serves one: the machine, unless it is if=none, or one device (a node may serve more)."""
    if line.is_open:
        return
    drives = {str(value_of(one.pairs, "id", "")) for one in line.keyval.get("-drive", ())}
    own = {one.id: one for one in find_drives(line) if isinstance(one, Drive) and one.interface != "none"}
    seen: set[str] = set()
    for device in line.devices:
        name = device.values.get("drive")
        if not isinstance(name, str) or name not in drives or "drive" not in device.type.refers:
            continue
        if name in seen:
            yield Fault(device.place, "drive", f"the drive {name[:64]!r} is in use by another device already")
        elif name in own and _has_room(own[name], line):
            message = f"the drive {name[:64]!r} is of if={own[name].interface}, and the machine itself uses it"
            yield Fault(device.place, "drive", message, "write if=none for a drive that a -device uses")
        seen.add(name)


def _exclusive(line: Line, *, nodes: bool) -> Iterator[tuple[Opening, Opening]]:
    """Each opening that another excludes, with that; one after the other, as each has the first that stands against it.

    Nothing is locked while another QEMU has the guest, and a property that is set elsewhere is not looked for.
    """
    if line.is_open or "-incoming" in line.plain or "share-rw" in line.globals:
        return
    writers: dict[str, Opening] = {}
    alone: dict[str, Opening] = {}
    for opening in find_openings(line).nodes if nodes else find_openings(line).files:
        other = alone.get(opening.name) if opening.writes else None
        if other is None and not opening.shares:
            other = writers.get(opening.name)
        if other is not None:
            yield opening, other
        if opening.writes:
            writers.setdefault(opening.name, opening)
        if not opening.shares:
            alone.setdefault(opening.name, opening)


def _words(opening: Opening, other: Opening, what: str) -> str:
    name = f"the {what} {opening.name[:80]!r}"
    if opening.writes and other.writes:
        return f"{name} is written to by another already, and they do not both share it"
    first, second = ("writes to", "reads") if opening.writes else ("reads", "writes to")
    return f"this {first} {name}, which another {second}, and the one that reads does not share it"


RULES = (
    Rule(
        "line/scsi-serial-id",
        "`serial` of a SCSI disk without `device_id`, or of `usb-storage`, has at most 20 characters (since 10.0)",
        "hw/scsi/scsi-disk.c, scsi_realize: device_id",
        _serial_as_id,
        about=("serial",),
        wrong=(
            "-display none -blockdev null-co,node-name=n -device lsi53c895a "
            "-device scsi-hd,drive=n,serial=123456789012345678901"
        ),
        right=(
            "-display none -blockdev null-co,node-name=n -device lsi53c895a "
            "-device scsi-hd,drive=n,serial=12345678901234567890"
        ),
        since=(10, 0, 0),
    ),
    Rule(
        "line/drive-place",
        "each drive has a place of its own, which the machine has",
        "blockdev.c, drive_new and drive_check_orphaned",
        _drives,
        about=DRIVE_OPTIONS,
        wrong="-display none -M pc -nodefaults -drive if=ide,index=4,driver=null-co",
        right="-display none -M pc -nodefaults -drive if=ide,index=3,driver=null-co",
    ),
    Rule(
        "line/image-lock",
        "an image that is written to is opened by one alone, or by such as share it",
        "block/file-posix.c, raw_check_lock_bytes; hw/block/block.c, blkconf_apply_backend_options",
        _locks,
        about=("-blockdev", *DRIVE_OPTIONS),
        wrong=(
            "-display none -M pc -nodefaults -blockdev file,node-name=a,filename={dir}/disk -blockdev "
            "file,node-name=b,filename={dir}/disk -device virtio-blk-pci,drive=a -device "
            "virtio-blk-pci,drive=b"
        ),
        right=(
            "-display none -M pc -nodefaults -blockdev file,node-name=a,filename={dir}/disk -blockdev "
            "file,node-name=b,filename={dir}/disk -device virtio-blk-pci,drive=a,share-rw=on -device "
            "virtio-blk-pci,drive=b,share-rw=on"
        ),
    ),
    Rule(
        "line/node-use",
        "a block node that is written to has one user, or such as share it",
        "block.c, bdrv_a_allow_b; hw/block/block.c, blkconf_apply_backend_options",
        _nodes,
        about=("-blockdev",),
        wrong=(
            "-display none -M pc -nodefaults -blockdev null-co,node-name=n -device "
            "virtio-blk-pci,drive=n -device virtio-blk-pci,drive=n"
        ),
        right=(
            "-display none -M pc -nodefaults -blockdev null-co,node-name=n -device "
            "virtio-blk-pci,drive=n,share-rw=on -device virtio-blk-pci,drive=n,share-rw=on"
        ),
    ),
    Rule(
        "line/read-only",
        "what writes has a drive or a node that can be written to",
        "block.c, bdrv_child_check_perm; hw/ide/ide-dev.c, ide_dev_initfn; hw/sd/sd.c, sd_realize",
        _read_only,
        about=("-drive", "-blockdev"),
        wrong="-display none -machine pc -drive if=none,id=a,file=null-co://,format=raw,readonly=on "
        "-device ide-hd,drive=a",
        right="-display none -machine pc -drive if=none,id=a,file=null-co://,format=raw,readonly=on "
        "-device ide-cd,drive=a",
    ),
    Rule(
        "line/drive-id",
        "the name that a drive without an id gets is no other's id",
        "blockdev.c, drive_new",
        _own_ids,
        about=("-drive",),
        wrong="-display none -machine pc -drive file=null-co://,format=raw,if=virtio "
        "-drive file=null-co://,format=raw,if=none,id=virtio0",
        right="-display none -machine pc -drive file=null-co://,format=raw,if=virtio "
        "-drive file=null-co://,format=raw,if=none,id=virtio1",
    ),
    Rule(
        "line/drive-used-once",
        "a drive serves the machine or one device",
        "hw/core/qdev-properties-system.c, set_drive_helper",
        _used_twice,
        about=("-drive",),
        wrong="-display none -machine pc -drive id=a,file=null-co://,format=raw -device virtio-blk-pci,drive=a",
        right="-display none -machine pc -drive id=a,file=null-co://,format=raw,if=none -device virtio-blk-pci,drive=a",
    ),
    Rule(
        "line/disk-geometry",
        "a disk's geometry is given in full",
        "hw/block/block.c, blkconf_geometry",
        _geometry,
        about=_GEOMETRY,
        wrong=("-display none -M pc -nodefaults -blockdev null-co,node-name=n -device ide-hd,drive=n,cyls=5,heads=5"),
        right=(
            "-display none -M pc -nodefaults -blockdev null-co,node-name=n -device ide-hd,drive=n,cyls=5,heads=5,secs=5"
        ),
    ),
    Rule(
        "line/iothread-ioeventfd",
        "a device with an iothread has `ioeventfd`",
        "hw/block/dataplane/virtio-blk.c, virtio_blk_data_plane_create; hw/scsi/virtio-scsi-dataplane.c, "
        "virtio_scsi_dataplane_setup",
        _iothread,
        about=("ioeventfd",),
        wrong=(
            "-display none -M pc -nodefaults -object iothread,id=i -device virtio-scsi-pci,iothread=i,ioeventfd=off"
        ),
        right=("-display none -M pc -nodefaults -object iothread,id=i -device virtio-scsi-pci,iothread=i,ioeventfd=on"),
    ),
    Rule(
        "line/pflash-order",
        "`pflash1` goes with `pflash0`",
        "hw/i386/pc_sysfw.c, pc_system_firmware_init",
        _flash,
        about=("pflash1", *DRIVE_OPTIONS),
        wrong=(
            "-display none -M pc,pflash1=b -blockdev null-co,node-name=a,size=65536 -blockdev "
            "null-co,node-name=b,size=65536"
        ),
        right=(
            "-display none -M pc,pflash0=a,pflash1=b -blockdev null-co,node-name=a,size=65536 -blockdev "
            "null-co,node-name=b,size=65536"
        ),
    ),
)
