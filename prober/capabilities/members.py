"""The members of QAPI types as a human names them: unfolded, with their types in words.

``query-qmp-schema`` masks the names of all types but the built-in ones (QEMU, ``qapi/introspect.json``), so a type is
told by what it is: ``string``, ``enum``, ``list of object``, ``string or object``.  Types may contain themselves:
unfolding stops where a type comes again below itself, and after :data:`MOST_MEMBERS` whatever the schema says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from prober.capabilities.schema import Entity, QapiSchema
from prober.errors import RecordingError

#: No command of a real QEMU comes near this many members (``blockdev-add`` of 11.1 has some 700); a crafted schema may.
MOST_MEMBERS = 20_000

#: Arrays of arrays, alternates in variants: deeper than any real schema nests types between two members.
_DEEPEST = 8

_BUILTIN = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "number": "number",
    "null": "null",
    "any": "any value",
}


class EnumValue(BaseModel):
    """One value of an enum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    deprecated: bool = False


class MemberNode(BaseModel):
    """One member of a command's arguments, and below it its own members.

    ``type`` is in words, ``values`` are those of an enum (or of a list of one), ``features`` QEMU's words about it.
    ``when`` names the tags that it needs (``driver=file``), empty where it is always there.  ``same_as`` is the dotted
    path of the member (or command) above it that has the same type and so the same members.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    optional: bool
    deprecated: bool = False
    features: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    values: tuple[EnumValue, ...] = ()
    members: tuple[MemberNode, ...] = ()
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member as the schema has it: ``when`` as in :class:`MemberNode`, ``type`` the masked name."""

    name: str
    type: str
    optional: bool
    features: tuple[str, ...]
    when: tuple[str, ...]


class MemberBudget:
    """Counts members, and ends what a crafted schema would never end."""

    def __init__(self, what: str, most: int = MOST_MEMBERS) -> None:
        self._what, self._most, self._left = what, most, most

    def spend(self) -> None:
        """One more.

        :raise RecordingError: where that is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise RecordingError(f"the schema of {self._what} unfolds to more than {self._most} members")


@contextmanager
def readable_schema() -> Iterator[None]:
    """What is in the block reads a schema.

    :raise RecordingError: where that has not the form that QEMU gives it.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordingError(f"the QAPI schema has not the form that QEMU gives it: {error!r}") from error


def feature_names(entity: Entity) -> tuple[str, ...]:
    """The features of an entity, member or value.  QEMU lists names; an object with one is understood too."""
    return tuple(str(one["name"]) if isinstance(one, dict) else str(one) for one in entity.get("features", ()))


def is_deprecated(entity: Entity | None) -> bool:
    """Whether QEMU calls it deprecated (``features``, since 4.2)."""
    return entity is not None and "deprecated" in feature_names(entity)


def members_of(schema: QapiSchema, type_name: str) -> Iterator[FoundMember]:
    """All members that a value of this type may have, with those of its variants; through lists and alternates.

    :raise RecordingError: where they are more than :data:`MOST_MEMBERS`.
    """
    yield from _members(schema, type_name, (), _DEEPEST, MemberBudget("a type"))


def _members(
    schema: QapiSchema, type_name: str, when: tuple[str, ...], deepest: int, budget: MemberBudget
) -> Iterator[FoundMember]:
    entity = schema.entity(type_name)
    budget.spend()
    if entity is None or deepest == 0:
        return
    match entity["meta-type"]:
        case "object":
            for member in entity.get("members", ()):
                yield FoundMember(member["name"], member["type"], "default" in member, feature_names(member), when)
            for variant in entity.get("variants", ()):
                inner = (*when, f"{entity['tag']}={variant['case']}")
                yield from _members(schema, variant["type"], inner, deepest - 1, budget)
        case "array":
            yield from _members(schema, entity["element-type"], when, deepest - 1, budget)
        case "alternate":
            for branch in entity["members"]:
                yield from _members(schema, branch["type"], when, deepest - 1, budget)


def branches_of(schema: QapiSchema, type_name: str) -> frozenset[str]:
    """Every ``TAG=VALUE`` that a value of this type may have."""
    found: set[str] = set()
    members = list(members_of(schema, type_name))
    tags = {tag for member in members for tag in member.when}
    names = {tag.partition("=")[0] for tag in tags}
    for member in members:
        if member.name in names:
            found.update(f"{member.name}={value.name}" for value in values_of(schema, member.type))
    return frozenset(found | tags)


def values_of(schema: QapiSchema, type_name: str) -> tuple[EnumValue, ...]:
    """The values of an enum, or of the enums in a list or alternate; empty where there is none."""
    return tuple(_values(schema, type_name, _DEEPEST, MemberBudget("a type")))


