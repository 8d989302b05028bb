"""The rows of options whose file a machine begins with, and what devices and machines name of such files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from prober.proof import blobs
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import KEPT, StandInRow, stood_in

#: Firmware that QEMU finds by its name alone (``pc-bios/``, and Debian's ``seabios``).
_OF_QEMU = frozenset(("bios.bin", "bios-256k.bin", "bios-microvm.bin", "qboot.rom", "u-boot.e500", "s390-ccw.img"))


class _Blob(NamedTuple):
    """What stands in: in words, its bytes, and the size of the file."""

    words: str
    make: Callable[[], bytes]
    size: int = 0


_KERNEL = _Blob("a kernel that does nothing", blobs.kernel)
_ANYTHING = _Blob("512 bytes", lambda: blobs.ANYTHING)
_DTB = _Blob("an empty device tree", blobs.device_tree)
_FIRMWARE = _Blob("empty firmware", bytes, blobs.FIRMWARE_SIZE)
_ACPI = _Blob("an ACPI table of a header alone", blobs.acpi_table)
_SMBIOS = _Blob("an inactive SMBIOS structure", blobs.smbios_structure)
_ROM = _Blob("an empty ROM", lambda: blobs.ROM)

#: What a machine names as ``-kernel`` and its like do.
_OF_MACHINES = {"kernel": _KERNEL, "initrd": _ANYTHING, "dtb": _DTB, "shim": _ANYTHING, "firmware": _FIRMWARE}


def _add(given: Given, path: str, blob: _Blob, bench: Bench, part: str) -> str:
    made = bench.add(path, content=blob.make(), size=blob.size, shared_as=f"{blob.words} {path}")
    bench.replace(given, part, f"{made} ({blob.words})")
    return made


def _whole(blob: _Blob) -> StandInRow:
    """A row of an option that is a path and nothing else."""

    def change(given: Given, members: Members, bench: Bench) -> None:
        path = given.value or ""
        if path and path not in bench.here and not (blob is _FIRMWARE and path in _OF_QEMU):
            given.change(_add(given, path, blob, bench, ""))

    return stood_in(blob.words, change)


def _members(**blobs_by_name: _Blob) -> StandInRow:
    """A row of an option that names files in some of its members."""

    def change(given: Given, members: Members, bench: Bench) -> None:
        _replace_members(given, members, bench, blobs_by_name)

    return stood_in(", ".join(f"{name}: {blob.words}" for name, blob in blobs_by_name.items()), change)


def _replace_members(given: Given, members: Members, bench: Bench, by_name: Mapping[str, _Blob]) -> None:
    for name, blob in by_name.items():
        path = members.text(name)
        if path and path not in bench.here and not (blob is _FIRMWARE and path in _OF_QEMU):
            members.put(name, _add(given, path, blob, bench, name))
            given.touch()


#: A line of text without an end, as a structure has its strings.
_TEXT = _Blob("a text", lambda: b"stand-in")


#: A table without its header.
_BODY = _Blob("8 bytes", lambda: bytes(8))


def _acpitable(given: Given, members: Members, bench: Bench) -> None:
    # With both QEMU reads neither (``hw/acpi/core.c``, ``acpi_table_add``), and its words name them.
    if not (members.text("file") and members.text("data")):
        _replace_members(given, members, bench, {"file": _ACPI, "data": _BODY})


def _smbios(given: Given, members: Members, bench: Bench) -> None:
    _replace_members(given, members, bench, {"file": _SMBIOS})

    def change(path: str) -> str:
        return path if not path or path in bench.here else _add(given, path, _TEXT, bench, "path")

    # Each of several is one string (QEMU, ``hw/smbios/smbios.c``, ``parse_smbios_type11``…).
    if members.change_each("path", change):
        given.touch()


def _rom(given: Given, members: Members, bench: Bench, name: str) -> None:
    _replace_members(given, members, bench, {name: _ROM})


def _loaded(given: Given, members: Members, bench: Bench, name: str) -> None:
    """What a loader loads: without an address, only a program tells where to (``hw/core/generic-loader.c``)."""
    driver, number, target = members.text("driver"), len(bench.files), bench.caps.target
    if driver not in ("loader", "guest-loader"):
        bench.refuse(given, f"no rule for property {name} of device {driver[:80]}")
        return
    program = _Blob("a program of four bytes", lambda: blobs.program(target, number))
    _replace_members(given, members, bench, {name: _ANYTHING if members.text("addr") else program})


#: Changes one property of a device, whose name is given last.
FileChange: TypeAlias = Callable[[Given, Members, Bench, str], None]

#: The properties of a ``-device`` that name such a file: a card's ROM, and what ``loader`` and ``guest-loader`` load.
DEVICE_FILES: Mapping[str, FileChange] = {
    "romfile": _rom,
    **dict.fromkeys(("file", "initrd", "kernel"), _loaded),
}


def stand_in_machine_files(given: Given, members: Members, bench: Bench) -> None:
    """The files that a ``-machine`` names (``kernel``, ``firmware`` …).  The row of the machine calls this."""
    _replace_members(given, members, bench, _OF_MACHINES)


#: The options of files that a machine begins with.
BOOT_FILES: Mapping[str, StandInRow] = {
    "-kernel": _whole(_KERNEL),
    "-initrd": _whole(_ANYTHING),
    "-shim": _whole(_ANYTHING),
    "-dtb": _whole(_DTB),
    "-bios": _whole(_FIRMWARE),
    "-append": KEPT,
    "-L": KEPT,
    "-acpitable": stood_in(f"file: {_ACPI.words}, data: {_BODY.words}", _acpitable),
    "-smbios": stood_in(f"file: {_SMBIOS.words}, path: a text for a structure of type 11", _smbios),
    "-fw_cfg": _members(file=_ANYTHING),
    "-option-rom": _members(romfile=_ROM),
}
