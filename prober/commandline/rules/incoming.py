"""Where a migration comes from: ``-incoming``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prober.commandline.line import Line
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import DESCRIPTOR, as_number, as_switch

_Version = tuple[int, int, int]

#: Kinds of addresses, and from which version on they are there (``migration/migration.c``,
#: ``qemu_start_incoming_migration`` and ``migrate_uri_parse``).  RDMA is built where the host has it.
_KINDS: dict[str, _Version] = {
    **dict.fromkeys(("exec", "fd", "rdma", "tcp", "unix", "vsock"), (0, 0, 0)),
    "file": (8, 2, 0),
}

#: The first version that reads channels too, in JSON or as keys.
_CHANNELS: _Version = (8, 1, 0)

#: A host and a port as ``sscanf`` reads them (``util/qemu-sockets.c``, ``inet_parse``).
_ADDRESS = re.compile(r":[^,]{1,32}|\[[^\]]{1,64}\]:[^,]{1,32}|[^:]{1,64}:[^,]{1,32}")

#: Keys behind an address, where all others are refused (QEMU commit 316e8ee8d6, 10.1).
_STRICT: _Version = (10, 1, 0)
_KEYS = frozenset(
    {
        "ipv4", "ipv6", "keep-alive", "keep-alive-count", "keep-alive-idle", "keep-alive-interval", "mptcp", "numeric",
        "to",
    }
)  # fmt: skip

#: Those of them that are switches, and since when.  Before 10.1 the first that begins so counts, and is bare, on or
#: off (``util/qemu-sockets.c``, ``inet_parse_flag``).
_SWITCHES: Mapping[str, _Version] = {
    "ipv4": (0, 0, 0), "ipv6": (0, 0, 0), "keep-alive": (0, 0, 0), "mptcp": (6, 1, 0), "numeric": _STRICT,
}  # fmt: skip
_SWITCHED = ("", "=on", "=off")

#: The last port (``to``) before that, which ``sscanf`` reads.
_LAST_PORT = re.compile(r"\s*[+-]?\d+")


def _sources(line: Line) -> Iterator[Fault]:
    for option in line.plain.get("-incoming", ()):
        why = wrong_source(option.value or "", line.caps.version.numbers)
        if why:
            yield Fault(option.place, "", why)


def wrong_source(text: str, version: _Version) -> str:
    """Why a migration cannot come from what a text says, empty where it may."""
    kind, colon, rest = text.partition(":")
    if text == "defer":
        return ""
    if version >= _CHANNELS and (text.startswith("{") or "=" in text.partition(",")[0] + kind.partition(",")[2]):
        return ""
    if not colon or version < _KINDS.get(kind, (1000, 0, 0)):
        known = ", ".join(f"{name}:" for name, since in sorted(_KINDS.items()) if version >= since)
        return f"-incoming is defer, or begins with one of {known}, not {text[:64]!r}"
    if kind == "tcp":
        return _wrong_address(rest, version)
    if kind == "unix" and not rest:
        return "-incoming unix: needs a path"
    # ``migration/fd.c``.
    if kind == "fd" and not DESCRIPTOR.fullmatch(rest):
        return f"-incoming fd: is followed by the number of a descriptor, not {rest[:64]!r}"
    return ""


def _wrong_address(text: str, version: _Version) -> str:
    match = _ADDRESS.match(text)
    if match is None:
        return f"-incoming tcp: is followed by HOST:PORT or :PORT, not {text[:64]!r}"
    behind = text[match.end() :]
    items = behind[1:].split(",") if behind.startswith(",") else []
    for item in items:
        key, equals, value = item.partition("=")
        if key == "to" and not (_is_last_port(value, version) if equals else version < _STRICT):
            return f"to= is a number, not {value[:64]!r}"
        if version >= _STRICT and key not in _KEYS and key.removeprefix("no") not in _KEYS:
            return f"-incoming tcp: takes no {key[:64]!r} behind the address"
    return _wrong_switch(items, version)


def _wrong_switch(items: list[str], version: _Version) -> str:
    for key, since in _SWITCHES.items():
        said = [item.removeprefix(key) for item in items if item.startswith(key)]
        if version >= _STRICT:
            wrong = [text for text in said if text.startswith("=") and as_switch(text[1:]) is None]
        else:
            wrong = [text for text in said[:1] if version >= since and text not in _SWITCHED]
        if wrong:
            return f"{key}= is on or off, not {wrong[0].removeprefix('=')[:64]!r}"
    return ""


def _is_last_port(text: str, version: _Version) -> bool:
    """Whether it is a number, which is in tens before 10.1 (5.2, 7.2 and 10.0 refuse ``0x10``)."""
    return as_number(text) is not None if version >= _STRICT else _LAST_PORT.fullmatch(text) is not None


RULES = (
    Rule(
        "line/incoming",
        "a migration comes from an address that is one",
        "migration/migration.c, qemu_start_incoming_migration; util/qemu-sockets.c, inet_parse",
        _sources,
        about=("-incoming",),
        wrong="-display none -machine pc -incoming tcp:4444",
        right="-display none -machine pc -incoming defer",
    ),
)
