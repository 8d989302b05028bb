"""What a file of ``-readconfig`` says, as the options that stand for it.

QEMU reads groups of keys, each of which is one option (``util/qemu-config.c``, ``qemu_config_foreach`` and
``qemu_config_do_parse``)::

    [device "net0"]
      driver = "e1000"

is ``-device driver=e1000,id=net0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from prober.capabilities.facts import did_you_mean, nearest
from prober.commandline.parse import FLAGS_OF_GROUPS
from prober.errors import UsageError

#: How many characters of a file are read, and of a line, which QEMU takes into a buffer of 1024.
MOST_OF_A_CONFIG, _MOST_OF_A_LINE = 1 << 20, 1022

_GROUP_WITH_ID = re.compile(r'\[([^\s]{1,63})\s*"([^"]{1,63})"')
_GROUP = re.compile(r"\[([^\]]{1,63})\]")
#: As ``sscanf`` reads it: a word is a key, and without an equals sign and a text behind it one whose text is empty.
_KEY = re.compile(r'\s*([^\s]{1,63})(?:\s*=\s*"([^"]{1,1023}))?')

#: Groups whose option has another form on the command line, or a name of its own.
_FLAGS: Mapping[str, str] = MappingProxyType(
    {
        **FLAGS_OF_GROUPS,
        **{name: f"-{name}" for name in ("device", "global", "net", "netdev", "nic", "object", "plugin")},
    }
)


class ConfigOption(NamedTuple):
    """One option: the line of the file (1-based) that its group begins in, its flag and its value."""

    line: int
    flag: str
    value: str


def read_config(text: str, name: str) -> list[ConfigOption]:
    """All options of a file that is called ``name``.

    :raise UsageError: where QEMU would not read it: in which line, and why.
    """
    if len(text) > MOST_OF_A_CONFIG:
        raise UsageError(f"{name} has more than {MOST_OF_A_CONFIG} characters")
    return list(_options(text, name))


def _options(text: str, name: str) -> Iterator[ConfigOption]:
    option: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        if len(line) > _MOST_OF_A_LINE:
            raise UsageError(f"{name}:{number}: the line has more than {_MOST_OF_A_LINE} characters")
        if line.startswith("["):
            if option is not None:
                yield _option(*option)
            option = _group(line, number, name)
            continue
        key = _KEY.match(line)
        if key is None or option is None:
            wrong = "neither a group nor a key" if key is None else "a key that is in no group"
            raise UsageError(f"{name}:{number}: {wrong}", hint='a group is [device "ID"], a key driver = "e1000"')
        option[2].append(_pair(key[1], key[2] or ""))
    if option is not None:
        yield _option(*option)


def _group(line: str, number: int, name: str) -> tuple[int, str, list[str]]:
    with_id = _GROUP_WITH_ID.match(line)
    match = with_id or _GROUP.match(line)
    group = match[1] if match is not None else ""
    if group not in _FLAGS:
        near = did_you_mean(nearest(group, _FLAGS))
        raise UsageError(f"{name}:{number}: there is no group of options {group[:63]!r}", hint=near)
    return number, _FLAGS[group], [_pair("id", with_id[2])] if with_id is not None else []


def _option(line: int, flag: str, pairs: list[str]) -> ConfigOption:
    return ConfigOption(line, flag, ",".join(pairs))


def _pair(key: str, value: str) -> str:
    """A key and its value, as the command line has them."""
    return f"{key}={value.replace(',', ',,')}"
