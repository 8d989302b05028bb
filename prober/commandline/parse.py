"""From the words of a command line to typed options: QEMU's own reading of each, nothing run, nothing opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prober.commandline.flags import FLAGS
from prober.commandline.json_text import has_too_many_levels, read_json
from prober.commandline.options import (
    DeviceOption,
    Global,
    Keyval,
    Object,
    Option,
    Plain,
    Property,
    Qapi,
    Value,
    Written,
)
from prober.commandline.refusal import Finding, Kind, Position, Unfit
from prober.commandline.text import (
    Short,
    Text,
    bare_switch,
    build_tree,
    collect_items,
    first_item,
    last_item,
    split_pairs,
)
from prober.commandline.texts.netdevs import expand_ipv6_net
from prober.errors import UsageError

#: How much is read of a command line: words, and characters in all.
MOST_WORDS = 20_000
MOST_CHARACTERS = 4 * 1024 * 1024

#: Options whose value is the argument of a QMP command: the command, and the member that a first word stands for.
_QAPI = {
    "blockdev": ("blockdev-add", "driver"),
    "netdev": ("netdev_add", "type"),
    "audiodev": ("", "driver"),
    "display": ("query-display-options", "type"),
    "compat": ("", ""),
    "audio": ("", "driver"),
}

#: Netdevs that have dotted keys (QEMU 7.2, ``net/net.c``, ``netdev_is_modern``).
_MODERN_NETDEVS = ("stream", "dgram")

#: Options with keys: the key that a first word stands for, and the name in ``query-command-line-options``.
_KEYVAL = {
    "accel": ("accel", "accel"),
    "acpitable": ("", "acpi"),
    "action": ("", "action"),
    "add-fd": ("", "add-fd"),
    "boot": ("order", "boot-opts"),
    "chardev": ("backend", "chardev"),
    "drive": ("", "drive"),
    "fsdev": ("fsdriver", "fsdev"),
    "fw_cfg": ("name", "fw_cfg"),
    "icount": ("shift", "icount"),
    "iscsi": ("", "iscsi"),
    "m": ("size", "memory"),
    "machine": ("type", "machine"),
    "M": ("type", "machine"),
    "mon": ("chardev", "mon"),
    "msg": ("", "msg"),
    "name": ("guest", "name"),
    "numa": ("type", "numa"),
    "option-rom": ("romfile", "option-rom"),
    "overcommit": ("", "overcommit"),
    "realtime": ("", "realtime"),
    "rtc": ("", "rtc"),
    "run-with": ("", "run-with"),
    "sandbox": ("enable", "sandbox"),
    "smbios": ("", "smbios"),
    "smp": ("cpus", "smp-opts"),
    "spice": ("", "spice"),
    "tpmdev": ("type", "tpmdev"),
    "trace": ("enable", "trace"),
    "virtfs": ("fsdriver", "virtfs"),
    "vnc": ("vnc", "vnc"),
}

#: The option of each group that has one, for whoever names the group.
FLAGS_OF_GROUPS = {group: f"-{flag}" for flag, (_, group) in _KEYVAL.items() if flag != "M"}

#: The key of an option that is a list, each value one item (``qapi/machine.json``, ``NumaNodeOptions``).
_LISTS = {"numa": "cpus"}

#: ``driver.property=value`` (QEMU, ``system/qdev-monitor.c``, ``qemu_global_option``).
_GLOBAL = re.compile(r"([^.=]{1,63})\.([^=]{1,63})=(.*)", re.DOTALL)

#: The options that are known, each with whether it takes a value.
_TAKES_VALUE = {f"-{name}": flag.takes_value for name, flag in FLAGS.items()}

_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True)
class CommandLine:
    """A command line as QEMU would read it; ``findings`` are what its parsers would not take.

    ``written`` has for each option its place and its value as a text, None where it has none.
    """

    binary: str
    options: tuple[Option, ...]
    findings: tuple[Finding, ...] = field(default=())
    written: tuple[tuple[Position, str | None], ...] = field(default=())


#: A part of a word in a shell's line, or what is between words: plain, in single or double quotes, escaped, space.
_PIECE = re.compile(r"""([^ \t\r\n'"\\]++)|'([^']*+)'|"((?:[^"\\]++|\\.)*+)"|\\(.)|([ \t\r\n]++)""", re.DOTALL)
_ESCAPED = re.compile(r"""\\(["\\])""")


