"""What differs in the arguments of one QMP command, member by member, by dotted path."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.difference import Change
from prober.capabilities.members import (
    EnumValue,
    FoundMember,
    MemberBudget,
    arguments_of,
    branches_of,
    members_of,
    object_type,
    type_words,
    values_of,
)
from prober.capabilities.schema import QapiSchema

_Key = tuple[tuple[str, ...], str]


def member_changes(a: QapiSchema, b: QapiSchema, command: str) -> Iterator[Change]:
    """All that differs in the arguments of a command that both have.

    A type that comes again below itself is compared once.  One path may lead through several variants to one type:
    what differs there is told once.

    :raise RecordingError: where a schema unfolds without end.
    """
    comparison = _Comparison(a, b, command)
    first, second = arguments_of(a, command), arguments_of(b, command)
    above = frozenset({(object_type(a, first), object_type(b, second))})
    told = set()
    for change in comparison.types(command, first, second, above):
        key = (change.fact, change.when, change.kind, change.what)
        if key not in told:
            told.add(key)
            yield change


class _Comparison:
    def __init__(self, a: QapiSchema, b: QapiSchema, command: str) -> None:
        self.a = a
        self.b = b
        self.budget = MemberBudget(command)

    def types(self, path: str, a: str, b: str, above: frozenset[tuple[str, str]]) -> Iterator[Change]:
        """Two object types, by the members that either may have."""
        first, second = _by_key(self.a, a), _by_key(self.b, b)
        tags, other_tags = branches_of(self.a, a), branches_of(self.b, b)
        for when, name in sorted(first.keys() | second.keys()):
            self.budget.spend()
            fact = f"{path}.{name}"
            one, other = first.get((when, name)), second.get((when, name))
            if one is None:
                if not _is_known(when, tags):
                    continue  # A member of a variant that is new itself.
                yield Change(fact=fact, kind="added", when=when)
            elif other is None:
                if not _is_known(when, other_tags):
                    continue
                yield Change(fact=fact, kind="removed", when=when)
            else:
                yield from self._member(fact, one, other, above)

    def _member(
        self, fact: str, one: FoundMember, other: FoundMember, above: frozenset[tuple[str, str]]
    ) -> Iterator[Change]:
        when = one.when
        words, others = type_words(self.a, one.type), type_words(self.b, other.type)
        if words != others:
            yield Change(fact=fact, kind="changed", what="type", a=words, b=others, when=when)
        if one.optional != other.optional:
            yield Change(fact=fact, kind="changed", what="optional", a=one.optional, b=other.optional, when=when)
        yield from _deprecation(fact, "deprecated" in one.features, "deprecated" in other.features, when)
        yield from self._values(fact, values_of(self.a, one.type), values_of(self.b, other.type), when)
        pair = object_type(self.a, one.type), object_type(self.b, other.type)
        if all(pair) and pair not in above:
            yield from self.types(fact, one.type, other.type, above | {pair})

    def _values(
        self, fact: str, a: tuple[EnumValue, ...], b: tuple[EnumValue, ...], when: tuple[str, ...]
    ) -> Iterator[Change]:
        if not a or not b:
            return  # One of them is no enum: its type has changed, and that is told.
        first, second = ({value.name: value.deprecated for value in values} for values in (a, b))
        for name in sorted(first.keys() | second.keys()):
            self.budget.spend()
            value = f"{fact}.{name}"
            if name not in second:
                yield Change(fact=value, kind="removed", when=when)
            elif name not in first:
                yield Change(fact=value, kind="added", when=when)
            else:
                yield from _deprecation(value, first[name], second[name], when)


def _by_key(schema: QapiSchema, type_name: str) -> dict[_Key, FoundMember]:
    found: dict[_Key, FoundMember] = {}
    for member in members_of(schema, type_name):
        found.setdefault((member.when, member.name), member)
    return found


def _is_known(when: tuple[str, ...], tags: frozenset[str]) -> bool:
    return all(tag in tags for tag in when)


def _deprecation(fact: str, a: bool, b: bool, when: tuple[str, ...]) -> Iterator[Change]:
    if a != b:
        yield Change(fact=fact, kind="deprecated" if b else "undeprecated", when=when)
