"""What a ``-drive`` hands to block drivers of which the line tells which they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.drive_members import DRIVERS_OWN
from prober.commandline.drive_values import drive_values_of, file_of, handed_on
from prober.commandline.images import local_path
from prober.commandline.line import Line, size, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: What every block driver takes besides its own (``block.c``, ``bdrv_runtime_opts`` and what stands around it).
_OF_ANY = frozenset(
    {
        "auto-read-only", "cache.direct", "cache.no-flush", "cache.writeback", "detect-zeroes", "discard", "driver",
        "force-share", "node-name", "read-only", "x-image", "cache",
    }
)  # fmt: skip


def _members(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    for option in line.keyval.get("-drive", ()):
        values = drive_values_of(option)
        keys = handed_on(values)
        top = values.get("driver", values.get("format"))
        yield from (
            Fault(option.place, key, f"the block driver {top} takes no {key}")
            for key in _strange(top, keys - ({"backing"} if values.get("backing") == "" else set()), line)
        )
        below = {key.removeprefix("file.") for key in keys if key.startswith("file.")}
        driver = _below(values)
        yield from (
            Fault(option.place, f"file.{key}", f"the block driver {driver} takes no {key}")
            for key in _strange(driver, below, line)
        )


def _below(values: Mapping[str, Value]) -> Value:
    """The driver of the file, where the line tells."""
    name = file_of(values)
    # A device of the host takes what a file takes.
    by_name = "null-co" if name == "null-co://" else "file" if name and local_path(name) == name else None
    return values.get("file.driver", by_name)


def _strange(driver: Value, keys: set[str], line: Line) -> list[str]:
    """The keys that a driver does not have, where the binary tells what it has."""
    known = _known(driver, line) if isinstance(driver, str) and keys else None
    if known is None:
        return []
    return sorted(key for key in keys if key not in _OF_ANY and key.partition(".")[0] not in known)


def _known(driver: str, line: Line) -> set[str] | None:
    members = _types_of(driver, line)
    if members is None:
        return None
    return {*members, *DRIVERS_OWN.get(driver, ())}


def _types_of(driver: str, line: Line) -> dict[str, str] | None:
    """What a driver reads that reads nothing but what the binary's schema has, each with its type in JSON (empty for
    what has several); None where that is not told."""
    schema = line.caps.schema_
    entity = schema.command("blockdev-add") if schema is not None else None
    if schema is None or entity is None:
        return None
    of = str(entity["arg-type"])
    if driver not in _SURE or schema.variant(of, driver) is None:
        return None
    members = schema.members_with(of, driver, {})
    return {name: (schema.entity(member.type) or {}).get("json-type", "") for name, member in members.items()}


def _values(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    for option in line.keyval.get("-drive", ()):
        values = drive_values_of(option)
        keys = handed_on(values)
        for start, driver in (("", values.get("driver", values.get("format"))), ("file.", _below(values))):
            types = _types_of(driver, line) if isinstance(driver, str) else None
            for name in sorted((types or {}).keys() - _OF_ANY):
                value = values.get(start + name) if start + name in keys else None
                if types and isinstance(value, str) and (what := _against(str(value), types[name], driver)):
                    yield Fault(option.place, start + name, f"{start}{name} is {what} for {driver}, not {value[:40]!r}")


def _against(text: str, kind: str, driver: Value) -> str:
    """What a text is not, that a block driver reads as a type; which whole numbers are sizes is told by no schema."""
    if kind == "boolean":
        return "" if switch(text) is not None else "on or off"
    number = size(text)
    if kind == "int" and (number is None or number >= 2**64):
        return "a whole number below 2⁶⁴"
    return "0 or more" if kind == "int" and number is not None and number < 0 and driver in _NOT_NEGATIVE else ""


#: Drivers that read nothing by names of their own but what is told here.
_SURE = frozenset({"raw", "null-co", "null-aio", "file", "host_device", "qcow2", "luks", "throttle", "vvfat", "nbd"})


#: Of these each number is a size, or looked at; others may take one below 0 for one without a sign.
_NOT_NEGATIVE = frozenset({"raw", "null-co", "null-aio"})


RULES = (
    Rule(
        "line/drive-member",
        "what a `-drive` says besides is of its block driver, or of that of its file",
        "block.c, bdrv_open_inherit",
        _members,
        about=("-drive",),
        wrong="-display none -drive file=null-co://,if=none,format=raw,lazy-refcounts=on",
        right="-display none -drive file=null-co://,if=none,format=raw,offset=512",
    ),
    Rule(
        "line/drive-value",
        "whole numbers and switches that a `-drive` hands to its block driver are such; some drivers abort otherwise",
        "block/null.c, null_file_open; util/qemu-option.c, parse_option_size",
        _values,
        about=("-drive",),
        wrong="-display none -drive driver=null-co,if=none,size=1x",
        right="-display none -drive driver=null-co,if=none,size=1K",
    ),
)
