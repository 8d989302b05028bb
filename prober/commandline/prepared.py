"""What the host has to prepare, as the options name it: descriptors get their numbers, resources their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from operator import itemgetter
from types import NoneType
from typing import NamedTuple

from prober.commandline.options import (
    DeviceOption,
    FdSet,
    Global,
    Keyval,
    Need,
    Object,
    Option,
    Passed,
    Plain,
    Prepared,
    Property,
    Qapi,
    Raw,
    Value,
)
from prober.commandline.text import Text

#: The first descriptor after stdin, stdout and stderr.
FIRST_DESCRIPTOR = 3


class Found(NamedTuple):
    """One need, the flag of its option, the key that holds it (empty for a plain word), and its text in the argv."""

    need: Need
    key: str
    text: str


class Numbered(NamedTuple):
    """All options of an argv, and which of them, by position, may need something of the host: few."""

    options: list[Option | Raw]
    needy: list[int]


def number_descriptors(options: Iterable[Option | Raw]) -> Numbered:
    """The options with a number for each descriptor that is passed, and for each set of them, in the order of the
    argv."""
    numbering = _Numbering()
    numbered = list(options)
    needy = [at for at, option in enumerate(numbered) if _may_need(option)]
    for at in needy:
        if any(_is_numbered(value) for _, value in _values(numbered[at])):
            numbered[at] = numbering.option(numbered[at])
    return Numbered(numbered, needy)


class _Numbering:
    """The numbers that have been given so far."""

    def __init__(self) -> None:
        self._numbers = count(FIRST_DESCRIPTOR)
        self._sets: dict[str, int] = {}

    def option(self, option: Option | Raw) -> Option | Raw:
        match option:
            case DeviceOption() | Object():
                return replace(option, properties=self._properties(option.properties))
            case Keyval():
                first = str_of(self._value(option.first))
                return replace(option, first=first, pairs=self._properties(option.pairs))
            case Qapi():
                return replace(option, value={key: self._value(item) for key, item in option.value.items()})
            case Plain():
                assert option.value is not None
                return replace(option, value=str_of(self._value(option.value)))
            case _:
                return option

    def _properties(self, items: Iterable[Property]) -> tuple[Property, ...]:
        return tuple(item._replace(value=self._value(item.value)) for item in items)

    def _value(self, value: Value) -> Value:
        if isinstance(value, Passed):
            return Passed(*value.needs, text=":".join(str(next(self._numbers)) for _ in value.needs))
        if isinstance(value, FdSet):
            number = self._sets.setdefault(value.name, len(self._sets))
            return FdSet(value.name, prefix=value.prefix, number=number)
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return value


def str_of(value: Value) -> str:
    """A value that can only be text."""
    assert isinstance(value, str)
    return value


def find_needs(option: Option | Raw) -> Iterator[Found]:
    """All that one option needs of the host."""
    for key, value in _values(option):
        yield from _needs_in(value, key)
    if isinstance(option, Plain):
        yield from (Found(need, "", option.value or "") for need in option.needs)


#: The values that need nothing; a command line has hundreds of them, and hardly any other.
_PLAIN = frozenset({str, int, bool, NoneType, Text})

#: The value of a property.
_VALUE = itemgetter(1)


def _may_need(option: Option | Raw) -> bool:
    """Whether a closer look is worth its time."""
    match option:
        case DeviceOption() | Object():
            return not _PLAIN.issuperset(map(type, map(_VALUE, option.properties)))
        case Qapi():
            return not _PLAIN.issuperset(map(type, option.value.values()))
        case Keyval():
            return type(option.first) not in _PLAIN or not _PLAIN.issuperset(map(type, map(_VALUE, option.pairs)))
        case Plain():
            return bool(option.needs) or type(option.value) not in _PLAIN
        case Global():
            return type(option.setting.value) not in _PLAIN
        case _:
            return False


def _needs_in(value: Value, key: str) -> Iterator[Found]:
    if isinstance(value, Prepared):
        for need in value.needs:
            yield Found(need, key, str(value))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _needs_in(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _needs_in(item, f"{key}.{number}")


def _is_numbered(value: Value) -> bool:
    if isinstance(value, (Passed, FdSet)):
        return True
    if isinstance(value, dict):
        return any(map(_is_numbered, value.values()))
    return isinstance(value, list) and any(map(_is_numbered, value))


def _values(option: Option | Raw) -> Iterator[tuple[str, Value]]:
    match option:
        case DeviceOption() | Object():
            for item in option.properties:
                yield item.name, item.value
        case Keyval():
            yield "", option.first
            for item in option.pairs:
                yield item.name, item.value
        case Qapi():
            yield from option.value.items()
        case Global():
            yield option.setting.name, option.setting.value
        case Plain():
            if option.value is not None:
                yield "", option.value
