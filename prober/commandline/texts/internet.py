"""Addresses and rules of forwarding of a ``user`` netdev (``net/slirp.c``)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from prober.commandline.text import as_number

_Version = tuple[int, int, int]

_ALL = 0xFFFFFFFF

#: A whole number at the beginning of a text, with any base.
_LEADING = re.compile(r"\s*[+-]?(0[xX][0-9a-fA-F]{1,16}|0[0-7]{0,20}|[1-9][0-9]{0,20})")

#: From this version on what stands behind the number of a port is left unread; before 8.0 it was not.
_LAX: _Version = (8, 0, 0)

#: From this version on a UNIX socket of the host may be forwarded (seen in 11.1 and not in 10.0).
_UNIX: _Version = (10, 1, 0)


def ipv4(text: str) -> int | None:
    """An address as ``inet_aton`` reads it: one to four numbers, the last of which fills what is left."""
    words = text.split(maxsplit=1)
    parts = words[0].split(".") if words and not text[:1].isspace() else []
    numbers = [as_number(part) for part in parts if part[:1].isalnum()]
    if not 1 <= len(numbers) == len(parts) <= 4 or any(number is None for number in numbers):
        return None
    *first, last = [number for number in numbers if number is not None]
    if any(number > 0xFF for number in first) or last >= 2 ** (8 * (4 - len(first))):
        return None
    return sum(number << (24 - 8 * at) for at, number in enumerate(first)) | last


def ipv6(text: str) -> int | None:
    """An address as ``inet_pton`` reads it."""
    try:
        return int(IPv6Address(text)) if "%" not in text else None
    except AddressValueError:
        return None


class Network(NamedTuple):
    """An IPv4 network."""

    address: int
    mask: int

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and address & self.mask == self.address

    def host(self, number: int) -> int:
        """The address of a host by what QEMU takes for it (``0x0202``)."""
        return self.address | (number & ~self.mask & _ALL)


DEFAULT_NETWORK = Network(0x0A000200, 0xFFFFFF00)

#: Networks by their class, where no mask is given: the bits that are looked at, what they are, and the mask.
_CLASSES = (
    (0x80000000, 0x00000000, 0xFF000000),
    (0xFFF00000, 0xAC100000, 0xFFF00000),
    (0xC0000000, 0x80000000, 0xFFFF0000),
    (0xFFFF0000, 0xC0A80000, 0xFFFF0000),
    (0xFFFF0000, 0xC6120000, 0xFFFE0000),
    (0xE0000000, 0xE0000000, 0xFFFFFF00),
)


def read_network(text: str) -> Network | str:
    """What ``net=`` says, or why it says nothing."""
    written, slash, length = text.partition("/")
    address = ipv4(written)
    if address is None:
        return f"{written[:64]!r} is no IPv4 address"
    if not slash:
        mask = next((mask for bits, are, mask in _CLASSES if address & bits == are), 0xFFFFFFF0)
        return Network(address & mask, mask)
    digits = length.strip()
    if not digits or digits.removeprefix("-").removeprefix("+").isdecimal():
        shift = int(digits) if digits and len(digits) < 10 else 0
        if not 4 <= shift <= 32:
            return f"the length of a network is from 4 to 32, not {length[:64]!r}"
        mask = _ALL << (32 - shift) & _ALL
        return Network(address & mask, mask)
    given = ipv4(length)
    return Network(address & given, given) if given is not None else f"{length[:64]!r} is no mask of a network"


def wrong_hostfwd(text: str, version: _Version) -> str:
    """Why a rule of ``hostfwd=`` is none (``slirp_hostfwd``), empty where it is one."""
    if text.startswith("unix:") and version >= _UNIX:
        return ""
    protocol, first, rest = text.partition(":")
    host, second, rest = rest.partition(":")
    port, dash, rest = rest.partition("-")
    guest, third, guest_port = rest.partition(":")
    if not first or protocol not in ("tcp", "udp", ""):
        return "it begins with tcp: or udp:"
    if not second:
        return "behind the protocol stands HOST:PORT, the host of which may be left out"
    if host and ipv4(host) is None:
        return f"{host[:64]!r} is no IPv4 address"
    if not dash:
        return "a dash stands between what is forwarded and where to"
    if not _is_port(port, version, least=0):
        return f"the host's port is a number up to 65535, not {port[:64]!r}"
    if not third or (guest and ipv4(guest) is None):
        return "behind the dash stands GUEST:PORT, the guest of which may be left out"
    if not _is_port(guest_port, version, least=1):
        return f"the guest's port is a number from 1 to 65535, not {guest_port[:64]!r}"
    return ""


def _is_port(text: str, version: _Version, *, least: int) -> bool:
    if not text:
        # Nothing was 0 to ``strtol``, and is none to what came after it.
        return least == 0 and version < (10, 0, 0)
    match = _LEADING.match(text)
    if match is None or (match.end() < len(text) and version < _LAX):
        return False
    number = as_number(match.group())
    return number is not None and least <= number <= 65535


class Guest(NamedTuple):
    """A rule of ``guestfwd=``: the server's address (0 for the first that is free), its port, and what it is."""

    server: int
    port: int
    target: str


def read_guestfwd(text: str) -> Guest | None:
    """What a rule says, or None (``slirp_guestfwd``)."""
    protocol, first, rest = text.partition(":")
    host, second, rest = rest.partition(":")
    port, dash, target = rest.partition("-")
    server = ipv4(host) if host else 0
    if not (first and second and dash) or protocol not in ("tcp", "") or server is None:
        return None
    digits = port.strip().removeprefix("+")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 9 or not 1 <= int(digits) <= 65535:
        return None
    return Guest(server, int(digits), target)
