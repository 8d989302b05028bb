"""Two command lines of QEMU compared by what they mean to it, and not by how they are written.

JSON and ``key=value``, ``on`` and ``true``, ``0x10`` and ``16``, ``-m 256`` and ``-m size=262144k`` are the same to
QEMU; so are a ``-set`` and the property in the ``-device`` itself, and ``-object monitor-qmp`` (libvirt 12 where QEMU
has it) and ``-mon`` of mode control.  Left out is what each side chooses for itself: ``-S``, libvirt's own master key,
the numbers of descriptors, where the monitor's socket is, what the domain leaves to be made up (uuid, MAC addresses),
the moment of the start, and the number of the domain in its directories.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Options that take no argument, of those that either side writes.
_ALONE = frozenset(
    {"-S", "-nodefaults", "-no-user-config", "-no-shutdown", "-no-acpi", "-no-hpet", "-no-reboot", "-snapshot"}
)

#: Options whose argument is one text, with commas and all.
_TEXT = frozenset(
    {"-uuid", "-kernel", "-initrd", "-append", "-dtb", "-bios", "-incoming", "-serial", "-monitor", "-watchdog-action"}
)  # fmt: skip

#: What a first word without a key is.
_FIRST = {
    "-accel": "accel", "-audiodev": "driver", "-blockdev": "driver", "-boot": "order", "-chardev": "backend",
    "-cpu": "model", "-device": "driver", "-display": "type", "-fsdev": "fsdriver", "-m": "size", "-machine": "type",
    "-mon": "chardev", "-name": "guest", "-netdev": "type", "-numa": "type", "-object": "qom-type",
    "-sandbox": "enable", "-smp": "cpus", "-tpmdev": "type", "-vnc": "vnc",
}  # fmt: skip

_DESCRIPTORS = frozenset({"fd", "fds", "vhostfd", "vhostfds"})
_DESCRIPTOR_PATH = re.compile(r"/dev/fdset/\d+|/dev/fd/\d+")
#: The number of a domain that does not run, in the names of its directories.
_NO_ID = re.compile(r"/-1-")
_SWITCH = {"yes": "on", "true": "on", "no": "off", "false": "off"}
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_MOMENT = re.compile(r"\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d")
_SIZE = re.compile(r"(\d+)([bkmgt]?)", re.IGNORECASE)
_UNITS = {"b": 0, "k": 10, "": 20, "m": 20, "g": 30, "t": 40}
_SET = re.compile(r"device\.(?P<id>[^.]+)\.(?P<key>[^=]+)=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """One option: its flag, and what it says by key."""

    flag: str
    pairs: Mapping[str, str]

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from others: its id, or that of its block node."""
        return self.flag, self.pairs.get("id", self.pairs.get("node-name", ""))

    def beyond(self, other: Said) -> str:
        """What it says and the other does not, behind its name."""
        more = {key: value for key, value in self.pairs.items() if other.pairs.get(key) != value}
        return f"{' '.join(self.name).rstrip()}: {_written(more)}" if more else ""

    def __str__(self) -> str:
        return f"{self.flag} {_written(self.pairs)}".rstrip()


