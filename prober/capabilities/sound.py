"""Whether a QAPI schema has the form that QEMU gives it, so that nobody who reads it has to ask again.

The form is that of QEMU's ``qapi/introspect.json``.  Whoever follows a schema goes from an object to what its tag
chooses, from a list to its items and from an alternate to its branches without taking a step in a value: here there
must be an end, and not too many ways to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_JSON_TYPES = frozenset(("string", "number", "int", "boolean", "null", "object", "array", "value"))

#: Real ones have no more than 4 and some hundred.
_DEEPEST, _MOST_WAYS = 16, 20_000


def require_sound(entities: Any) -> None:
    """Accept the entities of a schema.

    :raise TypeError: where something in them has not the form that QEMU gives it; the message names it.
    """
    if not isinstance(entities, list):
        raise TypeError("query-qmp-schema gives no list")
    by_name: dict[str, Mapping[str, Any]] = {}
    for entity in entities:
        if not (isinstance(entity, dict) and isinstance(entity.get("name"), str)):
            raise TypeError("query-qmp-schema has an entity without a name")
        by_name[entity["name"]] = entity
    for name, entity in by_name.items():
        meta = entity.get("meta-type")
        if not isinstance(meta, str):
            raise TypeError(f"query-qmp-schema has {name!r} without a meta-type")
        check = _CHECKS.get(meta)
        if check is not None and not check(entity, by_name):
            raise TypeError(f"query-qmp-schema has {name!r}, which is no {meta} as QEMU describes one")
    _Ways(by_name).count_all()


def _is_object(entity: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> bool:
    variants = entity.get("variants", [])
    return (
        _all(entity.get("members", []), _is_member)
        and _all(variants, lambda one: isinstance(one.get("case"), str) and isinstance(one.get("type"), str))
        and all(by_name.get(one["type"], {}).get("meta-type") == "object" for one in variants)
        and isinstance(entity.get("tag", ""), str)
        and (not variants or "tag" in entity)
    )


def _is_member(one: Mapping[str, Any]) -> bool:
    return isinstance(one.get("name"), str) and isinstance(one.get("type"), str) and _has_features(one)


def _has_features(one: Mapping[str, Any]) -> bool:
    features = one.get("features", [])
    return isinstance(features, list) and all(
        isinstance(feature, str) or (isinstance(feature, dict) and isinstance(feature.get("name"), str))
        for feature in features
    )


def _is_array(entity: Mapping[str, Any], _: object) -> bool:
    return isinstance(entity.get("element-type"), str)


def _is_alternate(entity: Mapping[str, Any], _: object) -> bool:
    members = entity.get("members")
    return bool(members) and _all(members, lambda one: isinstance(one.get("type"), str))


def _is_enum(entity: Mapping[str, Any], _: object) -> bool:
    if "members" in entity:
        return _all(entity["members"], lambda one: isinstance(one.get("name"), str) and _has_features(one))
    values = entity.get("values", [])
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_builtin(entity: Mapping[str, Any], _: object) -> bool:
    kind = entity.get("json-type")
    return isinstance(kind, str) and kind in _JSON_TYPES


def _is_command(entity: Mapping[str, Any], _: object) -> bool:
    return isinstance(entity.get("arg-type"), str) and _has_features(entity)


def _all(items: object, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and holds(item) for item in items)


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], bool]] = {
    "object": _is_object,
    "array": _is_array,
    "alternate": _is_alternate,
    "enum": _is_enum,
    "builtin": _is_builtin,
    "command": _is_command,
    "event": _is_command,
}


class _Ways:
    """How many ways lead on from each type without a step in a value."""

    def __init__(self, by_name: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_name = by_name
        self._counted: dict[str, int] = {}

    def count_all(self) -> None:
        for name in self._by_name:
            self._count(name, _DEEPEST)

    def _count(self, name: str, deepest: int) -> int:
        if name in self._counted:
            return self._counted[name]
        if deepest == 0:
            raise TypeError(f"query-qmp-schema leads on and on without an end from types such as {name!r}")
        ways = 1 + sum(self._count(target, deepest - 1) for target in self._targets(name))
        if ways > _MOST_WAYS:
            raise TypeError(f"query-qmp-schema has more than {_MOST_WAYS} ways to read {name!r}")
        self._counted[name] = ways
        return ways

    def _targets(self, name: str) -> Iterator[str]:
        entity = self._by_name.get(name, {})
        match entity.get("meta-type"):
            case "object":
                yield from (variant["type"] for variant in entity.get("variants", []))
            case "array":
                yield entity["element-type"]
            case "alternate":
                yield from (branch["type"] for branch in entity["members"])
