"""Variants of a command line: sound ones, that mean something else or the same, and ones with one thing spoilt.

Nothing here reads an option as prober does: a line is cut at commas or as JSON, and put together again.  The variants
are made in a fixed order from a fixed seed; whether one is bad is not for this module to say, but for QEMU.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from prober.capabilities.capabilities import Capabilities

#: What a first word without ``=`` stands for.
_IMPLIED = {
    "-device": "driver", "-object": "qom-type", "-netdev": "type", "-blockdev": "driver", "-chardev": "backend",
    "-audiodev": "driver", "-display": "type", "-machine": "type", "-cpu": "model", "-accel": "accel", "-smp": "cpus",
    "-m": "size", "-boot": "order", "-name": "guest", "-numa": "type", "-vnc": "vnc", "-fw_cfg": "name",
    "-mon": "chardev", "-sandbox": "enable",
}  # fmt: skip

#: Options without an implied key, that are keys and values all the same.
_KEYED = {
    "-rtc", "-overcommit", "-msg", "-action", "-compat", "-smbios", "-drive", "-acpitable", "-global",
}  # fmt: skip

#: The key that says what an option makes.
_DRIVERS = {
    "-device": "driver", "-object": "qom-type", "-netdev": "type", "-blockdev": "driver", "-chardev": "backend",
    "-audiodev": "driver", "-display": "type", "-machine": "type", "-cpu": "model", "-accel": "accel",
}  # fmt: skip

#: Keys whose value names something else on the line.
_REFERENCES = {
    "drive", "netdev", "chardev", "bus", "memory-backend", "iothread", "audiodev", "rng", "memdev", "file", "image",
    "throttle-group", "masterbus", "cryptodev", "key-secret",
}  # fmt: skip

#: Keys whose value is one of a few words, with others of them that QEMU takes as well.
ENUMS = {
    "discard": ("unmap", "ignore"), "detect-zeroes": ("off", "on"), "aio": ("threads",), "locking": ("off", "auto"),
    "werror": ("report", "ignore", "stop", "enospc"), "rerror": ("report", "ignore", "stop"),
    "driftfix": ("none", "slew"), "base": ("utc", "localtime"), "format": ("raw",), "duplex": ("full", "half"),
    "queue": ("rx", "tx", "all"),
    "policy": ("deny", "allow"), "endpoint": ("server",), "reboot": ("reset", "shutdown"),
    "panic": ("pause", "shutdown"),
    "watchdog": ("none", "reset", "pause"), "deprecated-input": ("accept", "reject"), "mode": ("readline",),
    "deprecated-output": ("accept", "hide"), "cache": ("none", "writeback", "unsafe"), "if": ("none",),
    "media": ("cdrom", "disk"), "disable-legacy": ("on", "off", "auto"), "msi": ("on", "off", "auto"),
    "limit": (), "match": (), "event": (), "template": (), "obsolete": ("deny", "allow"), "spawn": ("allow", "deny"),
    "elevateprivileges": ("deny", "allow"), "resourcecontrol": ("allow", "deny"),
}  # fmt: skip

#: Keys that can go, and the line still means something.
_OPTIONAL = {
    "serial", "bootindex", "mac", "discard", "read-only", "detect-zeroes", "write-cache", "num-queues", "mq", "aio",
    "auto-read-only", "strict", "menu", "splash-time", "driftfix", "debug-threads", "cpu-pm", "max-bytes", "period",
    "restrict", "hostname", "append", "vectors", "timer-period", "share", "prealloc", "speed", "werror", "rerror",
    "rotation_rate", "merge", "dump", "host_mtu", "logappend", "size", "poll-max-ns", "poll-grow", "usb", "hotplug",
    "dump-guest-core", "product", "vendor", "wwn", "device_id", "share-rw", "removable", "version", "uuid",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One option: its flag, and its value as pairs (keys with dots in order), or as one text.

    ``bare`` is whether the first word is written without the key that it stands for.
    """

    flag: str
    text: str | None = None
    tree: dict[str, Any] = field(default_factory=dict)
    as_json: bool = False
    bare: bool = True

    def words(self) -> list[str]:
        """The words on the command line."""
        if not self.tree:
            return [self.flag] if self.text is None else [self.flag, self.text]
        if self.as_json:
            return [self.flag, json.dumps(self.tree)]
        implied = _IMPLIED.get(self.flag) if self.bare else None
        first = [self.tree[implied]] if implied in self.tree else []
        return [self.flag, ",".join([*first, *(_pair(k, v) for k, v in self.tree.items() if k != implied)])]

    def but(self, tree: dict[str, Any]) -> Part:
        """The same with another value."""
        return Part(self.flag, None, tree, self.as_json, self.bare)


