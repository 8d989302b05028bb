"""Whether a value fits the type that QEMU names for a property.

The names are QOM's: ``bool``, ``str``, ``uint32``, ``size``, ``link<…>``, an enum's; before QEMU 2.x qdev's
own, ``on/off``, ``hex64`` and so on.  An enum's values stand in no answer, so nothing is said of them.
"""

from __future__ import annotations

import re

from prober.capabilities import Property
from prober.commandline.options import Value

_UNSIGNED = re.compile(r"uint(8|16|32|64)|hex(8|16|32|64)")
_SIGNED = re.compile(r"int(8|16|32|64)?")
_BOOLS = ("bool", "boolean", "on/off")
_STRINGS = ("str", "string")

#: Properties whose named type is not what they take: a slot is written ``0x1.0x2`` whatever QEMU calls it
#: (``pci-devfn``, ``int32`` up to QEMU 5, ``str`` since; hw/core/qdev-properties-system.c).
_TEXT_ALL_THE_SAME = frozenset({"addr"})


def misfit_of(known: Property, value: Value) -> str:
    """Why the value does not fit, or an empty text."""
    kind, name = known.type, known.name
    if name in _TEXT_ALL_THE_SAME:
        return ""
    if kind in _BOOLS:
        return "" if isinstance(value, bool) else f"{name} is on or off, not {value!r}"
    if kind in _STRINGS:
        return "" if isinstance(value, str) else f"{name} is a text, not {value!r}"
    bounds = _bounds(kind)
    if bounds is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{name} is a number ({kind}), not {value!r}"
    least, most = bounds
    return "" if least <= value <= most else f"{name} is a number from {least} to {most} ({kind}), not {value}"


def _bounds(kind: str) -> tuple[int, int] | None:
    match = _UNSIGNED.fullmatch(kind)
    if match:
        return 0, 2 ** int(match.group(1) or match.group(2)) - 1
    if kind == "size":
        return 0, 2**64 - 1
    match = _SIGNED.fullmatch(kind)
    if match:
        bits = int(match.group(1) or 64)
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return None
