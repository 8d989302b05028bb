"""What is answered of one binary: its types, machines, CPU models and commands.

Each answer is a model, and a pure function of capabilities; the service gives it to its clients, and the command to
who asks a binary or a recording.  Imported by whoever asks for one of these first: the service is ready, and answers
other questions, before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import BaseModel

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.explain import about_command
from prober.capabilities.facts import nearest
from prober.capabilities.members import MemberNode, unfold
from prober.capabilities.models import CpuModel, Machine, QomProperty
from prober.errors import UnknownNameError
from prober.export.label import Label
from prober.service import routes


class TypeList(BaseModel):
    """The QOM types of a binary, each with its parent; None where QEMU was never asked, or is too old to tell."""

    binary: str
    types: dict[str, str | None] | None
    abstract_types: dict[str, str | None] | None


class TypeReply(BaseModel):
    """One QOM type.

    ``properties`` is None where they are unknown: never asked, or answered with ``error``.  ``asked_as`` is the type
    that was asked in its place, as both have one class (CPU models).  ``crashed`` says that asking killed QEMU.
    """

    binary: str
    name: str
    parent: str | None
    abstract: bool
    asked_as: str | None
    command: str | None
    properties: list[QomProperty] | None
    error: str | None
    crashed: bool


class MachineList(BaseModel):
    """The machines of a binary by name; None where QEMU was never asked."""

    binary: str
    machines: dict[str, Machine] | None


class CpuList(BaseModel):
    """The CPU models of a binary by name; None where QEMU was never asked."""

    binary: str
    cpus: dict[str, CpuModel] | None


class CommandList(BaseModel):
    """The QMP commands of a binary, and the events; None where QEMU was never asked, or is too old to tell."""

    binary: str
    commands: list[str] | None
    events: list[str] | None


class CommandReply(BaseModel):
    """One QMP command.

    ``members`` are those of its arguments, each with its own below it; None where no schema tells.  ``returns`` is what
    it answers, in words.
    """

    binary: str
    name: str
    deprecated: bool
    returns: str
    members: list[MemberNode] | None


class LabelList(BaseModel):
    """The labels of a node that has a binary, by name; what is unknown is not among them."""

    binary: str
    labels: list[Label]


def _list_types(ident: str, caps: Capabilities, _: Mapping[str, str]) -> TypeList:
    return TypeList(binary=ident, types=caps.types, abstract_types=caps.abstract_types)


def _list_machines(ident: str, caps: Capabilities, _: Mapping[str, str]) -> MachineList:
    return MachineList(binary=ident, machines=caps.machines)


def _list_cpus(ident: str, caps: Capabilities, _: Mapping[str, str]) -> CpuList:
    return CpuList(binary=ident, cpus=caps.cpu_models)


def _list_commands(ident: str, caps: Capabilities, _: Mapping[str, str]) -> CommandList:
    schema = caps.schema_
    return CommandList(
        binary=ident,
        commands=None if caps.commands is None else sorted(caps.commands),
        events=None if schema is None else sorted(schema.events()),
    )


def _describe_type(ident: str, caps: Capabilities, places: Mapping[str, str]) -> TypeReply:
    """A type and its properties as it, or another of its family, was asked for them."""
    name = places["typename"]
    asked = caps.families.get(name, name)
    answer, properties = caps.properties.get(asked), caps.properties_of(name)
    error = answer.error if answer else None
    return TypeReply(
        binary=ident,
        name=name,
        parent=((caps.types or {}) | (caps.abstract_types or {})).get(name),
        abstract=name in (caps.abstract_types or {}),
        asked_as=asked if asked != name else None,
        command=answer.command if answer else None,
        properties=None if properties is None else list(properties),
        error=error.desc if error else None,
        crashed=bool(error and error.crashed),
    )


def _describe_command(ident: str, caps: Capabilities, places: Mapping[str, str]) -> CommandReply:
    name = places["command"]
    if name not in (caps.commands or ()):
        near = ", ".join(nearest(name[:200], caps.commands or ()))
        raise UnknownNameError(f"no QMP command is named {name[:200]!r}", hint=f"did you mean {near}?" if near else "")
    schema, about = caps.schema_, about_command(caps, name)
    members = None if schema is None or schema.command(name) is None else list(unfold(schema, name))
    return CommandReply(binary=ident, name=name, deprecated=about.deprecated, returns=about.returns, members=members)


def _give_all(_: str, caps: Capabilities, __: Mapping[str, str]) -> Capabilities:
    return caps


def _list_labels(ident: str, caps: Capabilities, _: Mapping[str, str]) -> LabelList:
    # Imported late: who asks for types or machines needs nothing of it.
    from prober.export.labels import labels_of

    return LabelList(binary=ident, labels=labels_of(caps))


Answer: TypeAlias = Callable[[str, Capabilities, Mapping[str, str]], BaseModel]

#: How each route is answered, by its name: of the binary's id, its capabilities, and the parameters of the path.
ANSWERS: dict[str, Answer] = {
    routes.TYPES.name: _list_types,
    routes.TYPE.name: _describe_type,
    routes.MACHINES.name: _list_machines,
    routes.CPUS.name: _list_cpus,
    routes.COMMANDS.name: _list_commands,
    routes.COMMAND.name: _describe_command,
    routes.CAPABILITIES.name: _give_all,
    routes.LABELS.name: _list_labels,
}


def answer_of_one(route: routes.Route, ident: str, caps: Capabilities, places: Mapping[str, str]) -> BaseModel:
    """What a binary has of what a route is for.

    :raise UnknownNameError: where the route is for one QMP command, and the binary has none of that name.
    :raise RecordingError: where its schema has not the form that QEMU gives it.
    """
    return ANSWERS[route.name](ident, caps, places)
