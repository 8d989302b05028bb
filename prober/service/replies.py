"""What the service answers, as models: for ``/openapi.json``, and to make the replies that are not hot."""

from __future__ import annotations

from pydantic import BaseModel

from prober.capabilities.entry import Entry
from prober.capabilities.models import Property


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
    properties: list[Property] | None
    error: str | None
    crashed: bool