def _pair(key: str, value: Any) -> str:
    return key if value is None else f"{key}={value}"


@dataclass(frozen=True)
class Variant:
    """A line, in which way it was changed, what is in the place of what, and the number of the line that it was."""

    kind: str
    note: str
    words: tuple[str, ...]
    line: int = 0

    @property
    def globals(self) -> list[str]:
        """The types that ``-global`` is for."""
        found = [value for flag, value in pairwise(self.words) if flag == "-global"]
        return [re.sub(r"^driver=([^,]*).*|\..*", r"\1", value) for value in found]


def cut(words: list[str]) -> list[Part]:
    """The parts of a line without its binary."""
    parts, index = [], 0
    while index < len(words):
        flag, value = words[index], words[index + 1] if index + 1 < len(words) else "-"
        index += 1 if value.startswith("-") else 2
        if value.startswith("-"):
            parts.append(Part(flag))
        elif value.startswith("{"):
            parts.append(Part(flag, None, json.loads(value), as_json=True))
        elif flag in _IMPLIED or flag in _KEYED:
            parts.append(Part(flag, None, _tree(flag, value), bare="=" not in value.partition(",")[0]))
        else:
            parts.append(Part(flag, value))
    return parts


def _tree(flag: str, value: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for number, piece in enumerate(re.split(r"(?<!,),(?!,)", value)):
        key, equals, text = piece.partition("=")
        if number == 0 and not equals and flag in _IMPLIED:
            tree[_IMPLIED[flag]] = piece
        else:
            tree[key] = text if equals else None
    return tree


def join(parts: list[Part]) -> tuple[str, ...]:
    """The words of all parts."""
    return tuple(word for part in parts for word in part.words())


class Maker:
    """Makes the variants of one line for one binary."""

    def __init__(self, words: list[str], caps: Capabilities, line: int, seed: int) -> None:
        self.parts = cut(words)
        self.caps = caps
        self.line = line
        self.random = random.Random(seed + line)

    def _variant(self, kind: str, note: str, words: tuple[str, ...]) -> Variant:
        return Variant(kind, note, words, self.line)

    def spoilt(self) -> Iterator[Variant]:
        """Each with one thing changed that QEMU most likely takes amiss."""
        for index, part in enumerate(self.parts):
            yield from self._in_place(index, part, _SPOILERS, self._spoilt_values)
            if {"id", "node-name"} & part.tree.keys() and part.flag != "-mon":
                yield self._variant("duplicate id", f"{part.flag} twice", join([*self.parts, part]))
                rest = self.parts[:index] + self.parts[index + 1 :]
                yield self._variant("dangling reference", f"without {part.words()}", join(rest))
        for setting in _UNUSED:
            yield self._variant("unused global", setting, (*join(self.parts), "-global", setting))

    def sound(self) -> Iterator[Variant]:
        """Each changed such that QEMU most likely takes it as well."""
        for index, part in enumerate(self.parts):
            yield from self._in_place(index, part, _REWRITERS, self._sound_values)
        yield self._variant(
            "sound: two dashes", "", tuple("-" + w if w.startswith("-") else w for w in join(self.parts))
        )

    def _in_place(
        self,
        index: int,
        part: Part,
        changes: tuple[Change, ...],
        more: Callable[[Part], Iterator[tuple[str, str, Part]]],
    ) -> Iterator[Variant]:
        if not part.tree or part.flag == "-global":
            return
        found = [(kind, note, new) for change in changes for kind, note, new in change(part, self.random)]
        for kind, note, new in [*found, *more(part)]:
            name = part.tree.get(_DRIVERS.get(part.flag, ""), "")
            yield self._variant(
                kind, f"{part.flag} {name} {note}", join([*self.parts[:index], new, *self.parts[index + 1 :]])
            )

    def _spoilt_values(self, part: Part) -> Iterator[tuple[str, str, Part]]:
        """Properties that the type has, with a value that its type does not take."""
        for name, kind, _ in self._settable(part):
            for value in _wrong_for(kind, part.as_json):
                yield "value", f"{name}={value!r} ({kind})", part.but({**part.tree, name: value})

    def _sound_values(self, part: Part) -> Iterator[tuple[str, str, Part]]:
        """Properties that the type has, with the default they have anyway."""
        for name, kind, default in self._settable(part):
            if default is None or (
                isinstance(default, int) and kind in ("int8", "int16", "int32", "int64") and default < 0
            ):
                continue
            value = default if part.as_json else {True: "on", False: "off"}[default] if kind == "bool" else default
            yield "sound: default given", f"{name}={value!r} ({kind})", part.but({**part.tree, name: value})

    def _settable(self, part: Part) -> list[tuple[str, str, Any]]:
        if part.flag != "-device":
            return []
        typename = part.tree.get("driver", "")
        known = self.caps.properties_of(str(typename)) or ()
        items = [
            (item.name, item.type, item.default_value)
            for item in known
            if item.name not in part.tree and not item.type.startswith(("link", "child")) and "[" not in item.name
        ]
        return self.random.sample(items, min(len(items), 12))


Change = Callable[[Part, random.Random], Iterator[tuple[str, str, Part]]]


def _wrong_for(kind: str, as_json: bool) -> list[Any]:
    if kind == "bool":
        return ["maybe", 2, []] if as_json else ["maybe", "2"]
    match = re.fullmatch(r"(u?)int(8|16|32|64)", kind)
    if match:
        beyond = 2 ** int(match.group(2))
        return [beyond, "many", True] if as_json else [beyond, "many"]
    if kind == "size":
        return [2**64, [1]] if as_json else ["4X", "-"]
    if kind in ("str", "string"):
        return [7, False] if as_json else []
    return [[], 7] if as_json else ["no-such-word"]


def _misspell(word: str, chance: random.Random) -> Iterator[str]:
    yield word + "x"
    if len(word) > 3:
        at = chance.randrange(1, len(word) - 1)
        yield word[:at] + word[at + 1 :]


def _driver(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    key = _DRIVERS.get(part.flag, "")
    word = part.tree.get(key)
    others = ["pci-device", "memory-backend-ram", "PIIX4_PM", "i8042", "isa-device"] if part.flag == "-device" else []
    if isinstance(word, str):
        for other in [*_misspell(word, chance), word.upper(), *others, ""]:
            if other != word:
                yield "driver", f"is {other!r}", part.but({**part.tree, key: other})


def _key(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    kind = "property" if part.flag in ("-device", "-object") else "unknown key"
    for key in part.tree:
        if key != _IMPLIED.get(part.flag) and key != "driver":
            for other in _misspell(key, chance):
                tree = {other if name == key else name: value for name, value in part.tree.items()}
                yield kind, f"{key} is {other}", part.but(tree)
    yield kind, "frobnicate", part.but({**part.tree, "frobnicate": True if part.as_json else "on"})


def _value(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        wrong: list[Any] = []
        if isinstance(value, bool):
            wrong = ["maybe", 3, [True]]
        elif isinstance(value, int):
            wrong = ["many", 2**70, True, 1.5]
        elif isinstance(value, dict | list):
            wrong = [5, True]
        elif part.as_json and isinstance(value, str):
            wrong = [5, {"a": "b"}]
        elif value in ("on", "off"):
            wrong = ["maybe", "1"]
        elif isinstance(value, str) and re.fullmatch(r"(0x)?\d+[kKMG]?", value):
            wrong = ["many", str(2**70), "1x"]
        for other in wrong:
            yield "value", f"{key} is {other!r}", part.but({**part.tree, key: other})


def _enum(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        if key in ENUMS and isinstance(value, str):
            for other in _misspell(value, chance):
                yield "enum", f"{key} is {other}", part.but({**part.tree, key: other})


def _missing(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        if key not in _OPTIONAL and key != "wait":  # without it QEMU would wait for a client
            rest = {name: other for name, other in part.tree.items() if name != key}
            if rest:
                yield "missing member", f"without {key}", part.but(rest)
        if isinstance(value, dict):
            for inner in value:
                less = {name: other for name, other in value.items() if name != inner}
                yield "missing member", f"without {key}.{inner}", part.but({**part.tree, key: less})
                more = {**less, inner + "x": value[inner]}
                yield "unknown key", f"{key}.{inner}x", part.but({**part.tree, key: more})


def _dangling(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        if key in _REFERENCES and isinstance(value, str) and value and not (part.flag == "-drive" and key == "file"):
            for other in (value + "-gone", "nowhere"):
                yield "dangling reference", f"{key} is {other}", part.but({**part.tree, key: other})


def _no_name(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key in sorted({"id", "node-name"} & part.tree.keys()):
        name = str(part.tree[key])
        for wrong in (f"1{name}", f"{name}/x", f"#{name}", "", name + "x" * 31):
            yield "no name", f"{key} is {wrong!r}", part.but({**part.tree, key: wrong})


_SPOILERS: tuple[Change, ...] = (_driver, _key, _value, _enum, _missing, _dangling, _no_name)

_UNUSED = (
    "no-such-type.x=1", "PIIX4_PM.disable_s3=0", "ICH9-LPC.disable_s3=0", "driver=ICH9-LPC,property=disable_s4,value=1",
    "piix3-ide.rombar=1", "mch.extended-tseg-mbytes=1", "i440FX-pcihost.short_root_bus=0",
    "isa-fdc.check_media_rate=on",
    "e1000-nope.mac=1", "PIIX4_PM.no-such=1", "q35-pcihost.MCFG=1", "hpet.timers=4",
)  # fmt: skip


def _reorder(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    keys = [key for key in part.tree if key != _IMPLIED.get(part.flag)]
    if len(keys) > 1:
        for _ in range(2):
            chance.shuffle(keys)
            head = {key: value for key, value in part.tree.items() if key not in keys}
            yield "sound: order", f"{keys}", part.but({**head, **{key: part.tree[key] for key in keys}})


def _as_keyval(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    if part.as_json and part.flag in ("-device", "-object", "-netdev", "-blockdev", "-audiodev"):
        flat = dict(_flat(part.tree, "", lists=part.flag != "-device"))
        yield "sound: JSON as key=value", "", Part(part.flag, None, flat)


def _flat(tree: Any, path: str, *, lists: bool) -> Iterator[tuple[str, str]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from _flat(value, f"{path}{key}.", lists=lists)
        else:
            text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value).replace(",", ",,")
            yield f"{path}{key}", text


def _spelling(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        if part.as_json or not isinstance(value, str) or key in ("wait", "server", "port", "size"):
            continue
        others: tuple[str, ...] = ()
        if value in ("on", "off"):
            others = {"on": ("yes", "true", "y"), "off": ("no", "false", "n")}[value]
            others = (*others, "off" if value == "on" else "on")
        elif re.fullmatch(r"[1-9]\d{0,8}", value):
            others = (hex(int(value)), f"0{int(value):o}", f"+{value}")
        elif re.fullmatch(r"[1-9]\d*M", value):
            others = (f"{int(value[:-1]) * 1024}k", f"{value[:-1]}m", str(int(value[:-1]) << 20))
        for other in others:
            yield "sound: spelling", f"{key}={other}", part.but({**part.tree, key: other})


def _other_enum(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key, value in part.tree.items():
        for other in ENUMS.get(key, ()):
            if isinstance(value, str) and other != value:
                yield "sound: other enum", f"{key}={other}", part.but({**part.tree, key: other})
        if part.as_json and isinstance(value, bool):
            yield "sound: other switch", f"{key}={not value}", part.but({**part.tree, key: not value})


def _drop(part: Part, chance: random.Random) -> Iterator[tuple[str, str, Part]]:
    for key in part.tree:
        if key in _OPTIONAL and len(part.tree) > 1:
            rest = {name: value for name, value in part.tree.items() if name != key}
            yield "sound: dropped", key, part.but(rest)


_REWRITERS: tuple[Change, ...] = (_reorder, _as_keyval, _spelling, _other_enum, _drop)
