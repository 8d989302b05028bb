"""What the service answers, as models: for ``/openapi.json``, and to make the replies that are not hot."""

from __future__ import annotations

from pydantic import BaseModel

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.entry import Entry
from prober.capabilities.explain import about_command
from prober.capabilities.facts import nearest
from prober.capabilities.members import MemberNode, unfold
from prober.capabilities.models import CpuModel, Machine, QomProperty
from prober.errors import UnknownNameError


class Health(BaseModel):
    """``status`` is ``ok`` while the service answers; ``binaries`` counts the entries by their state."""

    status: str
    version: str
    binaries: dict[str, int]


class BinaryList(BaseModel):
    """All entries of the catalog, as they are now."""

    binaries: list[Entry]


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


def list_commands(ident: str, caps: Capabilities) -> CommandList:
    """The commands and events, in order."""
    schema = caps.schema_
    return CommandList(
        binary=ident,
        commands=None if caps.commands is None else sorted(caps.commands),
        events=None if schema is None else sorted(schema.events()),
    )


def describe_type(ident: str, caps: Capabilities, name: str) -> TypeReply:
    """A type that the binary knows, and its properties as it, or another of its family, was asked for them."""
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


def describe_command(ident: str, caps: Capabilities, name: str) -> CommandReply:
    """A command as the binary knows it.

    :raise UnknownNameError: where it does not.
    :raise RecordingError: where its schema has not the form that QEMU gives it.
    """
    if name not in (caps.commands or ()):
        near = ", ".join(nearest(name[:200], caps.commands or ()))
        raise UnknownNameError(f"no QMP command is named {name[:200]!r}", hint=f"did you mean {near}?" if near else "")
    schema, about = caps.schema_, about_command(caps, name)
    members = None if schema is None or schema.command(name) is None else list(unfold(schema, name))
    return CommandReply(binary=ident, name=name, deprecated=about.deprecated, returns=about.returns, members=members)