def split_shell(text: str) -> list[str]:
    """The words of a shell command line: continued lines joined, leading ``NAME=VALUE`` words left out.

    :raise UsageError: where quotes do not match, or there are no words.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"the command line has more than {MOST_CHARACTERS} characters")
    try:
        words = list(_shell_words(text.replace("\\\n", " ")))
    except ValueError as error:
        raise UsageError(f"not a shell command line: {error}") from error
    while words and _ENVIRONMENT.fullmatch(words[0]):
        words.pop(0)
    if not words:
        raise UsageError("the command line is empty")
    return words


def _shell_words(text: str) -> Iterator[str]:
    """As ``shlex.split``, which takes time that grows with the square of a word's length.

    :raise ValueError: where a quote or an escape does not end.
    """
    place = 0
    pieces: list[str] | None = None
    while place < len(text):
        match = _PIECE.match(text, place)
        if match is None:
            raise ValueError("No closing quotation" if text[place] != "\\" else "No escaped character")
        place = match.end()
        plain, single, double, escaped, space = match.groups()
        if space is None:
            pieces = [] if pieces is None else pieces
            pieces.append(_ESCAPED.sub(r"\1", double) if double is not None else plain or single or escaped or "")
        elif pieces is not None:
            yield "".join(pieces)
            pieces = None
    if pieces is not None:
        yield "".join(pieces)


def parse_command_line(words: list[str]) -> CommandLine:
    """Read the words of an argv; the first is the binary.

    :raise UsageError: where there are none, or too many, or the first is an option.
    """
    refuse_no_line(words)
    if len(words) > MOST_WORDS or sum(map(len, words)) > MOST_CHARACTERS:
        raise UsageError(f"the command line has more than {MOST_WORDS} words or {MOST_CHARACTERS} characters")
    options: list[Option] = []
    findings: list[Finding] = []
    written: list[tuple[Position, str | None]] = []
    for option in split_options(words):
        try:
            options.append(_option(*option))
        except Unfit as unfit:
            findings.append(Finding(kind=Kind.error, place=option[0], message=unfit.message, rule=unfit.rule))
        else:
            written.append(option)
    return CommandLine(words[0], tuple(options), tuple(findings), tuple(written))


def refuse_no_line(words: Sequence[str]) -> None:
    """See that there are words, of which the first may be a binary: without it the first option would be taken for
    that, and nothing be said of it.

    :raise UsageError: where there are none, the first is an option, or it is one text and no words.
    """
    if isinstance(words, str):
        raise UsageError(
            "a command line is a list of words, and this is one text", hint="shlex.split makes words of it"
        )
    if not words:
        raise UsageError("the command line is empty")
    if words[0].startswith("-"):
        raise UsageError(f"the command line begins with {words[0]}", hint="its first word is the binary: qemu-system-…")


def split_options(words: list[str]) -> Iterator[tuple[Position, str | None]]:
    """Each flag with its value: QEMU takes one or two dashes, and a word without any for a disk image."""
    index, end = 1, len(words)
    while index < end:
        word = words[index]
        if word[:1] != "-":
            yield Position(index, ""), word
            index += 1
            continue
        flag = word[1:] if word[:2] == "--" else word
        after = words[index + 1] if index + 1 < end else None
        takes_value = _TAKES_VALUE.get(flag)
        if takes_value is None:
            # An option that is not known may have had a value: whatever does not look like another option.
            takes_value = after is not None and not after.startswith("-")
        yield _new(Position, (index, flag)), after if takes_value else None
        index += 2 if takes_value else 1


def _option(position: Position, value: str | None) -> Option:
    flag = position.flag
    if value is not None:
        read = _READERS.get(flag[1:])
        if read is not None and has_too_many_levels(value):
            raise Unfit("is nested too deeply", rule="option/json")
        return Plain(flag, value, position) if read is None else read(position, value)
    if _TAKES_VALUE.get(flag):
        raise Unfit("requires an argument", rule="option/no-argument")
    return Plain(flag, None, position)


def _device(position: Position, value: str) -> Option:
    tree = _json(value) if value.startswith("{") else _last_of_each(_pairs(value, "driver"), "")
    driver = tree.pop("driver", None)
    if not isinstance(driver, str) or not driver:
        raise Unfit("the driver is missing", rule="option/missing")
    # A text of key=value stays one, as QEMU makes such devices first.
    return DeviceOption(driver, Written(tree, position), position)


def _global(position: Position, value: str) -> Option:
    match = _GLOBAL.fullmatch(value)
    if match:
        driver, name, text = match.groups()
    else:
        pairs = dict(_pairs(value, ""))
        missing = {"driver", "property", "value"} - pairs.keys()
        if missing or pairs.keys() - {"driver", "property", "value"}:
            raise Unfit("is neither driver.property=value nor driver=…,property=…,value=…", rule="option/global")
        driver, name, text = str(pairs["driver"]), str(pairs["property"]), str(pairs["value"])
    return Global(driver, Property(name, Text(text), position))


def _object(position: Position, value: str) -> Option:
    tree = _json(value) if value.startswith("{") else collect_items(_pairs(value, "qom-type"))
    qom_type, ident = last_item(tree.pop("qom-type", None)), first_item(tree.pop("id", None))
    if not isinstance(qom_type, str):
        raise Unfit("qom-type is missing", rule="option/missing")
    if not isinstance(ident, str):
        raise Unfit("id is missing", rule="option/missing")
    return Object(str(qom_type), str(ident), tuple(Written(tree, position)), position)


def _qapi(position: Position, value: str) -> Option:
    command, implied = _QAPI[position.flag[1:]]
    if value.startswith("vnc=") and position.flag == "-display":
        # What follows is all that ``-vnc`` takes (``system/vl.c``, ``parse_display``).
        return _keyval(Position(position.word, "-vnc"), value[4:])
    if value.startswith("{") and position.flag != "-audio":
        tree = _json(value)
    elif position.flag == "-netdev":
        tree = collect_items(_pairs(value, implied))
        if tree.get("type") in _MODERN_NETDEVS:
            tree = build_tree(_pairs(value, implied))
        else:
            expand_ipv6_net(tree)
            if "id" in tree:
                tree["id"] = first_item(tree["id"])
    else:
        tree = build_tree(_pairs(value, implied))
    return Qapi(position.flag, command, implied, tree, position)


def _chardev(position: Position, value: str) -> Option:
    """JSON is what ``chardev-add`` takes, ``key=value`` is a flat form of its own."""
    if value.startswith("{"):
        return Qapi(position.flag, "chardev-add", "backend", _json(value), position)
    return _keyval(position, value)


def _keyval(position: Position, value: str) -> Option:
    implied, group = _KEYVAL[position.flag[1:]]
    if group == "machine" and value.startswith(","):
        raise Unfit("begins with an empty key", rule="option/key")
    pairs = _last_of_each(_pairs(value, implied), _LISTS.get(group, ""))
    first = pairs.pop(implied, "") if implied else ""
    flag = "-machine" if position.flag == "-M" else position.flag
    return Keyval(flag, str(first), tuple(Written(pairs, position)), position, group=group)


def _cpu(position: Position, value: str) -> Option:
    """``model,+feature,-feature,feature=value``; an old binary's spelling of features is kept as it is."""
    model, *features = value.split(",")
    pairs = []
    for feature in features:
        if feature[:1] in ("+", "-"):
            pairs.append(Property(feature[1:], Text("on" if feature[0] == "+" else "off"), position))
        elif feature:
            key, equals, text = feature.partition("=")
            pairs.append(Property(key, Text(text if equals else "on"), position))
    return Keyval("-cpu", model, tuple(pairs), position)


