"""Values as they stand in QEMU's ``key=value`` syntax, and the two parsers that QEMU has for it.

``QemuOpts`` (``util/qemu-option.c``): ``-device``, ``-drive``, ``-netdev``, ``-object`` …; a word without ``=`` is a
switch that is on, ``noNAME`` one that is off, and keys may repeat.  Where QAPI makes a list of one, each value is an
item of it, and ``0-3`` is four of a list of numbers (``qapi/opts-visitor.c``, through which ``-object``, ``-netdev``
and ``-numa`` go in this form, from 5.2 to 11.1); of all else the last counts.  ``keyval`` (``util/keyval.c``):
``-blockdev``, ``-audiodev``, ``-machine`` …; dots in a key make a tree, and a key that is given twice counts the last
time.  In both a comma ends a value, and two commas are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from prober.commandline.refusal import Unfit

#: Longer than the number of any item of a list.
_MOST_DIGITS = 9

#: Deeper than any key that means something.
_DEEPEST = 32


class Text(str):
    """A value that was written as text, and may stand for a number or a switch."""

    __slots__ = ()


class Short(Text):
    """A switch that was written as a word alone, without ``=on`` or ``=off``."""

    __slots__ = ()


class Item(Text):
    """A value of a key that may be given again, and so one item of a list where the key is one (``host-nodes=0``)."""

    __slots__ = ()


class ShortItem(Short, Item):
    """Both."""

    __slots__ = ()


class Items(list[Any]):
    """The values of a key that was given again: a list where the key is one; else QEMU takes the last of them."""

    __slots__ = ()


#: What an id may be (``util/id.c``, ``id_wellformed``).
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def is_identifier(text: str) -> bool:
    """Whether it can be an id: letters, digits, ``-``, ``.`` and ``_``, beginning with a letter."""
    return _IDENTIFIER.fullmatch(text) is not None


#: A UUID (``util/uuid.c``, ``qemu_uuid_parse``).
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uuid(text: str) -> bool:
    """Whether it is a UUID, as QEMU reads one."""
    return _UUID.fullmatch(text) is not None


def split_pairs(text: str, implied: str) -> Iterator[tuple[str, Text | None]]:
    """Key and value of each pair; None where there was no ``=``.  The first word may stand for ``implied``."""
    if ",," in text:
        yield from _split_with_commas(text, implied)
        return
    parts = text.split(",")
    if not parts[-1]:
        parts.pop()  # a comma at the end ends what is before it
    for part in parts:
        key, equals, value = part.partition("=")
        if equals:
            yield key, Text(value)
        elif implied:
            yield implied, Text(part)
        else:
            yield key, None
        implied = ""


def bare_switch(word: str) -> tuple[str, Text]:
    """What a word without ``=`` is short for: a switch that is on, or with ``no`` before it off."""
    if word.startswith("no") and word != "no":
        return word[2:], Text("off")
    return word, Text("on")


def _split_with_commas(text: str, implied: str) -> Iterator[tuple[str, Text | None]]:
    """The same where two commas in a value are one."""
    position, first = 0, True
    while position < len(text):
        end = position
        while end < len(text) and text[end] not in "=,":
            end += 1
        key = text[position:end]
        if end < len(text) and text[end] == "=":
            value, position = _value(text, end + 1)
            yield key, value
        elif first and implied:
            # A first word without = is a value, where two commas are one.
            value, position = _value(text, position)
            yield implied, value
        else:
            yield key, None
            position = end + 1
        first = False


def _value(text: str, position: int) -> tuple[Text, int]:
    """The value that begins here, and where the next pair begins."""
    value = ""
    while position < len(text):
        if text[position] == ",":
            if not text.startswith(",,", position):
                return Text(value), position + 1
            position += 1
        value += text[position]
        position += 1
    return Text(value), position


#: What a number may look like, of which the longest are far too large: C's, with any base (``qemu_strtou64`` with
#: base 0).
_NUMBER = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})")

#: Numbers from one to another, and how many at most (``qapi/opts-visitor.c``, ``OPTS_VISITOR_RANGE_MAX``).
_RANGE = re.compile(r"(\d{1,20})-(\d{1,20})")
_MOST_IN_RANGE = 65536

#: A size: a number, perhaps with a fraction, and a unit of 1024 (``qemu_strtosz``).
_SIZE = re.compile(r"\s*\+?(0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})(\.[0-9]{0,64})?([bBkKmMgGtTpPeE]?)")

#: A number as QEMU reads that of a descriptor on its command line (``monitor/fds.c``, ``monitor_fd_param``): no monitor
#: is there yet that could know one by name.
DESCRIPTOR = re.compile(r"\s*[+-]?\d{1,10}")

_ON = ("on", "yes", "true", "y")
_OFF = ("off", "no", "false", "n")


def as_switch(text: str, *, short: bool = True) -> bool | None:
    """A switch (``qapi_bool_parse``, QEMU 6.0; before, on and off alone), or None."""
    if text in (_ON if short else _ON[:1]):
        return True
    if text in (_OFF if short else _OFF[:1]):
        return False
    return None


def as_number(text: str) -> int | None:
    """A whole number, or None."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = match.group(2)
    if digits.lower().startswith("0x"):
        number = int(digits, 16)
    elif digits.startswith("0") and len(digits) > 1:
        if digits.strip("01234567"):
            return None
        number = int(digits, 8)
    else:
        number = int(digits)
    return -number if match.group(1) == "-" else number


