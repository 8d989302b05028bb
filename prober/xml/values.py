"""The types of values in domain XML: what a text may be, as libvirt's schema writes it.

Each refuses with a sentence that reads on after the value: ``'maybe' is not a number``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator

_DECIMAL = re.compile(r"[0-9]{1,20}")
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_HEX_DIGITS = re.compile(r"(0[xX])?[0-9a-fA-F]{1,16}")
_OCTAL = re.compile(r"0[0-7]{1,22}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_DEVICE_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
_NOT_IN_NAMES, _LONGEST_NAME = re.compile(r"[\s/:]"), 256
_USB_PORT = re.compile(r"[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,3}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as libvirt itself writes it
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


@dataclass(frozen=True, slots=True)
class Reads(BeforeValidator):
    """A conversion that says in ``words`` what it reads, for docs/domain-xml.md."""

    words: str = ""


def _decimal(most: int, least: int = 0) -> Any:
    def convert(value: Any) -> Any:
        text = str(value).strip()
        if not _DECIMAL.fullmatch(text):
            raise ValueError("is not a number")
        return _within(int(text), least, most)

    return Reads(convert, words=f"{_round(least)} to {_round(most)}")


def _number(most: int) -> Any:
    """Decimal or, with ``0x``, hexadecimal, as addresses have it; with a mere ``0`` before it, octal, as C has it."""

    def convert(value: Any) -> Any:
        text = str(value).strip()
        if _HEX.fullmatch(text):
            return _within(int(text, 16), 0, most)
        if _OCTAL.fullmatch(text):
            return _within(int(text, 8), 0, most)
        if (len(text) > 1 and text.startswith("0")) or not _DECIMAL.fullmatch(text):
            raise ValueError("is not a number")
        return _within(int(text), 0, most)

    return Reads(convert, words=f"0 to {_round(most)}, also in hexadecimal")


def _hexadecimal(most: int) -> Any:
    """Hexadecimal, whether or not ``0x`` says so."""

    def convert(value: Any) -> Any:
        text = str(value).strip()
        if not _HEX_DIGITS.fullmatch(text):
            raise ValueError("is not a hexadecimal number")
        return _within(int(text, 16), 0, most)

    return Reads(convert, words=f"0 to {_round(most)}, always in hexadecimal")


def _round(number: int) -> str:
    """A bound as people say it."""
    bits = (number + 1).bit_length() - 1
    return f"2^{bits} - 1" if number + 1 == 1 << bits and bits >= 24 else str(number)


def number_in(least: int, most: int) -> Any:
    """Marks a number, decimal or hexadecimal, that lies between these two: ``Annotated[int, number_in(0, 9)]``."""
    number = _number(most)

    def convert(value: Any) -> Any:
        return _within(number.func(value), least, most)

    return Reads(convert, words=f"{_round(least)} to {_round(most)}, also in hexadecimal")


def _within(number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise ValueError(f"is out of range: {least} to {most}")
    return number


def _switch(on: str, off: str) -> Any:
    def convert(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if value not in (on, off):
            raise ValueError(f"is neither '{on}' nor '{off}'")
        return value == on

    return Reads(convert, words=f"`{on}`, `{off}`")


#: The two ways in which libvirt writes a switch.
OnOff: TypeAlias = Annotated[bool, _switch("on", "off")]
YesNo: TypeAlias = Annotated[bool, _switch("yes", "no")]

#: Unsigned decimal numbers.
Count: TypeAlias = Annotated[int, _decimal(2**32 - 1)]
PositiveCount: TypeAlias = Annotated[int, _decimal(2**31 - 1, 1)]
Amount: TypeAlias = Annotated[int, _decimal(2**64 - 1)]
TcpPort: TypeAlias = Annotated[int, _decimal(65535, 1)]
Index: TypeAlias = Annotated[int, _decimal(255)]
Byte: TypeAlias = Annotated[int, _number(0xFF)]
#: The parts of a PCI address.
PciDomain: TypeAlias = Annotated[int, _number(0xFFFF)]
PciSlot: TypeAlias = Annotated[int, _number(0x1F)]
PciFunction: TypeAlias = Annotated[int, _number(7)]
#: What libvirt reads in hexadecimal alone.
IoPort: TypeAlias = Annotated[int, _hexadecimal(0xFFFF)]
IrqLine: TypeAlias = Annotated[int, _hexadecimal(0xFF)]
#: A port of TCP or UDP.
SocketPort: TypeAlias = Annotated[int, _decimal(0xFFFF)]
HexAmount: TypeAlias = Annotated[int, _hexadecimal(2**64 - 1)]
#: A number that may be written in hexadecimal.
AnyCount: TypeAlias = Annotated[int, _number(2**32 - 1)]
#: An amount of KiB that can be told in bytes.
Kibibytes: TypeAlias = Annotated[int, _number(2**54 - 1)]


#: One more than the highest number in a set of CPUs or nodes (libvirt, ``VIR_DOMAIN_CPUMASK_LEN``).
_SET_END = 16384

_SET_PART = re.compile(r"\s*(\^?)([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?")


def _number_set(value: Any) -> Any:
    """libvirt's sets of CPUs and nodes: ``0-3,^2,8`` (``virBitmapParse``); what comes later wins."""
    if isinstance(value, tuple):
        return value
    numbers: set[int] = set()
    for part in str(value).split(","):
        match = _SET_PART.fullmatch(part)
        if match is None or (match[1] and match[3]):
            raise ValueError("is not a set of numbers like 0-3,^2,8")
        first = int(match[2])
        last = first if match[3] is None else int(match[3])
        if last < first or last >= _SET_END:
            raise ValueError(f"is not within 0 to {_SET_END - 1}, or a range ends before it begins")
        if match[1]:
            numbers.discard(first)
        else:
            numbers.update(range(first, last + 1))
    if not numbers:
        raise ValueError("is empty")
    return tuple(sorted(numbers))


