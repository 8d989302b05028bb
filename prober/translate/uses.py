"""What of a QEMU one domain uses, and what an upgrade from one QEMU to another means for it.

What a domain uses is what stands in its command line: it is emitted for both QEMUs, also where one refuses it, and
every name in the options is taken down as the fact that it is.  Nothing is looked up in a list of names made by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.difference import Change, Difference, Group
from prober.capabilities.members import arguments_of, members_of, object_type, readable_schema
from prober.capabilities.schema import QapiSchema
from prober.commandline.aliases import DEVICE_ALIASES
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Property, Qapi, meant
from prober.commandline.refusal import Refusal
from prober.commandline.render import render
from prober.domain.domain import Domain
from prober.errors import RefusedError
from prober.host.host import Host
from prober.translate.order import emit
from prober.translate.pipeline import translate
from prober.translate.steps import complete_into
from prober.translate.target import find_target

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: A member's dotted path, and the tags that its innermost object has to have (``driver=file``).
MemberUse = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Uses:
    """Facts by name; ``types`` are the devices, objects and machines that are made or set up."""

    facts: frozenset[str]
    types: frozenset[str]
    members: frozenset[MemberUse]

    def __or__(self, other: Uses) -> Uses:
        return Uses(self.facts | other.facts, self.types | other.types, self.members | other.members)

    def concerns(self, group: str, change: Change) -> bool:
        """Whether a change is about something that is used.

        A default that changes concerns whoever uses the type: what the domain does not set, it takes from there.
        """
        if group == "members":
            return (change.fact, change.when) in self.members
        if change.fact in self.facts:
            return True
        return change.what == "default" and change.of in self.types


class DomainSide(BaseModel):
    """What one QEMU makes of a domain.  A refused one has an ``argv`` too: what would be written if it were not."""

    model_config = _CONFIG

    accepted: bool
    refusals: tuple[Refusal, ...]
    argv: tuple[str, ...]


class DomainDifference(BaseModel):
    """What two QEMUs make of one domain."""

    model_config = _CONFIG

    a: DomainSide
    b: DomainSide


def compare_for(
    domain: Domain, a: Capabilities, b: Capabilities, binary: str | os.PathLike[str]
) -> tuple[Uses, DomainDifference]:
    """What a domain uses of either QEMU, and what each makes of it: its command line, or its refusals.

    ``binary`` becomes ``argv[0]`` of both.

    :raise RecordingError: where a schema has not the form that QEMU gives it.
    """
    program = os.fspath(binary)
    (uses, side), (others, other) = _look(domain, a, program), _look(domain, b, program)
    return uses | others, DomainDifference(a=side, b=other)


def keep_used(difference: Difference, uses: Uses) -> Difference:
    """The part of a difference that concerns what is used.  The counts of what is unknown do not: they become 0."""
    groups = (
        Group(name=group.name, changes=tuple(change for change in group.changes if uses.concerns(group.name, change)))
        for group in difference.groups
    )
    return difference.model_copy(update={"groups": tuple(groups)})


def _look(domain: Domain, caps: Capabilities, binary: str) -> tuple[Uses, DomainSide]:
    target = find_target(domain, caps, None, Host())
    options = list(emit(complete_into([], domain, target), target))
    try:
        argv = translate(domain, caps, binary=binary).argv
        side = DomainSide(accepted=True, refusals=(), argv=argv)
    except RefusedError as error:
        argv = (binary, *render(options, caps))
        side = DomainSide(accepted=False, refusals=tuple(error.refusals), argv=argv)
    return find_uses(meant(options), caps), side


def find_uses(options: Iterable[Option], caps: Capabilities) -> Uses:
    """What these options use of this QEMU.

    :raise RecordingError: where its schema has not the form that QEMU gives it.
    """
    finder = _Finder(caps)
    with readable_schema():
        for option in options:
            finder.find(option)
    return Uses(frozenset(finder.facts), frozenset(finder.types), frozenset(finder.members))


class _Finder:
    def __init__(self, caps: Capabilities) -> None:
        self.caps = caps
        self.facts: set[str] = set()
        self.types: set[str] = set()
        self.members: set[MemberUse] = set()

    def find(self, option: Option) -> None:
        match option:
            case DeviceOption():
                self._type(DEVICE_ALIASES.get(option.driver, option.driver), option.properties)
            case Global():
                self._type(option.driver, (option.setting,))
            case Object():
                self._type(option.qom_type, option.properties)
                values = {item.name: item.value for item in option.properties}
                self._command("object-add", {"qom-type": option.qom_type, "id": option.id, **values})
            case Qapi():
                if option.command:
                    self._command(option.command, option.value)
            case Keyval():
                self._keyval(option)
            case Plain():
                self.facts.add(option.flag)

    def _type(self, typename: str, properties: Iterable[Property]) -> None:
        self.types.add(typename)
        self.facts.add(typename)
        self.facts.update(f"{typename}.{item.name}" for item in properties)

    def _keyval(self, option: Keyval) -> None:
        group = f"-{option.group or option.flag[1:]}"
        self.facts.add(group)
        self.facts.update(f"{group}.{item.name}" for item in option.pairs)
        match option.flag:
            case "-machine":
                machine = self.caps.machine(option.first)
                self._type(machine.name if machine is not None else option.first, option.pairs)
            case "-cpu":
                self.facts.add(option.first)
                model = (self.caps.cpu_models or {}).get(option.first)
                if model is not None and model.typename is not None:
                    self._type(self.caps.families.get(model.typename, model.typename), option.pairs)
            case "-accel":
                self.facts.add(f"{option.first}-accel")
            case "-chardev":
                self.members.add((f"chardev-add.backend.type.{option.first}", ()))

    def _command(self, command: str, value: Mapping[str, Any]) -> None:
        self.facts.add(command)
        schema = self.caps.schema_
        if schema is not None and schema.command(command) is not None:
            start = arguments_of(schema, command)
            self.members.update(_members(schema, start, value, command, {object_type(schema, start): command}))


def _members(
    schema: QapiSchema, type_name: str, value: Mapping[str, Any], path: str, above: Mapping[str, str]
) -> Iterator[MemberUse]:
    """Every member that a value has.  One below its own type is taken for that above, as differences are told there."""
    for member in members_of(schema, type_name):
        if member.name not in value or not all(_has(value, tag) for tag in member.when):
            continue
        fact = f"{path}.{member.name}"
        yield fact, member.when
        inner = object_type(schema, member.type)
        below = above.get(inner, fact)
        items = value[member.name]
        for item in items if isinstance(items, list) else [items]:
            if isinstance(item, str):
                yield f"{fact}.{item}", member.when  # Where it is a value of an enum.
            elif isinstance(item, dict):
                yield from _members(schema, member.type, item, below, {**above, inner: below})


def _has(value: Mapping[str, Any], tag: str) -> bool:
    name, _, wanted = tag.partition("=")
    return value.get(name) == wanted
