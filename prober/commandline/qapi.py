"""Whether a value is what a QAPI type takes: struct, base and variants, alternate, enum, array, builtin.

The rules are QAPI's (QEMU, ``docs/devel/qapi-code-gen.rst``): every member is known, every member that is
not optional is there, the tag of a union picks one variant.  ``query-qmp-schema`` lists what this binary
was built with, so a member that is compiled out is unknown here as it is to QEMU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from prober.capabilities.schema import Entity, QapiSchema
from prober.commandline.refusal import Misfit
from prober.commandline.text import Item, Text, as_number, as_range, as_size, as_switch, last_item

#: Members that are sizes, which have units and no sign, as no other whole numbers do; the schema calls both ``int``
#: (``qapi/qom.json``, ``net.json``, ``machine.json``, ``block-core.json``; "size" is left open, being either).
_SIZES = frozenset(
    {"align", "bandwidth", "epc-size", "hugetlbsize", "max-size", "mem", "min-cluster-size", "offset", "size", "sndbuf"}
)

#: Whether a text can stand for a JSON type.
_TEXT_FITS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "string": lambda text: True,
        "int": lambda text: _fits_64_bits(as_number(text)),
        "number": lambda text: _is_float(text),
        "boolean": lambda text: as_switch(text) is not None,
        "null": lambda text: text == "",
        "value": lambda text: True,
        "object": lambda text: False,
        "array": lambda text: False,
    }
)
#: Python's types for each JSON type.
_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "string": (str,),
        "int": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "null": (type(None),),
        "object": (dict,),
        "array": (list,),
    }
)

#: What a JSON type is called, where that is not "a" and its name.
_WORDS = {"int": "a whole number", "array": "a list", "object": "an object", "null": "null"}

#: Deeper than any QAPI type that is not recursive without end.
_DEEPEST = 32


def misfits(schema: QapiSchema, type_name: str, value: Any, path: tuple[str, ...] = ()) -> Iterator[Misfit]:
    """Everything in a value that its type does not take."""
    if len(path) > _DEEPEST:
        yield Misfit(path, "is nested too deeply")
        return
    entity = schema.entity(type_name)
    if entity is None:
        yield Misfit(path, f"has a type that the schema does not explain: {type_name}", rule="option/not-explained")
        return
    if entity["meta-type"] != "array":
        value = last_item(value)
    match entity["meta-type"]:
        case "object":
            yield from _object(schema, entity, value, path)
        case "array":
            yield from _array(schema, entity, value, path)
        case "enum":
            values = schema.enum_values(type_name)
            if not isinstance(value, str) or value not in values:
                shown = str(value) if isinstance(value, str) else value
                yield Misfit(path, f"is {shown!r}, which is not one of its values", values, str(shown))
        case "alternate":
            yield from _alternate(schema, entity, value, path)
        case "builtin":
            yield from _builtin(entity, value, path)
        case other:
            yield Misfit(path, f"is a {other}, not a type")


def is_plain(schema: QapiSchema, type_name: str, value: Any) -> bool:
    """Whether a value is an object that is right at first sight, as most are: each member is a text, a switch or a word
    that its type takes, nothing is missing, and nothing is deprecated.  Of any other it is still open."""
    entity = schema.entity(type_name)
    if entity is None or entity["meta-type"] != "object" or not isinstance(value, dict):
        return False
    tag = entity.get("tag")
    shape = schema.shape_with(type_name, value.get(tag) if tag is not None else None, value)
    for name, inner in value.items():
        member, kind = shape.members.get(name), type(inner)
        if member is None or "deprecated" in member.features:
            return False
        if kind is not member.scalar and (kind is not str or inner not in member.words):
            return False
    return all(name in value for name in shape.required)


def _object(schema: QapiSchema, entity: Entity, value: Any, path: tuple[str, ...]) -> Iterator[Misfit]:
    if isinstance(value, Item) and [member["name"] for member in entity.get("members", ())] == ["str"]:
        return  # a list of texts that QAPI wraps in an object each, as -netdev's hostfwd (qapi/net.json, String)
    if not isinstance(value, Mapping):
        yield Misfit(path, "is not an object")
        return
    tag = entity.get("tag")
    case = value.get(tag) if tag is not None else None
    shape = schema.shape_with(entity["name"], case, value)
    members = shape.members
    for name, inner in value.items():
        member = members.get(name)
        if member is None:
            # Where the tag itself is wrong, nothing can be said of what belongs to it.
            if tag is not None and tag in members and any(misfits(schema, members[tag].type, case)):
                continue
            yield Misfit((*path, name), "is not known", tuple(members), rule="option/unknown-member")
        elif type(inner) is not member.scalar:
            yield from misfits(schema, member.type, inner, (*path, name))
    for name in shape.required:
        if name not in value:
            yield Misfit((*path, name), "is missing", rule="option/missing")


def _array(schema: QapiSchema, entity: Entity, value: Any, path: tuple[str, ...]) -> Iterator[Misfit]:
    if isinstance(value, Item):
        # A key that is given once is a list of one to the parser that collects repeated ones.
        value = [value]
    if not isinstance(value, list):
        yield Misfit(path, "is not a list")
        return
    for number, item in enumerate(_ranges(value)):
        yield from misfits(schema, entity["element-type"], item, (*path, str(number)))


def _ranges(items: list[Any]) -> Iterator[Any]:
    """The items; a range that was written ``0-3`` is given as its ends (``qapi/opts-visitor.c``)."""
    for item in items:
        ends = as_range(item) if isinstance(item, Item) else None
        if ends is None:
            yield item
        else:
            yield from ends


def _alternate(schema: QapiSchema, entity: Entity, value: Any, path: tuple[str, ...]) -> Iterator[Misfit]:
    """The branches of an alternate have different JSON types, so the value's own picks one."""
    tried: list[list[Misfit]] = []
    for branch in entity["members"]:
        found = list(misfits(schema, branch["type"], value, path))
        if not found:
            return
        tried.append(found)
    # The branch that got furthest says most.
    yield from max(tried, key=lambda found: max(len(misfit.path) for misfit in found))


def _builtin(entity: Entity, value: Any, path: tuple[str, ...]) -> Iterator[Misfit]:
    wanted = entity["json-type"]
    if wanted == "value":
        return
    if isinstance(value, Text):
        is_size = wanted == "int" and bool(path) and path[-1] in _SIZES
        if not (_fits_64_bits(as_size(value)) if is_size else _TEXT_FITS[wanted](value)):
            yield Misfit(path, f"is {str(value)!r}, not {_WORDS.get(wanted, f'a {wanted}')}")
        return
    if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted in ("int", "number")):
        yield Misfit(path, f"is {value!r}, not {_WORDS.get(wanted, f'a {wanted}')}")
    elif isinstance(value, int) and wanted == "int" and not -(2**63) <= value < 2**64:
        yield Misfit(path, f"is {value}, which is out of range")


def _fits_64_bits(number: int | None) -> bool:
    return number is not None and -(2**63) <= number < 2**64


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