def ranges(numbers: Iterable[int]) -> list[str]:
    """A set as QEMU and libvirt write it, each run of numbers as one word: ``["0-3", "8"]``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def _line(value: str) -> str:
    """One line of text."""
    if not value.strip():
        raise ValueError("is empty")
    if _CONTROL.search(value):
        raise ValueError("has a line break or control character")
    return value


def _filled(value: Any) -> Any:
    return value if value is not None and str(value).strip() else None


def check_path(value: str) -> str:
    """An absolute path: so that a name can never be read as an option or another protocol."""
    _line(value)
    if not value.startswith("/"):
        raise ValueError("is not an absolute path")
    if len(value.encode()) > 4095:
        raise ValueError("is longer than a path can be (4095 bytes)")
    return value


def check_any_path(value: str) -> str:
    """A path, which cannot be read as an option or another protocol."""
    if value.startswith("/"):
        return check_path(value)
    check_path(f"/{value}")
    if not value or value.startswith("-") or ":" in value.partition("/")[0]:
        raise ValueError("is no path: it may be read as an option or another protocol")
    return value


def _domain_name(value: str) -> str:
    """One line without a slash."""
    _line(value)
    if "/" in value:
        raise ValueError("has a slash, which a domain's name may not have")
    return value


def check_uuid(value: str) -> str:
    """A UUID: libvirt reads them with or without dashes, in any case (``virUUIDParse``)."""
    if _UUID.fullmatch(value):
        return value
    text = value.strip()
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        raise ValueError("is not a UUID") from None
    if re.sub("[^0-9a-fA-F]", "", text) != text.replace("-", ""):
        raise ValueError("is not a UUID")
    return str(parsed)


def _uuid_or_empty(value: str) -> str:
    """A UUID, or empty for one that is made up (libvirt, ``virDomainDefParseIDs``)."""
    return check_uuid(value) if value else value


def _device_name(value: str) -> str:
    """Letters, digits, dashes and underscores (libvirt, ``virDomainDeviceInfoParseXML``)."""
    if not _DEVICE_NAME.fullmatch(value):
        raise ValueError("is not a name of letters, digits, dashes and underscores")
    return value


def _net_device(value: str) -> str:
    """A name that Linux takes for a network device (``dev_valid_name``), or for an alternative name of one."""
    if not value or len(value) > _LONGEST_NAME or not value.isprintable() or _NOT_IN_NAMES.search(value):
        raise ValueError("is no name of a network device, which has neither spaces nor slashes nor colons")
    return value


def _usb_port(value: str) -> str:
    """A port of the controller, or behind up to three hubs; libvirt counts ports from 1."""
    if not _USB_PORT.fullmatch(value):
        raise ValueError("is not a USB port like 1 or 1.2")
    return value


def _mac(value: str) -> str:
    """A unicast MAC address."""
    if not _MAC.fullmatch(value.strip()):
        raise ValueError("is not a MAC address")
    text = value.strip().lower()
    if int(text[:2], 16) & 1:
        raise ValueError("is a multicast address, which no interface can have")
    return text


#: A set of CPUs or of NUMA nodes, in order; never empty.
NumberSet: TypeAlias = Annotated[tuple[int, ...], Reads(_number_set, words="a set of numbers like `0-3,^2,8`")]
#: One line of text without control characters.
Line: TypeAlias = Annotated[str, AfterValidator(_line)]
AbsolutePath: TypeAlias = Annotated[str, AfterValidator(check_path)]
#: The text of an element that may be empty, which libvirt takes for one that is not there (``virXPathString``).
LineOrNothing: TypeAlias = Annotated[Line | None, Reads(_filled, words="a line, or none")]
AbsolutePathOrNothing: TypeAlias = Annotated[AbsolutePath | None, Reads(_filled, words="a path, or none")]
AnyPath: TypeAlias = Annotated[str, AfterValidator(check_any_path)]
DomainName: TypeAlias = Annotated[str, AfterValidator(_domain_name)]
Uuid: TypeAlias = Annotated[str, AfterValidator(check_uuid)]
#: The same, or an empty text for one that is to be made up.
UuidOrEmpty: TypeAlias = Annotated[str, AfterValidator(_uuid_or_empty)]
DeviceName: TypeAlias = Annotated[str, AfterValidator(_device_name)]
NetDeviceName: TypeAlias = Annotated[str, AfterValidator(_net_device)]
UsbPort: TypeAlias = Annotated[str, AfterValidator(_usb_port)]
MacAddress: TypeAlias = Annotated[str, AfterValidator(_mac)]

#: libvirt's units of memory (``virScaleInteger``): powers of 1024, or with a B of 1000.
UNITS = {
    "b": 1, "byte": 1, "bytes": 1,
    "K": 1024, "KiB": 1024, "KB": 1000,
    "M": 1024**2, "MiB": 1024**2, "MB": 1000**2,
    "G": 1024**3, "GiB": 1024**3, "GB": 1000**3,
    "T": 1024**4, "TiB": 1024**4, "TB": 1000**4,
    "P": 1024**5, "PiB": 1024**5, "PB": 1000**5,
    "E": 1024**6, "EiB": 1024**6, "EB": 1000**6,
}  # fmt: skip

#: Each unit by its small letters: libvirt does not look at the case.
_SMALL = {name.lower(): name for name in UNITS}


def _unit(value: Any) -> Any:
    name = _SMALL.get(str(value).strip().lower())
    if name is None:
        raise ValueError("is not a unit of memory like KiB, MiB or GiB")
    return name


#: A unit of memory, as :data:`UNITS` has it.
Unit: TypeAlias = Annotated[str, Reads(_unit, words="`KiB`, `MiB`, `GB` and so on, in any case")]