def _values(schema: QapiSchema, type_name: str, deepest: int, budget: MemberBudget) -> Iterator[EnumValue]:
    entity = schema.entity(type_name)
    budget.spend()
    if entity is None or deepest == 0:
        return
    match entity["meta-type"]:
        case "enum":
            if "members" in entity:  # since QEMU 6.2, and only they have features
                for one in entity["members"]:
                    yield EnumValue(name=one["name"], deprecated=is_deprecated(one))
            else:
                for name in entity.get("values", ()):
                    yield EnumValue(name=name)
        case "array":
            yield from _values(schema, entity["element-type"], deepest - 1, budget)
        case "alternate":
            for branch in entity["members"]:
                yield from _values(schema, branch["type"], deepest - 1, budget)


def type_words(schema: QapiSchema, type_name: str) -> str:
    """A type in words: ``string``, ``enum``, ``object``, ``list of object``, ``string or object``."""
    return _words(schema, type_name, _DEEPEST, MemberBudget("a type"))


def _words(schema: QapiSchema, type_name: str, deepest: int, budget: MemberBudget) -> str:
    entity = schema.entity(type_name)
    budget.spend()
    if entity is None or deepest == 0:
        return "unknown"
    match entity["meta-type"]:
        case "builtin":
            return _BUILTIN.get(type_name, type_name)
        case "array":
            return f"list of {_words(schema, entity['element-type'], deepest - 1, budget)}"
        case "alternate":
            branches = {_words(schema, branch["type"], deepest - 1, budget) for branch in entity["members"]}
            return " or ".join(sorted(branches, key=lambda words: (words in ("object", "null"), words)))
        case other:
            return str(other)


def find_members(schema: QapiSchema, command: str, path: list[str]) -> list[FoundMember]:
    """Every member that a dotted path from a command's arguments leads to; one for each variant that has it.

    :raise RecordingError: where the schema has not QEMU's form.
    """
    types = [arguments_of(schema, command)]
    found: list[FoundMember] = []
    with readable_schema():
        for step in path:
            found = [member for name in types for member in members_of(schema, name) if member.name == step]
            types = list(dict.fromkeys(member.type for member in found))
    return found


def arguments_of(schema: QapiSchema, command: str) -> str:
    """The masked name of the type of a command's arguments."""
    entity = schema.command(command)
    return str(entity["arg-type"]) if entity is not None else ""


def unfold(schema: QapiSchema, command: str) -> tuple[MemberNode, ...]:
    """The members of a command's arguments, unfolded.

    :raise RecordingError: where they are more than :data:`MOST_MEMBERS`.
    """
    with readable_schema():
        return _Unfolding(schema, command).unfold()


class _Unfolding:
    def __init__(self, schema: QapiSchema, command: str) -> None:
        self._schema = schema
        self._command = command
        self._budget = MemberBudget(command)

    def unfold(self) -> tuple[MemberNode, ...]:
        start = arguments_of(self._schema, self._command)
        return self._below(start, self._command, {object_type(self._schema, start): self._command})

    def _below(self, type_name: str, path: str, above: dict[str, str]) -> tuple[MemberNode, ...]:
        return tuple(
            self._node(member, f"{path}.{member.name}", above) for member in members_of(self._schema, type_name)
        )

    def _node(self, member: FoundMember, path: str, above: dict[str, str]) -> MemberNode:
        self._budget.spend()
        inner = object_type(self._schema, member.type)
        same_as = above.get(inner)
        below: tuple[MemberNode, ...] = ()
        if inner and same_as is None:
            below = self._below(member.type, path, {**above, inner: path})
        return MemberNode(
            name=member.name,
            type=type_words(self._schema, member.type),
            optional=member.optional,
            deprecated="deprecated" in member.features,
            features=member.features,
            when=member.when,
            values=values_of(self._schema, member.type),
            members=below,
            same_as=same_as,
        )


def object_type(schema: QapiSchema, type_name: str) -> str:
    """The object type that a value of this type has members of; through lists and alternates; empty where none."""
    waiting, seen = [type_name], {type_name}
    while waiting:
        current = waiting.pop(0)
        entity: Entity = schema.entity(current) or {}
        inner: list[str] = []
        match entity.get("meta-type"):
            case "object":
                return current
            case "array":
                inner = [entity["element-type"]]
            case "alternate":
                inner = [branch["type"] for branch in entity["members"]]
        waiting += [name for name in inner if name not in seen]
        seen.update(inner)
    return ""
