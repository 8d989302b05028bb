"""Whether a QAPI schema has the form that QEMU gives it, so that nobody who reads it has to ask again.

The form is that of QEMU's ``qapi/introspect.json``.  Whoever follows a schema goes from an object to what its tag
chooses, from a list to its items and from an alternate to its branches without taking a step in a value: here there
must be an end, and not too many ways to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

_Entity: TypeAlias = Mapping[str, Any]

_TEXT = frozenset((str,))

_JSON_TYPES = frozenset(("string", "number", "int", "boolean", "null", "object", "array", "value"))

#: Real ones have no more than 4 and some hundred.
_DEEPEST, _MOST_WAYS = 16, 20_000


def require_sound(entities: Any) -> None:
    """Accept the entities of a schema.

    :raise TypeError: where something in them has not the form that QEMU gives it; the message names it.
    """
    if not isinstance(entities, list):
        raise TypeError("query-qmp-schema gives no list")
    if not _have_texts(entities, "name"):
        raise TypeError("query-qmp-schema has an entity without a name")
    by_name: dict[str, _Entity] = {entity["name"]: entity for entity in entities}
    by_meta: dict[Any, list[_Entity]] = {}
    if are_sound := _have_texts(list(by_name.values()), "meta-type"):
        for entity in by_name.values():
            by_meta.setdefault(entity["meta-type"], []).append(entity)
        are_sound = all(check(by_meta.get(meta, []), by_name) for meta, check in _CHECKS.items())
    if not are_sound:
        raise TypeError(_what_is_wrong(by_name))
    _Ways(by_name).count_all()


def _what_is_wrong(by_name: Mapping[str, _Entity]) -> str:
    """The first that has not the form, found by asking of each alone."""
    for name, entity in by_name.items():
        meta = entity.get("meta-type")
        if not isinstance(meta, str):
            return f"query-qmp-schema has {name!r} without a meta-type"
        check = _CHECKS.get(meta)
        if check is not None and not check([entity], by_name):
            return f"query-qmp-schema has {name!r}, which is no {meta} as QEMU describes one"
    raise AssertionError("each of them alone is sound")


def _have_texts(items: Iterable[Any], *keys: str) -> bool:
    """Whether all of these are objects that have a text under each of the keys."""
    try:
        return all(set(map(type, map(itemgetter(key), items))) <= _TEXT for key in keys)
    except (KeyError, TypeError):  # an object without the key, or no object
        return False


def _listed(entities: Iterable[_Entity], key: str) -> list[Any] | None:
    """What all of these list under a key that may be missing; None where one has no list there."""
    lists = [entity[key] for entity in entities if key in entity]
    return list(chain.from_iterable(lists)) if all(isinstance(one, list) for one in lists) else None


def _have_features(items: Iterable[_Entity]) -> bool:
    features = _listed(items, "features")
    # A feature is a name, or an object with one.
    return features is not None and _have_texts([one for one in features if not isinstance(one, str)], "name")


def _are_objects(entities: list[_Entity], by_name: Mapping[str, _Entity]) -> bool:
    members, variants = _listed(entities, "members"), _listed(entities, "variants")
    return (
        members is not None
        and variants is not None
        and _have_texts(members, "name", "type")
        and _have_features(members)
        and _have_texts(variants, "case", "type")
        and all(by_name.get(one["type"], {}).get("meta-type") == "object" for one in variants)
        and _have_texts([entity for entity in entities if "tag" in entity or entity.get("variants")], "tag")
    )


def _are_arrays(entities: list[_Entity], _: object) -> bool:
    return _have_texts(entities, "element-type")


def _are_alternates(entities: list[_Entity], _: object) -> bool:
    members = _listed(entities, "members")
    return members is not None and all(entity.get("members") for entity in entities) and _have_texts(members, "type")


def _are_enums(entities: list[_Entity], _: object) -> bool:
    # From QEMU 6.2 on the members say all that the values do.
    members = _listed(entities, "members")
    values = _listed([entity for entity in entities if "members" not in entity], "values")
    return (
        members is not None
        and values is not None
        and _have_texts(members, "name")
        and _have_features(members)
        and set(map(type, values)) <= _TEXT
    )


def _are_builtins(entities: list[_Entity], _: object) -> bool:
    return _have_texts(entities, "json-type") and {entity["json-type"] for entity in entities} <= _JSON_TYPES


def _are_commands(entities: list[_Entity], _: object) -> bool:
    return _have_texts(entities, "arg-type") and _have_features(entities)


#: How the entities of each meta-type are checked, all at once, as a schema has a thousand.
_CHECKS: Mapping[str, Callable[[list[_Entity], Mapping[str, _Entity]], bool]] = {
    "object": _are_objects,
    "array": _are_arrays,
    "alternate": _are_alternates,
    "enum": _are_enums,
    "builtin": _are_builtins,
    "command": _are_commands,
    "event": _are_commands,
}


class _Ways:
    """How many ways lead on from each type without a step in a value."""

    def __init__(self, by_name: Mapping[str, _Entity]) -> None:
        self._targets = {name: _targets(entity) for name, entity in by_name.items()}
        self._counted: dict[str, int] = {}

    def count_all(self) -> None:
        for name, targets in self._targets.items():
            if targets:
                self._count(name, _DEEPEST)
            else:
                self._counted[name] = 1

    def _count(self, name: str, deepest: int) -> int:
        if name in self._counted:
            return self._counted[name]
        if deepest == 0:
            raise TypeError(f"query-qmp-schema leads on and on without an end from types such as {name!r}")
        ways = 1 + sum(self._count(target, deepest - 1) for target in self._targets.get(name, ()))
        if ways > _MOST_WAYS:
            raise TypeError(f"query-qmp-schema has more than {_MOST_WAYS} ways to read {name!r}")
        self._counted[name] = ways
        return ways


def _targets(entity: _Entity) -> Sequence[str]:
    match entity["meta-type"]:
        case "object" if "variants" in entity:
            return [variant["type"] for variant in entity["variants"]]
        case "array":
            return (entity["element-type"],)
        case "alternate":
            return [branch["type"] for branch in entity["members"]]
    return ()