def _written(pairs: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" if key else value for key, value in sorted(pairs.items()))


def differences(theirs: list[str], ours: list[str], xml: str) -> list[str]:
    """In what the lines differ; each is an argv without its first word.

    An option that one side alone has is a line with ``-`` (theirs) or ``+`` (ours) before it.  Of one that both have,
    by its id or because there is one alone, the line has what differs in it: ``- -cpu: cmp-legacy=on``.  Options in
    another order are one line, ``~``, as QEMU makes devices in their order.
    """
    left, right = read_options(theirs, xml), read_options(ours, xml)
    if left == right:
        return []
    lacking, more = _without(left, right), _without(right, left)
    if not lacking and not more:
        return [f"~ {next(there for there, here in zip(left, right, strict=True) if there != here)}"]
    lines = []
    for one in lacking:
        twin = next((other for other in more if other.name == one.name), None)
        if twin is None:
            lines.append(f"- {one}")
            continue
        more.remove(twin)
        lines += [f"{sign} {part}" for sign, part in (("-", one.beyond(twin)), ("+", twin.beyond(one))) if part]
    return lines + [f"+ {one}" for one in more]


def _without(some: list[Said], others: list[Said]) -> list[Said]:
    more, left = [], list(others)
    for one in some:
        if one in left:
            left.remove(one)
        else:
            more.append(one)
    return more


def read_options(words: list[str], xml: str) -> list[Said]:
    """The options of a line in their normal form; ``xml`` is the domain, which tells what was made up."""
    said = [one for flag, value in _split(words) if (one := _normal(flag, value, xml)) is not None]
    sets = [match for one in said if one.flag == "-set" and (match := _SET.fullmatch(one.pairs.get("", "")))]
    return [_with_sets(one, sets) for one in said if one.flag != "-set"]


def _split(words: list[str]) -> Iterator[tuple[str, str | None]]:
    rest = iter(words)
    for word in rest:
        flag = "-" + word.lstrip("-")
        yield flag, None if flag in _ALONE or not word.startswith("-") else next(rest, None)


def _with_sets(said: Said, sets: list[re.Match[str]]) -> Said:
    own = {
        one["key"]: _value(one["value"]) for one in sets if said.flag == "-device" and said.pairs.get("id") == one["id"]
    }
    return Said(said.flag, {**said.pairs, **own}) if own else said


def _normal(flag: str, value: str | None, xml: str) -> Said | None:
    if flag == "-S":
        return None
    if value is None:
        return Said(flag, {})
    pairs = _pairs(flag, value)
    if pairs.get("qom-type") == "monitor-qmp":
        return Said("-mon", {"chardev": pairs["chardev"], "id": pairs["id"], "mode": "control"})
    if pairs.get("id") == "masterKey0":
        return None
    if flag == "-chardev" and pairs.get("id") == "charmonitor":
        return Said(flag, {"id": "charmonitor"})
    return Said(flag, {key: _masked(flag, key, one, xml) for key, one in pairs.items()})


def _pairs(flag: str, value: str) -> dict[str, str]:
    if flag in _TEXT or flag == "-set":
        return {"": value}
    if value.startswith("{"):
        return dict(_flat(json.loads(value), ""))
    pairs: dict[str, str] = {}
    for at, word in enumerate(value.replace(",,", "\0").split(",")):
        key, equals, text = word.replace("\0", ",").partition("=")
        if not equals:
            key, text = (_FIRST[flag], key) if at == 0 and flag in _FIRST else (key, "on")
        # A key that is repeated is a list.
        pairs[key] = f"{pairs[key]}; {_value(text)}" if key in pairs else _value(text)
    return pairs


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """A JSON value as dotted keys."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, _value(("off", "on")[value] if isinstance(value, bool) else str(value))


def _value(text: str) -> str:
    if re.fullmatch("0x[0-9a-fA-F]+", text):
        return str(int(text, 16))
    return _SWITCH.get(text, text)


def _masked(flag: str, key: str, value: str, xml: str) -> str:
    """A value without what each side chooses for itself."""
    if key in _DESCRIPTORS:
        return "DESCRIPTOR"
    if flag == "-m" and key in ("size", "maxmem") and (size := _SIZE.fullmatch(value)):
        return f"{int(size[1]) << _UNITS[size[2].lower()]} bytes"
    if (flag == "-uuid" or key == "guid" or _MAC.fullmatch(value)) and value.lower() not in xml.lower():
        return "MADE-UP"
    if flag == "-rtc" and key == "base" and _MOMENT.fullmatch(value) and "start=" not in xml:
        return "MOMENT"
    return _NO_ID.sub("/", _DESCRIPTOR_PATH.sub("DESCRIPTOR", value))
