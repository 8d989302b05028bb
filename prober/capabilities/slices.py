"""Capabilities in slices: what is known of a binary as many small texts, each of which is quickly written and read.

All at once takes 6 ms to write and 15 to read, and for so long nobody else would be answered where that is done on an
event loop.  A slice takes a part of a millisecond; whoever has to go on meanwhile does so between two of them.

    pool\\n[{"name": …}, …]                      so many entries of a field, as JSON in one line
    accelerators tcg machines\\n{"pc": …, …}     so many of a field of an accelerator
    schema\\n[{"name": …}, …]                    so many entities of the QAPI schema

A field that is None has no slice, one that is empty has one.  A text of them is slice after slice, in lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator
from prober.capabilities.schema import QapiSchema

#: So many entries of a field stand in one slice: a hundred properties take a quarter of a millisecond to be read.
_ENTRIES = 100

#: And so many entities of the schema.
_ENTITIES = 60

#: The fields whose slices are not of the field itself.
_NESTED, _SCHEMA = "accelerators", "schema_text"


class SliceError(ValueError):
    """A slice is not one of capabilities."""


def dump_slices(capabilities: Capabilities) -> Iterator[bytes]:
    """The slices, each made when it is asked for; :class:`Assembly` reads them again."""
    for name in Capabilities.model_fields:
        if name not in (_NESTED, _SCHEMA):
            yield from _dump_field(Capabilities, name, name, getattr(capabilities, name))
    if capabilities.schema_ is not None:
        yield from _dump_schema(capabilities.schema_)
    for accelerator, value in capabilities.accelerators.items():
        if " " in accelerator or "\n" in accelerator:
            raise SliceError(f"an accelerator is called {accelerator[:80]!r}")
        for name in Accelerator.model_fields:
            yield from _dump_field(Accelerator, name, f"{_NESTED} {accelerator} {name}", getattr(value, name))


def _dump_schema(schema: QapiSchema) -> Iterator[bytes]:
    """At least one slice: a schema without entities is one."""
    entities = schema.entities()
    part = list(islice(entities, _ENTITIES))
    while True:
        text = to_json(part)
        yield b"schema\n" + (text if text.isascii() else json.dumps(part, separators=(",", ":")).encode())
        if not (part := list(islice(entities, _ENTITIES))):
            return


def _dump_field(model: type[BaseModel], name: str, label: str, value: Any) -> Iterator[bytes]:
    if value is None:
        return
    adapter = _adapter(model, name)
    head = f"{label}\n".encode()
    if not isinstance(value, dict | tuple | frozenset) or len(value) <= _ENTRIES:
        yield head + adapter.dump_json(value)
        return
    entries: Iterator[Any] = iter(value)
    if isinstance(value, dict):
        entries = iter(value.items())
    elif isinstance(value, frozenset):
        entries = iter(sorted(value))
    while part := tuple(islice(entries, _ENTRIES)):
        yield head + adapter.dump_json(type(value)(part))


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    annotation: Any = model.model_fields[name].annotation
    return TypeAdapter(annotation)


def slices_of(text: bytes) -> Iterator[bytes]:
    """The slices of a text."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else text.find(b"\n", end + 1)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


class Assembly:
    """Capabilities that are put together from their slices, in the order in which these were written."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._accelerators: dict[str, dict[str, Any]] = {}
        self._texts: list[str] = []
        self._entities: list[Any] = []

    def add(self, piece: bytes) -> None:
        """Read one more slice.

        :raise SliceError: where it is none.
        """
        label, _, text = piece.partition(b"\n")
        match label.decode("utf-8", "replace").split(" "):
            case ["schema"]:
                self._add_entities(text)
            case [name] if name in Capabilities.model_fields and name not in (_NESTED, _SCHEMA):
                _read_into(self._fields, Capabilities, name, text)
            case [nested, accelerator, name] if nested == _NESTED and name in Accelerator.model_fields:
                _read_into(self._accelerators.setdefault(accelerator, {}), Accelerator, name, text)
            case _:
                raise SliceError(f"{label[:80]!r} is no part of what a binary can do")

    def _add_entities(self, text: bytes) -> None:
        try:
            entities = from_json(text)
        except ValueError as error:
            raise SliceError(f"a slice of the schema is not JSON: {error}") from error
        if not isinstance(entities, list) or not all(map(_is_entity, entities)):
            raise SliceError("a slice of the schema has something that is no entity")
        self._entities += entities
        self._texts.append(text[1:-1].decode())

    def finish(self) -> Capabilities:
        """All that the slices said.

        :raise SliceError: where something is missing that is always there.
        """
        missing = [name for name, field in Capabilities.model_fields.items() if field.is_required()]
        missing = [name for name in missing if name not in self._fields]
        if missing:
            raise SliceError(f"{', '.join(missing)} of a binary is missing")
        accelerators = {name: _made(Accelerator, fields) for name, fields in self._accelerators.items()}
        text = f"[{','.join(self._texts)}]" if self._texts else None
        made: Capabilities = _made(Capabilities, {**self._fields, _NESTED: accelerators, _SCHEMA: text})
        if text is not None:
            # As the property would make it when it is first asked for, which takes several milliseconds at once.
            vars(made)["schema_"] = QapiSchema(self._entities)
        return made


def _is_entity(entity: Any) -> bool:
    return isinstance(entity, dict) and isinstance(entity.get("name"), str) and isinstance(entity.get("meta-type"), str)


def _read_into(fields: dict[str, Any], model: type[BaseModel], name: str, text: bytes) -> None:
    try:
        value = _adapter(model, name).validate_json(text)
    except ValidationError as error:
        raise SliceError(f"a slice of {name} has another form: {str(error).splitlines()[0]}") from error
    before = fields.get(name)
    match before:
        case None:
            fields[name] = value
        case dict():
            before.update(value)
        case tuple() | frozenset():
            fields[name] = _Pieces(type(before), [before, value])
        case _Pieces():
            before.pieces.append(value)
        case _:
            raise SliceError(f"{name} of a binary is there twice")


@dataclass
class _Pieces:
    """A field of one kind that came in several slices: put together at the end, as each step would copy all before."""

    kind: type[tuple[Any, ...]] | type[frozenset[Any]]
    pieces: list[Iterable[Any]]


def _made(model: Any, fields: dict[str, Any]) -> Any:
    """The model of fields that were read one by one; one that is left out has its default."""
    whole = {
        name: value.kind(chain.from_iterable(value.pieces)) if isinstance(value, _Pieces) else value
        for name, value in fields.items()
    }
    return model.model_construct(**whole)
