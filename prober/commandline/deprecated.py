"""Members and values that the schema marks as deprecated: QEMU takes them, and may not for long.

``features`` of members are told since QEMU 5.0, of enum values since 7.0 (``qapi/introspect.json``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prober.capabilities.schema import Entity, QapiSchema
from prober.commandline.qapi import misfits

#: Deeper than any QAPI type that is not recursive without end.
_DEEPEST = 32


def find_deprecated(
    schema: QapiSchema, type_name: str, value: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths of what is deprecated in a value that fits its type."""
    entity = schema.entity(type_name)
    if entity is None or len(path) > _DEEPEST:
        return
    match entity["meta-type"]:
        case "object" if isinstance(value, Mapping):
            yield from _object(schema, entity, value, path)
        case "array" if isinstance(value, list):
            for number, item in enumerate(value):
                yield from find_deprecated(schema, entity["element-type"], item, (*path, str(number)))
        case "alternate":
            for branch in entity["members"]:
                if next(misfits(schema, branch["type"], value, path), None) is None:
                    yield from find_deprecated(schema, branch["type"], value, path)
                    return
        case "enum":
            if isinstance(value, str) and value in schema.deprecated_values(type_name):
                yield (*path, str(value))


def _object(
    schema: QapiSchema, entity: Entity, value: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    tag = entity.get("tag")
    members = schema.members_with(entity["name"], value.get(tag) if tag is not None else None, value)
    for name, inner in value.items():
        member = members.get(name)
        if member is not None:
            if "deprecated" in member.features:
                yield (*path, name)
            if member.scalar is None:
                yield from find_deprecated(schema, member.type, inner, (*path, name))
