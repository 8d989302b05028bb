"""All that is known of one fact: what it is, beside whether it is there.

Where QEMU does not tell something, that is said, never guessed.  Which question tells the defaults of properties
depends on the version: recordings have them from ``device-list-properties`` since 5.0.0, and from
``qom-list-properties``, which knows more types and is what the interview asks, since 9.1.0 (not in 9.0.0; in the source
of 7.2 only the former sets them, in that of 10.0 both: ``qom/qom-qmp-cmds.c``).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Evidence
from prober.capabilities.facts import subjects
from prober.capabilities.history import History
from prober.capabilities.members import (
    EnumValue,
    find_members,
    is_deprecated,
    members_of,
    readable_schema,
    type_words,
    values_of,
)
from prober.capabilities.models import CpuModel, Machine, Version
from prober.capabilities.schema import QapiSchema

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class AboutType(BaseModel):
    """A QOM type.  ``parents`` go from the nearest to the root; ``properties`` is None where they are unknown."""

    model_config = _CONFIG

    kind: Literal["type"] = "type"
    name: str
    abstract: bool
    parents: tuple[str, ...] = ()
    properties: int | None = None


class AboutProperty(BaseModel):
    """A property of a QOM type, machine or CPU model's type.

    ``default`` means something only where ``default_told``; ``default_note`` says why it is not told.
    """

    model_config = _CONFIG

    kind: Literal["property"] = "property"
    of: str
    name: str
    type: str
    description: str | None = None
    default: JsonValue = None
    default_told: bool = False
    default_note: str = ""


class AboutMachine(BaseModel):
    """A machine, its type's parent, and how many properties it has (None: unknown)."""

    model_config = _CONFIG

    kind: Literal["machine"] = "machine"
    machine: Machine
    parent: str | None = None
    properties: int | None = None


class AboutCpu(BaseModel):
    """A CPU model under one accelerator; what is unavailable is so on the host that was asked."""

    model_config = _CONFIG

    kind: Literal["cpu-model"] = "cpu-model"
    model: CpuModel
    accelerator: str
    properties: int | None = None


class AboutCommand(BaseModel):
    """A QMP command.  ``members`` are the names of its arguments' members, None where no schema tells."""

    model_config = _CONFIG

    kind: Literal["command"] = "command"
    name: str
    deprecated: bool = False
    members: tuple[str, ...] | None = None
    returns: str = ""


class MemberForm(BaseModel):
    """How a member is in some of the variants that have it.

    ``type`` is in words.  ``when`` lists the variants, by their tags (``driver=file``); empty where it is always there.
    """

    model_config = _CONFIG

    type: str
    optional: bool
    features: tuple[str, ...] = ()
    values: tuple[EnumValue, ...] = ()
    when: tuple[str, ...] = ()


class AboutMember(BaseModel):
    """A member of a command's arguments, in each of its forms."""

    model_config = _CONFIG

    kind: Literal["member"] = "member"
    command: str
    path: str
    forms: tuple[MemberForm, ...]


class AboutValue(BaseModel):
    """A value of an enum somewhere in a command's arguments."""

    model_config = _CONFIG

    kind: Literal["value"] = "value"
    command: str
    path: str
    value: str
    deprecated: bool = False


class AboutOption(BaseModel):
    """A command-line option and its keys, each with its type."""

    model_config = _CONFIG

    kind: Literal["option"] = "option"
    name: str
    keys: dict[str, str]


class AboutKey(BaseModel):
    """A key of a command-line option."""

    model_config = _CONFIG

    kind: Literal["key"] = "key"
    option: str
    name: str
    type: str


class AboutBackend(BaseModel):
    """A display, audio driver, character device or block driver that an option takes."""

    model_config = _CONFIG

    kind: Literal["backend"] = "backend"
    option: Literal["display", "audiodev", "chardev", "blockdev"]
    name: str


About: TypeAlias = (
    AboutType
    | AboutProperty
    | AboutMachine
    | AboutCpu
    | AboutCommand
    | AboutMember
    | AboutValue
    | AboutOption
    | AboutKey
    | AboutBackend
)


class Explanation(BaseModel):
    """What is known of a fact.  ``about`` is None where it is not present, ``history`` where none was asked for."""

    model_config = _CONFIG

    fact: str
    version: Version
    target: str
    evidence: Evidence
    about: About | None = None
    history: History | None = None


def explain(caps: Capabilities, fact: str, history: History | None = None) -> Explanation:
    """All that this binary says of a fact; the forms of facts are those of :meth:`Capabilities.supports`.

    :raise FactError: where the name is not that of a fact.
    :raise RecordingError: where the schema that tells has not QEMU's form.
    """
    evidence = caps.supports(fact)
    about = _about(caps, fact, evidence) if evidence.is_present else None
    return Explanation(
        fact=fact, version=caps.version, target=caps.target, evidence=evidence, about=about, history=history
    )


