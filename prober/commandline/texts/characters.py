"""Character devices in one word, as ``-serial``, ``-monitor`` and their like take them.

QEMU makes a ``-chardev`` of each (``chardev/char.c``, ``qemu_chr_parse_compat``), so what is read here is its backend
and its keys, which are then checked as those of any.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from prober.commandline.refusal import Unfit
from prober.commandline.text import Text, bare_switch, split_pairs

#: The options that take one.
CHARACTER_OPTIONS = ("-debugcon", "-gdb", "-monitor", "-parallel", "-qmp", "-qmp-pretty", "-serial")

#: Those that take ``none``, for no device at all (``system/vl.c``; ``gdbstub/system.c``, ``gdbserver_start``).
_MAY_BE_NONE = frozenset({"-gdb", "-monitor", "-parallel", "-serial"})

#: Backends that a word alone stands for.
_ALONE = frozenset({"null", "pty", "msmouse", "wctablet", "braille", "testdev", "stdio"})

#: ``vc`` with a size, in pixels or in characters.
_SIZE = re.compile(r"([0-9]{1,7})x([0-9]{1,7})|([0-9]{1,7})Cx([0-9]{1,7})")

#: A host, which may be left out, and a port, as ``sscanf`` reads them.
_HOST_AND_PORT = re.compile(r"([^:]{1,64}):([^,]{1,32})|:([^,]{1,32})")
_DATAGRAM = re.compile(r"([^:]{1,64}):([^@,]{1,32})|:([^@,]{1,32})")

#: Kinds of TCP, by what stands before the address, and the key that each turns on.
_STREAMS = {"tcp": "", "telnet": "telnet", "tn3270": "tn3270", "websocket": "websocket"}

#: What has a path behind a colon, the last of them from that version on (``qapi/char.json``, ``ChardevPty``).
_FILES = ("file", "pipe", "pty")
_PTY_HAS_PATH = (9, 2, 0)

#: Ports of the host, by how their names begin; the first that fits counts.
_PORTS = ((("/dev/parport", "/dev/ppi"), "parallel"), (("/dev/", "COM"), "serial"))

#: The number of a port, or the name of a service: no name has other characters.
_PORT = re.compile(r"[\w.+/*-]+")


class CharacterWord(NamedTuple):
    """A backend, and its keys in their order."""

    backend: str
    pairs: tuple[tuple[str, Text], ...] = ()


def read_character(flag: str, text: str, version: tuple[int, int, int]) -> CharacterWord | None:
    """What a word makes; None where it names a ``-chardev``, or is ``none``.

    :raise Unfit: where QEMU reads nothing in it.
    """
    if text == "none" and flag in _MAY_BE_NONE:
        return None
    if text.startswith("chardev:") and len(text) > len("chardev:") and flag != "-debugcon":
        return None
    is_mux, word = text.startswith("mon:"), text.removeprefix("mon:")
    backend, pairs = _read(flag, word, version)
    if is_mux:
        pairs = (("mux", Text("on")), *pairs)
    if flag == "-gdb" and word.startswith("tcp:"):
        # It serves in any case, and waits for nobody.
        pairs = (*pairs, ("wait", Text("off")), ("delay", Text("off")), ("server", Text("on")))
    return CharacterWord(backend, tuple(pairs))


def _read(flag: str, word: str, version: tuple[int, int, int]) -> CharacterWord:
    kind, colon, rest = word.partition(":")
    if word in _ALONE:
        return CharacterWord(word)
    if word.startswith("vc"):
        return CharacterWord("vc", _console(word))
    if word == "con:":
        return CharacterWord("console")
    for beginnings, backend in _PORTS:
        if word.startswith(beginnings):
            return CharacterWord(backend, (("path", Text(word)),))
    made = _with_address(kind, rest, version) if colon else None
    if made is None:
        raise Unfit(f"{word[:64]!r} is no character device that {flag} takes")
    return made


def _with_address(kind: str, rest: str, version: tuple[int, int, int]) -> CharacterWord | None:
    """What has an address or a path behind a colon."""
    if kind == "udp":
        return CharacterWord("udp", _datagrams(rest))
    if kind == "unix":
        return CharacterWord("socket", tuple(_pairs(rest, "path")))
    if kind in (_FILES if version >= _PTY_HAS_PATH else _FILES[:2]):
        if not rest:
            raise Unfit(f"{kind}: needs a path")
        return CharacterWord(kind, (("path", Text(rest)),))
    if kind in _STREAMS:
        return CharacterWord("socket", _stream(kind, rest))
    return None


def _console(word: str) -> tuple[tuple[str, Text], ...]:
    """What stands behind ``vc`` counts only behind a colon."""
    if not word.startswith("vc:"):
        return ()
    match = _SIZE.match(word, 3)
    if match is None:
        raise Unfit(f"vc: is followed by a size like 800x600 or 80Cx24C, not {word[3:67]!r}")
    width, height, columns, rows = match.groups()
    if width:
        return ("width", Text(width)), ("height", Text(height))
    return ("cols", Text(columns)), ("rows", Text(rows))


def _stream(kind: str, rest: str) -> tuple[tuple[str, Text], ...]:
    match = _HOST_AND_PORT.match(rest)
    if match is None:
        raise Unfit(f"{kind}: is followed by HOST:PORT or :PORT, not {rest[:64]!r}")
    pairs = _address(kind, match, "host", "port")
    if rest[match.end() : match.end() + 1] == ",":
        pairs += _pairs(rest[match.end() + 1 :], "")
    key = _STREAMS[kind]
    return tuple([*pairs, (key, Text("on"))] if key else pairs)


def _datagrams(rest: str) -> tuple[tuple[str, Text], ...]:
    """``HOST:PORT@LOCAL:PORT``; what stands behind a comma is left unread."""
    match = _DATAGRAM.match(rest)
    if match is None:
        raise Unfit(f"udp: is followed by HOST:PORT, not {rest[:64]!r}")
    pairs = _address("udp", match, "host", "port")
    if rest[match.end() : match.end() + 1] == "@":
        local = rest[match.end() + 1 :]
        match = _HOST_AND_PORT.match(local)
        if match is None:
            raise Unfit(f"behind the @ of udp: stands HOST:PORT, not {local[:64]!r}")
        pairs += _address("udp", match, "localaddr", "localport")
    return tuple(pairs)


def _address(kind: str, match: re.Match[str], host: str, port: str) -> list[tuple[str, Text]]:
    number = match[2] or match[3]
    if not _PORT.fullmatch(number):
        raise Unfit(f"the port of {kind}: is a number or a name, not {number!r}")
    return [(host, Text(match[1] or "")), (port, Text(number))]


def _pairs(text: str, implied: str) -> list[tuple[str, Text]]:
    """Keys as ``qemu_opts_do_parse`` reads them: a word alone is a switch that is on, or with ``no`` before it off."""
    pairs = []
    for key, value in split_pairs(text, implied):
        if not key:
            raise Unfit("there is an empty key behind the address")
        pairs.append(bare_switch(key) if value is None else (key, value))
    return pairs
