"""Whether a value fits the type that QEMU names for a property.

The names are QOM's: ``bool``, ``str``, ``uint32``, ``size``, ``link<…>``, an enum's; before QEMU 2.x qdev's own,
``on/off``, ``hex64`` and so on.  What an enum takes stands in the property's description (``on/off/auto``).  Where
neither tells, nothing is said of the value.

A value is written in JSON, with a type of its own, or as :class:`~prober.commandline.text.Text`, which may stand for
any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from prober.capabilities import QomProperty
from prober.commandline.options import Value
from prober.commandline.refusal import Unfit
from prober.commandline.text import Text, as_number, as_range, as_size, as_switch, last_item

_UNSIGNED = re.compile(r"uint(8|16|32|64)(?:_t)?|hex(8|16|32|64)")
_SIGNED = re.compile(r"int(8|16|32|64)?(?:_t)?")
_BOOLS = ("bool", "boolean", "on/off")
_STRINGS = ("str", "string")

#: The values in a description: ``on/off/auto``, ``Error handling policy (report/ignore/enospc/stop/auto)``.
_CHOICES = re.compile(r"(?:^|[ ,(])((?:[\w-]+/)+[\w-]+)\)?$")

#: Types of properties without a setter (``hw/pci/pci.c``, ``hw/virtio/virtio-balloon.c``).
_READ_ONLY = ("busnr", "guest statistics", "GuestPanicInformation", "X86CPUFeatureWordInfo")

#: Properties without a setter that every object or device has (``qom/object.c``, ``hw/core/qdev.c``).
_TOLD = frozenset(
    {
        ("type", "string"), ("hotplugged", "bool"), ("hotpluggable", "bool"), ("parent_bus", "link<bus>"),
        ("virtio-backend", "link<virtio-device>"),
    }
)  # fmt: skip

#: Properties of the type ``int`` that are read as sizes (``backends/hostmem*.c``, until QEMU 5.2, and
#: ``hw/mem/nvdimm.c``), or of whose units a rule says more; others have no units.
_SIZES = frozenset({"align", "hugetlbsize", "label-size", "size", "tsc-frequency"})

#: Types of properties that are trees, of which a key names a member (``qapi/machine.json``, ``qapi/sockets.json``).
_TREES = frozenset(
    {
        "BootConfiguration", "CXLFixedMemoryWindow", "MemorySizeConfiguration", "SMPConfiguration", "SgxEPC",
        "SmpCachePropertiesWrapper", "SocketAddress",
    }
)  # fmt: skip

#: Enums that the schema knows by a number alone (``qapi/common.json``).
_ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"OnOffAuto": ("auto", "on", "off"), "OnOffSplit": ("on", "off", "split"), "QCryptoSecretFormat": ("raw", "base64")}
)

#: Texts that QEMU reads further, whatever it calls their type (``hw/core/qdev-properties*.c``): a PCI slot with its
#: function (``06.0``, ``0x6.0x1``), a MAC address.
_SLOT = re.compile(r"\s*\+?((?:0[xX])?[0-9a-fA-F]{1,16})(?:\.\s*\+?(?:0[xX])?0{0,16}[0-7])?")
_WORDS: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        # A port of a USB bus or hub below one (``hw/usb/bus.c``), compared as a text.
        "port": (re.compile(r"[1-9]\d{0,2}(\.[1-9]\d{0,2})*"), "a port like 1 or 2.1"),
        # ``hw/net/virtio-net.c``
        "duplex": (re.compile(r"half|full"), "half or full"),
        "mac": (
            re.compile(r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){4}"),
            "a MAC address like 52:54:00:12:34:56",
        ),
        # ``hw/acpi/vmgenid.c``, through ``qemu_uuid_parse``
        "guid": (re.compile(r"auto|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "a UUID, or auto"),
        # ``hw/acpi/nvdimm.c`` by ``hw/i386/pc.c``, ``hw/i386/pc.c``, ``pc_machine_set_smbios_ep``
        "nvdimm-persistence": (re.compile(r"cpu|mem-ctrl"), "cpu or mem-ctrl"),
        "smbios-entry-point-type": (re.compile(r"32|64|auto"), "32, 64 or auto"),
    }
)
_ANY_WORD = (re.compile(r".*", re.DOTALL), "")


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


def misfit_of(known: QomProperty, value: Value) -> Unfit | None:
    """Why the value does not fit, or None."""
    form = _form(known.type, known.name)
    message = form(known, value if form in _LISTS else last_item(value))
    return Unfit(message, rule="option/value") if message else None


def choices_of(known: QomProperty) -> tuple[str, ...]:
    """What an enum takes, as its description lists it, or its type's name tells."""
    if known.type in _ENUMS:
        return _ENUMS[known.type]
    if known.type in (*_BOOLS, *_STRINGS) or known.type.startswith(("link<", "child<")) or _bounds(known.type):
        return ()
    match = _CHOICES.search(known.description or "")
    return tuple(match.group(1).split("/")) if match else ()


#: Says what is wrong with a value of one form, or nothing.
_Form: TypeAlias = Callable[[QomProperty, Value], str]


@lru_cache(maxsize=1024)
def _form(kind: str, name: str) -> _Form:
    """How a property of a type and name is read: the first that it is."""
    return next(form for is_it, form in _FORMS if is_it(kind, name))