def as_range(text: str) -> tuple[int, int] | None:
    """The first number and the last of ``0-3``, or None for what QEMU does not take for one."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    first, last = as_number(match[1]), as_number(match[2])
    if first is None or last is None or not first <= last < 2**64 or last - first >= _MOST_IN_RANGE:
        return None
    return first, last


def as_size(text: str) -> int | None:
    """A size in bytes, or None."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    digits, fraction, unit = match.groups()
    scale: int = 1024 ** "bkmgtpe".index(unit.lower() or "b")
    if digits.lower().startswith("0x"):
        return None if fraction else int(digits, 16) * scale
    if fraction and scale == 1 and fraction.strip(".0"):
        return None
    return int(digits) * scale + (int(float(f"0{fraction}") * scale) if fraction and fraction != "." else 0)


def build_tree(pairs: Iterable[tuple[str, Text]]) -> dict[str, Any]:
    """Dotted keys as a tree; objects whose keys are 0, 1, … are lists (QEMU, ``util/keyval.c``).

    :raise Unfit: where one key is both a value and an object, or a list has a hole.
    """
    root: dict[str, Any] = {}
    for key, value in pairs:
        *path, last = key.split(".")
        if not all([*path, last]) or len(path) > _DEEPEST:
            raise Unfit(f"{key!r} is not a key", rule="option/key")
        here = root
        for step in path:
            inner = here.setdefault(step, {})
            if not isinstance(inner, dict):
                raise Unfit(f"{key} is a member of what is already a value", rule="option/key")
            here = inner
        if isinstance(here.get(last), dict):
            raise Unfit(f"{key} is a value, and already has members", rule="option/key")
        here[last] = value
    return {key: _listed(value, key) for key, value in root.items()}


def collect_items(pairs: Iterable[tuple[str, Text]]) -> dict[str, Any]:
    """Keys that may be given again: :class:`Item` or :class:`Items` (QEMU, ``qapi/opts-visitor.c``)."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        item, before = ShortItem(value) if isinstance(value, Short) else Item(value), found.get(key)
        if before is None:
            found[key] = item
        elif isinstance(before, Items):
            before.append(item)
        else:
            found[key] = Items((before, item))
    return found


def last_item(value: Any) -> Any:
    """What counts of a key that is no list."""
    return value[-1] if isinstance(value, Items) else value


def first_item(value: Any) -> Any:
    """What counts of ids (``util/qemu-option.c``, ``opts_parse_id``)."""
    return value[0] if isinstance(value, Items) else value


def _listed(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    numbers = [key for key in value if key.isdecimal() and len(key) <= _MOST_DIGITS]
    if not numbers:
        return {key: _listed(inner, f"{name}.{key}") for key, inner in value.items()}
    if len(numbers) < len(value):
        raise Unfit(f"{name} has members with numbers and with names", rule="option/list")
    if sorted(map(int, numbers)) != list(range(len(numbers))):
        missing = f"{name}.{len(numbers) - 1} or one before it is missing"
        raise Unfit(f"{name} is a list with a hole: {missing}", rule="option/list")
    return [_listed(value[key], f"{name}.{key}") for key in sorted(value, key=int)]