def _about(caps: Capabilities, fact: str, evidence: Evidence) -> About | None:
    if fact.startswith("-"):
        option, _, name = fact[1:].partition(" ")
        if name and (option == "display" or option == "audiodev" or option == "chardev" or option == "blockdev"):
            return AboutBackend(option=option, name=name)
        return _option(caps, *fact[1:].partition(".")[::2])
    for subject, rest in subjects(fact):
        found = _part(caps, subject, rest) if rest else _whole(caps, subject)
        if found is not None:
            return found
    return None


def _whole(caps: Capabilities, name: str) -> About | None:
    """In the order in which :func:`prober.capabilities.facts.resolve` looks."""
    if name in (caps.types or ()) or name in (caps.abstract_types or ()) or name in caps.properties:
        return AboutType(
            name=name,
            abstract=name in (caps.abstract_types or ()),
            parents=tuple(caps.ancestors(name)),
            properties=_count(caps, name),
        )
    machine = caps.machine(name)
    if machine is not None:
        typename = f"{machine.name}-machine"
        parent = next(caps.ancestors(typename), None)
        return AboutMachine(machine=machine, parent=parent, properties=_count(caps, typename))
    model = (caps.cpu_models or {}).get(name)
    if model is not None:
        properties = _count(caps, model.typename) if model.typename else None
        return AboutCpu(model=model, accelerator=next(iter(caps.accelerators), ""), properties=properties)
    if name in (caps.commands or ()):
        return about_command(caps, name)
    return None


def _part(caps: Capabilities, subject: str, rest: list[str]) -> About | None:
    machine = caps.machine(subject)
    typename = f"{machine.name}-machine" if machine is not None else subject
    if caps.properties_of(typename) is not None:
        return _property(caps, typename, ".".join(rest))
    if subject in (caps.commands or ()) and caps.schema_ is not None:
        return _member(caps.schema_, subject, rest)
    return None


def _count(caps: Capabilities, typename: str) -> int | None:
    properties = caps.properties_of(typename)
    return None if properties is None else len(properties)


def _property(caps: Capabilities, typename: str, name: str) -> AboutProperty | None:
    known = caps.property_of(typename, name)
    if known is None:
        return None
    told = known.default_value is not None
    command = caps.properties[caps.families.get(typename, typename)].command
    note = ""
    if not told and command not in commands_with_defaults(caps):
        note = f"{command} of QEMU {caps.version} tells no defaults, and nothing else was asked"
    elif not told:
        note = f"{command} told none for this property"
    return AboutProperty(
        of=typename,
        name=known.name,
        type=known.type,
        description=known.description,
        default=known.default_value,
        default_told=told,
        default_note=note,
    )


def commands_with_defaults(caps: Capabilities) -> frozenset[str]:
    """The questions about properties whose answers tell defaults: each that told one at least."""
    told = {place for place, known in enumerate(caps.pool) if known.default_value is not None}
    return frozenset(answer.command for answer in caps.properties.values() if not told.isdisjoint(answer.refs))


def about_command(caps: Capabilities, name: str) -> AboutCommand:
    """A QMP command that this binary has.

    :raise RecordingError: where the schema has not the form that QEMU gives it.
    """
    schema = caps.schema_
    entity = schema.command(name) if schema is not None else None
    if schema is None or entity is None:
        return AboutCommand(name=name)
    with readable_schema():
        members = dict.fromkeys(member.name for member in members_of(schema, entity["arg-type"]))
        returns = type_words(schema, entity["ret-type"])
        return AboutCommand(name=name, deprecated=is_deprecated(entity), members=tuple(members), returns=returns)


def _member(schema: QapiSchema, command: str, path: list[str]) -> AboutMember | AboutValue | None:
    forms: dict[tuple[object, ...], MemberForm] = {}
    with readable_schema():
        for found in find_members(schema, command, path):
            words, values = type_words(schema, found.type), values_of(schema, found.type)
            key = (words, found.optional, found.features, values)
            when = (*forms[key].when, ", ".join(found.when)) if key in forms else (", ".join(found.when),)
            forms[key] = MemberForm(
                type=words,
                optional=found.optional,
                features=found.features,
                values=values,
                when=tuple(dict.fromkeys(filter(None, when))),
            )
        if forms:
            return AboutMember(command=command, path=".".join(path), forms=tuple(forms.values()))
        return _value(schema, command, path[:-1], path[-1])


def _value(schema: QapiSchema, command: str, path: list[str], name: str) -> AboutValue | None:
    every = [value for found in find_members(schema, command, path) for value in values_of(schema, found.type)]
    same = [value for value in every if value.name == name]
    if not same:
        return None
    return AboutValue(
        command=command, path=".".join(path), value=name, deprecated=all(value.deprecated for value in same)
    )


def _option(caps: Capabilities, name: str, key: str) -> About | None:
    keys = {known.name: known.type for known in (caps.options or {}).get(name, ())}
    if not key:
        return AboutOption(name=name, keys=keys)
    return AboutKey(option=name, name=key, type=keys[key]) if key in keys else None