def _is_told(kind: str, name: str) -> bool:
    """Whether nobody sets it: parts and buses, and what ``info qtree`` prints (``hw/core/qdev.c``: ``legacy-…``)."""
    return (
        kind in _READ_ONLY
        or (name, kind) in _TOLD
        or kind.startswith("child<")
        or (kind in _STRINGS and name.startswith("legacy-"))
    )


def _read_only(known: QomProperty, value: Value) -> str:
    return f"{known.name} can be read, not set"


def _tree(known: QomProperty, value: Value) -> str:
    if isinstance(value, (list, dict)):
        return ""
    return f"{known.name} has members, and a key of each: {known.name}.MEMBER=…, not {value!r}"


def _link(known: QomProperty, value: Value) -> str:
    return "" if isinstance(value, str) else f"{known.name} is a name, not {value!r}"


def _list(known: QomProperty, value: Value) -> str:
    if not isinstance(value, list):
        return f"{known.name} is a list, not {value!r}"
    return f"{known.name} is not a list or an object" if choices_of(known) else ""


def _slot(known: QomProperty, value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return f"addr is a slot like 0x2 or 0x2.0x1, not {value!r}"
    if isinstance(value, int):
        return "" if -1 <= value <= 0xFF else f"addr is a number up to 255, not {value}"
    match = _SLOT.fullmatch(str(value))
    if match is None or int(match.group(1), 16) > 0x1F:
        return f"addr is a slot like 0x2 or 0x2.0x1, up to 0x1f.0x7, not {value!r}"
    return ""


def _host_nodes(known: QomProperty, value: Value) -> str:
    """What memory backends call a number, until QEMU 5.2 (``backends/hostmem.c``)."""
    for item in value if isinstance(value, list) else [value]:
        if not (isinstance(item, Text) and as_range(item)) and (message := _number(known, item)):
            return message
    return ""


def _scalar(read: _Form) -> _Form:
    """A form that is no tree."""

    def read_scalar(known: QomProperty, value: Value) -> str:
        if isinstance(value, (list, dict)):
            return f"{known.name} is not a list or an object"
        return read(known, value)

    return read_scalar


@_scalar
def _switch(known: QomProperty, value: Value) -> str:
    fits = isinstance(value, bool) or (isinstance(value, Text) and as_switch(value) is not None)
    return "" if fits else f"{known.name} is on or off, not {value!r}"


def _realized(known: QomProperty, value: Value) -> str:
    """QEMU does it once the device has all that it is given, and ends where it finds it done."""
    is_on = as_switch(value) if isinstance(value, Text) else value
    return _switch(known, value) or (f"{known.name} is not turned on: QEMU does it" if is_on else "")


@_scalar
def _string(known: QomProperty, value: Value) -> str:
    if not isinstance(value, str):
        return f"{known.name} is a text, not {value!r}"
    form, words = _WORDS.get(known.name, _ANY_WORD)
    return "" if form.fullmatch(value) else f"{known.name} is {words}, not {value!r}"


@_scalar
def _number(known: QomProperty, value: Value) -> str:
    bounds = _bounds(known.type)
    assert bounds is not None, f"{known.type} is no type of numbers"
    number = _number_of(value, "size" if known.type == "int" and known.name in _SIZES else known.type)
    if number is None:
        return f"{known.name} is a number ({known.type}), not {value!r}"
    least, most = bounds
    if isinstance(value, Text) and -(2**63) <= number < 0 and most == 2**64 - 1 and known.type != "size":
        # QEMU reads a negative text as one of 64 bits (``qemu_strtou64``), and then compares it with narrower types.
        number += 2**64
    fits = least <= number <= most
    return "" if fits else f"{known.name} is a number from {least} to {most} ({known.type}), not {value}"


def _number_of(value: Value, kind: str) -> int | None:
    if isinstance(value, Text):
        return as_size(value) if kind == "size" else as_number(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _choice(known: QomProperty, value: Value) -> str:
    choices = choices_of(known)
    if not choices or (isinstance(value, str) and value in choices):
        return ""
    if isinstance(value, (list, dict)):
        return f"{known.name} is not a list or an object"
    return f"{known.name} is one of {', '.join(choices)}, not {value!r}"


#: The forms of lists.
_LISTS = (_list, _host_nodes)

#: The forms of properties, by type and name.  What is none of the others may be an enum, by its description.
_FORMS: tuple[tuple[Callable[[str, str], bool], _Form], ...] = (
    (_is_told, _read_only),
    (lambda kind, name: kind in _TREES, _tree),
    (lambda kind, name: kind.startswith("link<"), _link),
    (lambda kind, name: kind.endswith(("List", "list")), _list),
    (lambda kind, name: name == "addr" and kind in (*_STRINGS, "int32", "pci-devfn"), _slot),
    (lambda kind, name: (name, kind) == ("host-nodes", "int"), _host_nodes),
    (lambda kind, name: (name, kind) == ("realized", "bool"), _realized),
    (lambda kind, name: kind in _BOOLS, _switch),
    (lambda kind, name: kind in _STRINGS, _string),
    (lambda kind, name: _bounds(kind) is not None, _number),
    (lambda kind, name: True, _choice),
)
