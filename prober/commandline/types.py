"""Whether a value fits the type that QEMU names for a property.

The names are QOM's: ``bool``, ``str``, ``uint32``, ``size``, ``link<…>``, an enum's; before QEMU 2.x qdev's own,
``on/off``, ``hex64`` and so on.  What an enum takes stands in the property's description (``on/off/auto``).  Where
neither tells, nothing is said of the value.

A value is written in JSON, with a type of its own, or as :class:`~prober.commandline.text.Text`, which may stand for
any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from prober.capabilities import QomProperty
from prober.commandline.options import Value
from prober.commandline.text import Text, as_number, as_size, as_switch

_UNSIGNED = re.compile(r"uint(8|16|32|64)(?:_t)?|hex(8|16|32|64)")
_SIGNED = re.compile(r"int(8|16|32|64)?(?:_t)?")
_BOOLS = ("bool", "boolean", "on/off")
_STRINGS = ("str", "string")

#: The values in a description: ``on/off/auto``, ``Error handling policy (report/ignore/enospc/stop/auto)``.
_CHOICES = re.compile(r"(?:^|[ ,(])((?:[\w-]+/)+[\w-]+)\)?$")

#: Types of properties without a setter (``hw/pci/pci.c``, ``hw/virtio/virtio-balloon.c``).
_READ_ONLY = ("busnr", "guest statistics")

#: Enums that the schema knows by a number alone (``qapi/common.json``).
_ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"OnOffAuto": ("auto", "on", "off"), "OnOffSplit": ("on", "off", "split"), "QCryptoSecretFormat": ("raw", "base64")}
)

#: Texts that QEMU reads further, whatever it calls their type (``hw/core/qdev-properties*.c``): a PCI slot with its
#: function (``06.0``, ``0x6.0x1``), a MAC address.
_SLOT = re.compile(r"\s*\+?((?:0[xX])?[0-9a-fA-F]{1,2})(?:\.\s*\+?(?:0[xX])?[0-7])?")
_WORDS: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        # A port of a USB bus or hub below one (``hw/usb/bus.c``), compared as a text.
        "port": (re.compile(r"[1-9]\d{0,2}(\.[1-9]\d{0,2})*"), "a port like 1 or 2.1"),
        # ``hw/net/virtio-net.c``
        "duplex": (re.compile(r"half|full"), "half or full"),
    }
)
_RANGE = re.compile(r"\d+-\d+")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){4}")


def misfit_of(known: QomProperty, value: Value) -> str:
    """Why the value does not fit, or an empty text."""
    kind, name = known.type, known.name
    if kind in _READ_ONLY:
        return f"{name} can be read, not set"
    if kind.startswith("link<") and not isinstance(value, str):
        return f"{name} is a name, not {value!r}"
    if kind.endswith(("List", "list")) and not isinstance(value, list):
        return f"{name} is a list, not {value!r}"
    if name == "addr" and kind in (*_STRINGS, "int32", "pci-devfn"):
        return _misfit_of_slot(value)
    if (name, kind) == ("host-nodes", "int") and (isinstance(value, list) or _is_range(value)):
        return ""  # what memory backends call it, until QEMU 5.2 (``backends/hostmem.c``)
    if isinstance(value, (list, dict)):
        scalar = kind in (*_BOOLS, *_STRINGS, *_ENUMS) or _bounds(kind) is not None or bool(choices_of(known))
        return f"{name} is not a list or an object" if scalar else ""
    if kind in _BOOLS:
        fits = isinstance(value, bool) or (isinstance(value, Text) and as_switch(value) is not None)
        return "" if fits else f"{name} is on or off, not {value!r}"
    if kind in _STRINGS:
        return _misfit_of_string(known, value)
    bounds = _bounds(kind)
    if bounds is not None:
        return _misfit_of_number(known, value, bounds)
    choices = choices_of(known)
    if choices and not (isinstance(value, str) and value in choices):
        return f"{name} is one of {', '.join(choices)}, not {value!r}"
    return ""


def _is_range(value: Value) -> bool:
    return isinstance(value, Text) and _RANGE.fullmatch(value) is not None


def choices_of(known: QomProperty) -> tuple[str, ...]:
    """What an enum takes, as its description lists it, or its type's name tells."""
    if known.type in _ENUMS:
        return _ENUMS[known.type]
    if known.type in (*_BOOLS, *_STRINGS) or known.type.startswith(("link<", "child<")) or _bounds(known.type):
        return ()
    match = _CHOICES.search(known.description or "")
    return tuple(match.group(1).split("/")) if match else ()


def _misfit_of_slot(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return f"addr is a slot like 0x2 or 0x2.0x1, not {value!r}"
    number = value if isinstance(value, int) else None
    if number is not None:
        return "" if -1 <= number <= 0xFF else f"addr is a number up to 255, not {number}"
    match = _SLOT.fullmatch(str(value))
    if match is None or int(match.group(1), 16) > 0x1F:
        return f"addr is a slot like 0x2 or 0x2.0x1, up to 0x1f.0x7, not {value!r}"
    return ""


def _misfit_of_string(known: QomProperty, value: Value) -> str:
    if not isinstance(value, str):
        return f"{known.name} is a text, not {value!r}"
    if known.name == "mac" and not _MAC.fullmatch(value):
        return f"mac is a MAC address like 52:54:00:12:34:56, not {value!r}"
    words = _WORDS.get(known.name)
    if words is not None and not words[0].fullmatch(value):
        return f"{known.name} is {words[1]}, not {value!r}"
    return ""


def _misfit_of_number(known: QomProperty, value: Value, bounds: tuple[int, int]) -> str:
    name, kind = known.name, known.type
    number: int | None = value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, Text):
        # An ``int`` may be read as a size, as that of memory backends is until QEMU 5.2 (``backends/hostmem.c``).
        number = as_number(value) if kind != "size" else None
        number = as_size(value) if number is None and kind in ("size", "int") else number
    if number is None:
        return f"{name} is a number ({kind}), not {value!r}"
    least, most = bounds
    if isinstance(value, Text) and number < 0 and least == 0:
        # QEMU reads a negative text into an unsigned property, modulo its width.
        number %= most + 1
    return "" if least <= number <= most else f"{name} is a number from {least} to {most} ({kind}), not {value}"


@lru_cache(maxsize=256)
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