_READERS: dict[str, Callable[[Position, str], Option]] = {
    **dict.fromkeys(_QAPI, _qapi),
    **dict.fromkeys(_KEYVAL, _keyval),
    "chardev": _chardev,
    "device": _device,
    "global": _global,
    "object": _object,
    "cpu": _cpu,
}


#: Options that are read as more than one word.
KEYED = frozenset(_READERS)


def implied_key(flag: str) -> str | None:
    """The key that a first word of the option's value stands for, empty where for none.

    None for an option whose value is no ``key=value``.
    """
    name = flag.lstrip("-")
    if name in _QAPI:
        return _QAPI[name][1]
    if name in _KEYVAL:
        return _KEYVAL[name][0]
    return {"device": "driver", "net": "type", "nic": "type", "object": "qom-type"}.get(name)


def _pairs(text: str, implied: str) -> Iterator[tuple[str, Text]]:
    """Pairs as QEMU takes them; a word alone is a switch that is on, or with ``no`` before it off."""
    for key, value in split_pairs(text, implied):
        if value is not None:
            yield key, value
        elif key:
            name, switch = bare_switch(key)
            yield name, Short(switch)


def _last_of_each(pairs: Iterator[tuple[str, Text]], listed: str) -> dict[str, Value]:
    """What counts for each key: the last, but of ids the first (``util/qemu-option.c``, ``opts_parse_id``); all values
    of the one that is a list."""
    every = list(pairs)
    last: dict[str, Value] = dict(every)
    if "id" in last:
        last["id"] = next(value for key, value in every if key == "id")
    return last if not listed else last | collect_items((key, value) for key, value in every if key == listed)


#: Makes a named tuple in half the time of a call of its class; a command line has hundreds.
_new = tuple.__new__


def _json(text: str) -> dict[str, Any]:
    try:
        tree = read_json(text)
    except RecursionError as error:
        raise Unfit("is nested too deeply", rule="option/json") from error
    except ValueError as error:  # also a number of more digits than Python reads
        raise Unfit(f"is not JSON: {error}", rule="option/json") from error
    if not isinstance(tree, dict):
        raise Unfit("is not a JSON object", rule="option/json")
    return tree
