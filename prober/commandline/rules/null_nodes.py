"""Block nodes without data: what their names may have, and numbers of theirs and of ``raw``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, number, value_of
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.text import Text, last_item

_NULL = ("null-co", "null-aio")

#: Options whose word is the name of a file.
_FILES = ("-hda", "-hdb", "-hdc", "-hdd", "-cdrom", "-fda", "-fdb", "-sd", "-pflash", "-mtdblock", "")


def _names(line: Line) -> Iterator[tuple[Origin, str]]:
    """The names of files, with the option that each stands in."""
    for flag in _FILES:
        for plain in line.plain.get(flag, ()):
            yield plain.place, plain.value or ""
    for option in line.keyval.get("-drive", ()):
        if isinstance(name := value_of(option.pairs, "file"), str):
            yield option.place, str(name)


def _names_of_nothing(line: Line) -> Iterator[Fault]:
    for place, name in _names(line):
        driver, colon, _ = name.partition(":")
        if colon and driver in _NULL and name != f"{driver}://":
            message = f"a file of the driver {driver} is called {driver}://, not {name[:64]!r}"
            yield Fault(place, "file", message)


#: Members that are numbers with no unit, though they say how many bytes (``qapi/block-core.json``: ``int``).
_BYTES: Mapping[str, tuple[str, ...]] = {"null-co": ("size",), "null-aio": ("size",), "raw": ("offset", "size")}


def _numbers(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-blockdev", ()):
        driver = str(option.value.get("driver"))
        for key in _BYTES.get(driver, ()):
            message = _wrong_bytes(key, last_item(option.value.get(key)))
            if message:
                yield Fault(option.places.get(key, option.place), key, message)
        latency = number(last_item(option.value.get("latency-ns"))) if driver in _NULL else None
        if latency is not None and not 0 <= latency < 2**63:
            yield Fault(option.place, "latency-ns", f"latency-ns is from 0 to {2**63 - 1}, not {latency}")


def _wrong_bytes(key: str, value: Value) -> str:
    found = number(value)
    if found is None and isinstance(value, Text):
        return f"{key} is a number of bytes without a unit here, not {value[:64]!r}"
    return f"{key} is a number of bytes, not {found}" if found is not None and found < 0 else ""


RULES = (
    Rule(
        "line/null-name",
        "a file of `null-co` or `null-aio` has no name",
        "block/null.c, null_co_parse_filename",
        _names_of_nothing,
        about=("-drive", *_FILES),
        wrong="-display none -cdrom null-co://x",
        right="-display none -cdrom null-co://",
    ),
    Rule(
        "line/node-bytes",
        "sizes of `null-co`, `null-aio` and `raw` nodes are numbers of bytes without a unit, and no number is negative",
        "qapi/qobject-input-visitor.c, qobject_input_type_int64_keyval; block/null.c; block/raw-format.c",
        _numbers,
        about=("-blockdev",),
        wrong="-display none -blockdev driver=null-co,node-name=a,size=1M",
        right="-display none -blockdev driver=null-co,node-name=a,size=1048576",
    ),
)
