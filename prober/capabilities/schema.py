"""QEMU's QAPI schema, as ``query-qmp-schema`` gives it: entities that refer to one another by name.

Form of the entities: QEMU, ``docs/interop/qapi-spec``/``qapi/introspect.json`` (``SchemaInfo``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic_core import from_json

Entity = dict[str, Any]

#: Of so many types it is kept where steps from them lead.
_MOST_WAYS = 64

Scalar: TypeAlias = type[str] | type[bool]

#: JSON types of which any value of one class fits; a number may be out of range.
_SCALARS: Mapping[str, Scalar] = MappingProxyType({"string": str, "boolean": bool})


@dataclass(frozen=True)
class Member:
    """One member of an object: its type's name, and whether it may be left out.

    ``scalar`` is the class of which every value fits, where there is one: of texts and switches.  ``words`` are those
    that an enum takes, but for deprecated ones.
    """

    name: str
    type: str
    optional: bool
    features: tuple[str, ...] = ()
    scalar: Scalar | None = None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ObjectShape:
    """The members of an object, by name, and the names of those that it cannot be without."""

    members: Mapping[str, Member]
    required: tuple[str, ...]

    @classmethod
    def of(cls, members: Mapping[str, Member]) -> ObjectShape:
        """An object with these members."""
        return cls(members, tuple(name for name, member in members.items() if not member.optional))


class QapiSchema:
    """The schema of one binary.  Read-only; entities are looked up, never walked whole."""

    def __init__(self, entities: list[Entity]) -> None:
        self._entities = {entity["name"]: entity for entity in entities}
        self._shapes: dict[tuple[str, str | None], ObjectShape] = {}
        self._ways: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self._enums: dict[str, tuple[str, ...]] = {}
        self._deprecated: dict[str, frozenset[str]] = {}
        self._lasting: dict[str, frozenset[str]] = {}

    @classmethod
    def loads(cls, text: str) -> QapiSchema:
        """From the JSON list of entities; the text is one that :mod:`.derive` has checked."""
        return cls(from_json(text))

    def entities(self) -> Iterator[Entity]:
        """All entities, in the order in which QEMU gave them."""
        return iter(self._entities.values())

    def entity(self, name: str) -> Entity | None:
        """The entity of this name: for commands and events their own, for types a number."""
        return self._entities.get(name)

    def kind(self, name: str) -> str:
        """The meta-type: ``object``, ``enum``, ``array``, ``alternate``, ``builtin``, ``command``, ``event``."""
        entity = self._entities.get(name)
        return "" if entity is None else str(entity["meta-type"])

    def command(self, name: str) -> Entity | None:
        """The command of this name, or None."""
        entity = self._entities.get(name)
        return entity if entity is not None and entity["meta-type"] == "command" else None

    def commands(self) -> Iterator[str]:
        """The names of all commands."""
        return (name for name, entity in self._entities.items() if entity["meta-type"] == "command")

    def events(self) -> Iterator[str]:
        """The names of all events."""
        return (name for name, entity in self._entities.items() if entity["meta-type"] == "event")

    def members(self, type_name: str) -> Iterator[Member]:
        """The base members of an object type (not those of its variants)."""
        for member in self._entities[type_name].get("members", ()):
            features, type_name = tuple(member.get("features", ())), member["type"]
            words = self._lasting_values(type_name)
            yield Member(member["name"], type_name, "default" in member, features, self._scalar(type_name), words)

    def _scalar(self, type_name: str) -> Scalar | None:
        return _SCALARS.get(self._entities.get(type_name, {}).get("json-type", ""))

    def _lasting_values(self, type_name: str) -> frozenset[str]:
        """The values of an enum that are not deprecated; none of what is no enum."""
        known = self._lasting.get(type_name)
        if known is None:
            is_enum = self.kind(type_name) == "enum"
            values = frozenset(self.enum_values(type_name)) - self.deprecated_values(type_name) if is_enum else ()
            known = self._lasting[type_name] = frozenset(values)
        return known

    def members_with(self, type_name: str, case: object, value: Mapping[str, Any]) -> Mapping[str, Member]:
        """The members that an object has when its tag has this value: those of its base and of its variant.

        ``value`` is the whole object, as a variant may have a tag of its own.
        """
        return self.shape_with(type_name, case, value).members

    def shape_with(self, type_name: str, case: object, value: Mapping[str, Any]) -> ObjectShape:
        """The same, with what it cannot be without."""
        known = self._shapes.get((type_name, case)) if case is None or isinstance(case, str) else None
        if known is None:
            members = {member.name: member for member in self.members(type_name)}
            variant = self.variant(type_name, case) if isinstance(case, str) else None
            nested = self._entities[variant].get("tag") if variant is not None else None
            if variant is not None:
                members |= self.members_with(variant, value.get(nested) if nested is not None else None, value)
            known = ObjectShape.of(members)
            if nested is None and (case is None or (isinstance(case, str) and variant is not None)):
                # Only cases that the schema has are kept, so that there is an end to them.
                self._shapes[type_name, case] = known
        return known

    def variant(self, type_name: str, case: str) -> str | None:
        """The object type that an object has besides its base when its tag has this value."""
        for variant in self._entities[type_name].get("variants", ()):
            if variant["case"] == case:
                return str(variant["type"])
        return None

    def enum_values(self, type_name: str) -> tuple[str, ...]:
        """The values of an enum; ``members`` since QEMU 7.0, ``values`` before."""
        values = self._enums.get(type_name)
        if values is None:
            entity = self._entities[type_name]
            members = entity.get("members")
            names = entity.get("values", ()) if members is None else (member["name"] for member in members)
            values = self._enums[type_name] = tuple(names)
        return values

    def deprecated_values(self, type_name: str) -> frozenset[str]:
        """The values of an enum that may not be taken for long."""
        names = self._deprecated.get(type_name)
        if names is None:
            members = self._entities[type_name].get("members", ())
            deprecated = (member["name"] for member in members if "deprecated" in member.get("features", ()))
            names = self._deprecated[type_name] = frozenset(deprecated)
        return names

    def find_member(
        self, command: str, path: list[str]
    ) -> tuple[Literal["found"], Entity] | tuple[Literal["lost"], list[str]]:
        """Follow a dotted path of members, variants and enum values from a command's arguments.

        Returns the last entity, or the names that stood where the path ends.
        """
        entity = self.command(command)
        assert entity is not None
        current = [str(entity["arg-type"])]
        for step in path:
            names = self._steps_from(tuple(current))
            if step not in names:
                return "lost", sorted(names)
            # Many variants lead to one type: without this each further step would multiply them.
            current = list(dict.fromkeys(names[step]))
        return "found", self._entities.get(current[0], {"meta-type": "enum-value", "name": path[-1]})

    def _steps_from(self, types: tuple[str, ...]) -> dict[str, list[str]]:
        """Where each step from one of these types leads.  Kept, as a path may go round in circles, and be long."""
        names = self._ways.get(types)
        if names is None:
            names = {}
            for type_name in types:
                for name, target in self._steps(type_name):
                    names.setdefault(name, []).append(target)
            if len(self._ways) < _MOST_WAYS:
                self._ways[types] = names
        return names

    def _steps(self, type_name: str) -> Iterator[tuple[str, str]]:
        entity = self._entities.get(type_name, {})
        match entity.get("meta-type"):
            case "object":
                for member in entity.get("members", ()):
                    yield member["name"], member["type"]
                for variant in entity.get("variants", ()):
                    yield from self._steps(variant["type"])
            case "array":
                yield from self._steps(entity["element-type"])
            case "alternate":
                for member in entity["members"]:
                    yield from self._steps(member["type"])
            case "enum":
                for value in self.enum_values(type_name):
                    yield value, ""
