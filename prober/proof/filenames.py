"""Filenames of images as QEMU reads them: a path, or a driver's prefix and what that driver makes of the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from prober.commandline.json_text import read_json
from prober.proof.members import JsonMembers, Members, PairMembers
from prober.proof.nodes import PREFIXES, SUFFIXES

#: How many images a filename may have inside one another (``blkdebug:conf:blkdebug:…``).
_DEEPEST = 8

#: How many levels a tree of nodes may have, and how many members in all.
_MOST_LEVELS, _MOST_MEMBERS = 32, 4096


class Filename(NamedTuple):
    """``driver`` is empty where no driver is known that reads such a name.  ``rest`` is a path, or what stands behind
    the prefix."""

    driver: str
    rest: str


def split_filename(text: str) -> Filename:
    """A filename's driver and the rest; a plain path is ``file``'s (``block.c``, ``path_has_protocol``)."""
    prefix, colon, rest = text.partition(":")
    if not colon or "/" in prefix:
        return Filename("file", text)
    driver = PREFIXES.get(prefix, "")
    return Filename(driver, rest)


#: What QEMU reads as a server of NBD (5.2 to 11.1, ``block/nbd.c``, ``nbd_parse_uri`` and ``nbd_parse_filename``).
_NBD = re.compile(
    r"nbd(\+tcp)?://(\[[^\]]+\]|[^/:?\[\]]+)(:(?P<port>[0-9]{1,5}))?(/[^?]*)?"
    r"|nbd\+unix:///[^?]*\?socket=[^&]+"
    r"|nbd:(?!//)(unix:[^:]+|(\[[^\]]+\]|[^:]*):[^:]+)(:exportname=.+)?"
    r"|nbds.*",
    re.DOTALL,
)


def is_no_address(text: str) -> bool:
    """Whether a filename is one of NBD, and names no server that could be connected to; QEMU refuses it as it is."""
    if not text.startswith(("nbd:", "nbd+")):
        return False
    match = _NBD.fullmatch(text)
    return match is None or int(match["port"] or 0) > 65535


def tree_of(text: str) -> JsonMembers | None:
    """The tree of a ``json:{…}``, its dotted keys unfolded; None where it is none, or does not read.

    QEMU takes both forms there (``block.c``, ``parse_json_filename``).
    """
    if not text.startswith("json:"):
        return None
    try:
        tree = read_json(text[5:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    unfolded: dict[str, Any] = {}
    for key, value in tree.items():
        *path, last = key.split(".")
        here = unfolded
        for step in path:
            below = here.setdefault(step, {})
            if not isinstance(below, dict):
                return None
            here = below
        here[last] = value
    return JsonMembers(unfolded)


def is_too_large(members: Members) -> bool:
    """Whether a tree has more levels, or more members, than any block nodes that mean something."""
    if isinstance(members, PairMembers):
        return len(members.pairs) > _MOST_MEMBERS or any(pair.key.count(".") > _MOST_LEVELS for pair in members.pairs)
    level: list[Any] = [members.tree] if isinstance(members, JsonMembers) else []
    seen = 0
    for _ in range(_MOST_LEVELS):
        items = [item for node in level for item in _items(node)]
        seen += len(items)
        level = [item for item in items if isinstance(item, dict | list)]
        if seen > _MOST_MEMBERS:
            return True
    return bool(level)


def _items(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def debugged(rest: str) -> tuple[str, str]:
    """Of ``blkdebug:CONFIG:IMAGE`` or ``blkverify:RAW:IMAGE`` without the prefix, the two."""
    first, _, second = rest.partition(":")
    return first, second


def nests_too_deep(text: str) -> bool:
    """Whether a filename has more of these within one another than anybody means."""
    return text.count("blkdebug:") + text.count("blkverify:") > _DEEPEST


def format_by_name(path: str) -> str:
    """The format that a path's ending tells, ``raw`` where it tells none."""
    return SUFFIXES.get(path.rpartition(".")[2].lower(), "raw")
