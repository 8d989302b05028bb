"""Keys of ``-drive`` that exclude one another, or need one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.block_trees import DEEPEST_NODE
from prober.commandline.drive_values import (
    RENAMED,
    drive_values_of,
    file_of,
    handed_on,
    has_no_medium,
    is_direct,
    throttling_of,
)
from prober.commandline.drivers import OVER_FILES
from prober.commandline.drives import own_drives
from prober.commandline.line import Line, number, size, switch
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.backends import invalid_limits
from prober.commandline.rules.rule import Rule


def _drives(line: Line) -> Iterator[tuple[Keyval, dict[str, Value]]]:
    if not line.is_open:
        for option in line.keyval.get("-drive", ()):
            yield option, drive_values_of(option)


def _both(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-drive", ()):
        names = {item.name for item in option.pairs}
        if {"driver", "format"} <= names:
            yield Fault(option.place, "driver", "-drive has driver or format, not both", "leave one of them out")
        if file_of(drive_values_of(option)) and "file.filename" in names:
            yield Fault(option.place, "file.filename", "-drive has file or file.filename, not both")
        for old in sorted(names & RENAMED.keys()):
            if RENAMED[old] in names:
                yield Fault(option.place, old, f"-drive {old} and {RENAMED[old]} are one, and only one can be given")


def _file(line: Line) -> Iterator[Fault]:
    for option, values in _drives(line):
        if file_of(values) or any(name.startswith(("file.", "image.", "raw.", "children.")) for name in values):
            continue
        key = "driver" if "driver" in values else "format"
        kind = values.get(key)
        if kind is None and handed_on(values):
            left = min(handed_on(values))
            yield Fault(option.place, left, f"-drive with {left} needs a file or a driver")
        elif kind in OVER_FILES and not any(name in ("image", "raw") for name in values):
            yield Fault(option.place, "file", f"-drive {key}={kind} needs a file")


#: Interfaces whose disks tell the guest of errors (``blockdev.c``, ``drive_new``).
_TELLING = ("ide", "scsi", "virtio", "none")


def _errors(line: Line) -> Iterator[Fault]:
    for option, values in _drives(line):
        interface = values.get("if", line.family.drive_interface)
        for key in ("werror", "rerror"):
            if key in values and interface not in _TELLING:
                yield Fault(option.place, key, f"-drive {key} is not for if={interface}: {', '.join(_TELLING)} have it")


def _device_errors(line: Line) -> Iterator[Fault]:
    drives = {str(values["id"]): (option, values) for option, values in _drives(line) if "id" in values}
    for device in line.of_type("floppy", "scsi-generic"):
        _, values = drives.get(str(device.values.get("drive")), (None, {}))
        takes_report = device.typename == "floppy" or line.caps.version.numbers >= (6, 0, 0)
        for key, harmless in (("werror", ("enospc", "report")[: 1 + takes_report]), ("rerror", ("report",))):
            # What stands for itself is taken (``hw/block/fdc.c``; scsi-generic of 5.2 refused report, that of 7.2 not).
            if key in values and values[key] not in harmless:
                yield Fault(device.place, "drive", f"{device.typename} does not support {key} of its drive")


#: Disks that need something in their drive (``hw/block/block.c``, ``hw/core/qdev-properties-system.c``).
_NEED_MEDIUM = ("ide-hd", "scsi-hd", "usb-storage", "nvme", "nvme-ns")


def _media(line: Line) -> Iterator[Fault]:
    empty: set[str] = set()
    for option, values in _drives(line):
        if not has_no_medium(values):
            continue
        interface = values.get("if", line.family.drive_interface)
        if interface in ("virtio", "pflash") or (interface == "ide" and values.get("media") != "cdrom"):
            yield Fault(option.place, "file", f"-drive if={interface} needs a file: its disk is never without a medium")
        elif interface == "none" and "id" in values:
            empty.add(str(values["id"]))
    for device in line.devices if empty else ():
        name = device.values.get("drive")
        if isinstance(name, str) and name in empty and _needs_medium(device.typename):
            yield Fault(
                device.place, "drive", f"{device.typename} needs a medium, and the drive {name[:64]!r} has none"
            )


def _needs_medium(typename: str) -> bool:
    return typename in _NEED_MEDIUM or typename.startswith("virtio-blk")


def _limits(line: Line) -> Iterator[Fault]:
    for option, values in _drives(line):
        limits: dict[str, int] = {}
        for name, value in throttling_of(values).items():
            rate = number(value)
            if name != "group" and rate is not None:
                limits[name] = rate % 2**64
        for part, message in invalid_limits(limits) if limits else ():
            yield Fault(option.place, f"throttling.{part}", message)


def _numbers(line: Line) -> Iterator[Fault]:
    for option, values in _drives(line):
        for name, value in throttling_of(values).items():
            if name != "group" and isinstance(value, str) and number(value) is None:
                message = f"the limits of a -drive are numbers, and throttling.{name} is {str(value)[:64]!r}"
                yield Fault(option.place, f"throttling.{name}", message, "a number without a unit: 1048576 for 1M")


def _aio(line: Line) -> Iterator[Fault]:
    for option, values in _drives(line):
        if "native" in (values.get("aio"), values.get("file.aio")) and _is_of_host(values):
            own = values.get("file.cache.direct")
            direct = switch(own) if own is not None else is_direct(values)
            if direct is False:
                yield Fault(option.place, "aio", "aio=native needs cache.direct=on", "write cache=none with it")
    for tree in line.qapi.get("-blockdev", ()):
        for message in _of_node(tree.value, False, 0):
            yield Fault(tree.place, "aio", message, "write cache.direct=on with it")


def _is_of_host(values: Mapping[str, Value]) -> bool:
    """Whether it is a file of this host by its name, or a device of it."""
    name, kind = file_of(values) or str(values.get("filename", "")), values.get("driver", values.get("format"))
    below = values.get("file.driver")
    inner = str(values.get("file.filename", ""))
    if below is not None:
        return below in _FILES
    is_plain = bool(name or inner) and all(":" not in one.partition("/")[0] for one in (name, inner))
    return is_plain and (kind is None or kind in OVER_FILES or kind in _FILES)


#: Drivers of files and devices of the host that read ``aio`` (``block/file-posix.c``).
_FILES = ("file", "host_device")


def _of_node(node: Mapping[str, Value], direct: bool, depth: int) -> Iterator[str]:
    cache = node.get("cache")
    if isinstance(cache, dict) and cache.get("direct") is not None:
        direct = switch(cache["direct"]) is not False
    if node.get("driver") in _FILES and node.get("aio") == "native" and not direct:
        yield "aio=native needs cache.direct=on"
    for child in node.values() if depth < DEEPEST_NODE else ():
        if isinstance(child, dict):
            # What lies under a node goes around the cache as the node does (``block.c``, ``bdrv_inherited_options``).
            yield from _of_node(child, direct, depth + 1)


def _flash_size(line: Line) -> Iterator[Fault]:
    """The sizes that the line itself tells: those of null-co and null-aio."""
    if line.kind not in ("pc", "q35") or line.machine_value("max-fw-size") is not None:
        return
    sizes = {option.place: _null_size(values) for option, values in _drives(line)}
    sizes |= {option.place: _NULL_SIZE for option in line.plain.get("-pflash", ()) if option.value == "null-co://"}
    total = 0
    for drive in own_drives(line, "pflash"):
        length = sizes.get(drive.place)
        if length is None:
            continue
        total += length
        if not length or length % _PAGE:
            yield Fault(drive.place, "file.size", f"the size of a flash is a multiple of {_PAGE}, not {length}")
        elif total > _MOST_FLASH:
            yield Fault(drive.place, "file.size", f"flash is at most {_MOST_FLASH} bytes in all, and this is {total}")


#: ``hw/i386/pc_sysfw.c``, ``pc_system_flash_map``, and ``pc_machine_initfn``: ``max_fw_size``.
_PAGE = 4096
_MOST_FLASH = 8 * 1024 * 1024
_SECTOR = 512
_NULL_SIZE = 1 << 30


def _null_size(values: Mapping[str, Value]) -> int | None:
    """The size of a drive that is null-co or null-aio, where its keys tell."""
    kinds = {values.get("driver", values.get("format", "raw")), values.get("file.driver", "null-co")}
    if not kinds <= {"raw", "null-co", "null-aio"} or {"size", "offset"} & values.keys():
        return None
    if values.get("file.driver") is None and file_of(values) != "null-co://":
        return None
    told = size(values.get("file.size", _NULL_SIZE))
    # It is rounded up to sectors.
    return None if told is None or told < 0 else -(-told // _SECTOR) * _SECTOR


RULES = (
    Rule(
        "line/drive-keys",
        "keys of `-drive` that are one are given once: `driver` or `format`, a new name or an old one",
        "blockdev.c, blockdev_init and qemu_opt_rename",
        _both,
        about=("-drive",),
        wrong="-display none -drive file=null-co://,if=none,driver=raw,format=raw",
        right="-display none -drive file=null-co://,if=none,format=raw",
    ),
    Rule(
        "line/drive-file",
        "a `-drive` with keys of a block driver has a file or a driver",
        "block.c, bdrv_fill_options and bdrv_open_child_common",
        _file,
        about=("-drive",),
        wrong="-display none -drive if=none,cache=none",
        right="-display none -drive if=none,cache.writeback=on",
    ),
    Rule(
        "line/drive-errors",
        "`werror` and `rerror` are for disks of `if=ide`, `scsi`, `virtio` and `none`",
        "blockdev.c, drive_new",
        _errors,
        about=("-drive",),
        wrong="-display none -machine pc -drive if=floppy,file=null-co://,format=raw,werror=report",
        right="-display none -machine pc -drive if=ide,file=null-co://,format=raw,werror=report",
    ),
    Rule(
        "line/device-errors",
        "`werror` and `rerror` of a drive are of devices that have them",
        "hw/block/fdc.c, floppy_drive_realize; hw/scsi/scsi-generic.c, scsi_generic_realize",
        _device_errors,
        about=("floppy", "scsi-generic"),
        wrong="-display none -machine pc -drive if=none,id=a,file=null-co://,format=raw,werror=stop "
        "-device floppy,drive=a",
        right="-display none -machine pc -drive if=none,id=a,file=null-co://,format=raw -device floppy,drive=a",
    ),
    Rule(
        "line/drive-medium",
        "a disk that has no removable medium has a file",
        "hw/block/block.c, blkconf_blocksizes; hw/ide/ide-dev.c, ide_dev_initfn; hw/i386/pc_sysfw.c",
        _media,
        about=("-drive",),
        wrong="-display none -machine pc -drive if=virtio",
        right="-display none -machine pc -drive if=none",
    ),
    Rule(
        "line/drive-limits",
        "limits of a drive go together",
        "util/throttle.c, throttle_is_valid",
        _limits,
        about=("-drive",),
        wrong="-display none -drive file=null-co://,format=raw,if=none,iops=10,throttling.iops-read=5",
        right="-display none -drive file=null-co://,format=raw,if=none,iops=10,throttling.bps-read=5",
    ),
    Rule(
        "line/drive-limit-number",
        "limits of a drive are numbers without a unit",
        "util/qemu-option.c, parse_option_number",
        _numbers,
        about=("-drive",),
        wrong="-display none -drive file=null-co://,format=raw,if=none,bps=1M",
        right="-display none -drive file=null-co://,format=raw,if=none,bps=1048576",
    ),
    Rule(
        "line/native-aio",
        "`aio=native` goes around the host's cache",
        "block/file-posix.c, raw_open_common",
        _aio,
        about=("-drive", "aio"),
        wrong="-display none -drive file=/dev/null,format=raw,if=none,aio=native",
        right="-display none -drive file=/dev/null,format=raw,if=none,aio=threads",
    ),
    Rule(
        "line/flash-size",
        "flash is of whole pages, and of at most 8 MiB in all",
        "hw/i386/pc_sysfw.c, pc_system_flash_map",
        _flash_size,
        about=("-drive", "-pflash"),
        wrong="-display none -machine q35 -drive if=pflash,format=raw,file.driver=null-co,file.size=9M",
        right="-display none -machine q35 -drive if=pflash,format=raw,file.driver=null-co,file.size=4M",
    ),
)
