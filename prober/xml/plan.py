"""How an element is made from what an XML gives of it: worked out once, when the first of its class is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from prober.commandline.refusal import Broken
from prober.xml.binding import Element, Field, Opaque, Places, fields_of, per_class
from prober.xml.shape import element_fields, leaf_type, shape_of
from prober.xml.values import Reads

E = TypeVar("E", bound=Element)


class Plan(Generic[E]):
    """Reads one class: what its XML may hold, and how each field is converted.

    Single values are converted, those that are given: a disk has 66 fields, and an XML gives seven.
    """

    def __init__(self, cls: type[E]) -> None:
        self.shape = shape_of(cls)
        self._cls = cls
        self._required = frozenset(name for name, of in fields_of(cls).items() if of.is_required)
        self._converters = _Converters(cls)
        # An element is read from far more often than it is made: its own value is found sooner than one on the class.
        self._defaults = {name: of.default for name, of in fields_of(cls).items()}
        self._order = {name: index for index, name in enumerate(fields_of(cls))}

    def convert(self, values: dict[str, Any]) -> list[Broken]:
        """Convert what is given, in place; what does not fit or is missing, in the order of the class's fields."""
        broken: list[Broken] = []
        converters = self._converters
        for name, value in values.items():
            convert = converters[name]
            if convert is None:
                continue
            try:
                values[name] = convert(value)
            except (ValueError, KeyError):
                broken += _misfits(name, fields_of(self._cls)[name].kind, value)
        if not self._required <= values.keys():
            broken += map(self._missing, self._required - values.keys())
        if broken:
            broken.sort(key=lambda one: self._order[one.field])
        return broken

    def make(self, values: dict[str, Any], places: Places) -> E:
        """An element of what was converted without a fault; its own rules are still to be asked."""
        element = object.__new__(self._cls)
        own = element.__dict__
        own.update(self._defaults)
        own.update(values)
        own["places"] = places
        return element

    def _missing(self, name: str) -> Broken:
        return Broken(name, f"{_where(name, fields_of(self._cls)[name])} is missing", rule="xml/missing")


@per_class
def plan_of(cls: type[E]) -> Plan[E]:
    """The plan of a class."""
    return Plan(cls)


class _Converters(dict[str, Callable[[Any], Any] | None]):
    """What converts each field of a class, made when the first XML gives it; None for what is read already."""

    def __init__(self, cls: type[Element]) -> None:
        self._fields = fields_of(cls)
        for name in element_fields(cls):
            self[name] = tuple if get_origin(leaf_type(self._fields[name].kind)) is tuple else None
        for name, of in self._fields.items():
            if leaf_type(of.kind) is Opaque:
                self[name] = None

    def __missing__(self, name: str) -> Callable[[Any], Any] | None:
        convert = self[name] = converter_of(self._fields[name].kind)
        return convert


@lru_cache(maxsize=2048)
def converter_of(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of a text, or raises ValueError or KeyError; one for all fields of a type."""
    return _function_of(kind) or _validator_of(kind)


def _function_of(kind: Any) -> Callable[[Any], Any] | None:
    """The one function that a type needs: a text is taken as it is, a word is looked up, and a conversion of
    :mod:`prober.xml.values` needs nothing around it.  None where it takes pydantic."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if one is not NoneType]
        return _function_of(kinds[0]) if len(kinds) == 1 else None
    if kind is str:
        return str
    if get_origin(kind) is Literal and set(map(type, get_args(kind))) == {str}:
        return {word: word for word in get_args(kind)}.__getitem__
    if get_origin(kind) is Annotated:
        base, *marks = get_args(kind)
        match marks:
            case [Reads(func=function)] if base in (bool, int, str):
                return cast(Callable[[Any], Any], function)
            case [AfterValidator(func=function)] if base is str:
                return cast(Callable[[Any], Any], function)
    return None


@lru_cache(maxsize=2048)
def _validator_of(kind: Any) -> Callable[[Any], Any]:
    convert: Callable[[Any], Any] = TypeAdapter(kind).validator.validate_python
    return convert


def _misfits(name: str, kind: Any, value: Any) -> list[Broken]:
    """What is wrong with a value that does not fit: pydantic knows best what was expected, and where."""
    try:
        _validator_of(kind)(value)
    except ValidationError as error:
        return [_unfit(name, detail) for detail in error.errors(include_url=False)]
    raise AssertionError(f"{name}: {value!r} fits after all")


def _unfit(name: str, detail: ErrorDetails) -> Broken:
    """What pydantic says of a value that does not fit, as a sentence that begins with the value."""
    context, value = detail.get("ctx", {}), short(str(detail["input"]))
    cause = context.get("error")
    if cause is not None:
        return Broken(name, f"{value!r} {cause}", getattr(cause, "hint", ""), rule=getattr(cause, "rule", "") or _VALUE)
    if detail["type"] == "literal_error":
        return Broken(name, f"{value!r} is not understood", f"understood are {context['expected']}", rule=_VALUE)
    return Broken(name, f"{value!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}", rule=_VALUE)


_VALUE = "xml/value"


def _where(name: str, of: Field) -> str:
    """A field by its XML: ``attribute type``, ``<source file=…>``, ``<name>``."""
    parent, _, leaf = (of.path or name).rpartition("/")
    if not leaf.startswith("@"):
        return f"<{leaf}>" if leaf != "." else "the text"
    return f"<{parent} {leaf[1:]}=…>" if parent else f"attribute {leaf[1:]}"


def short(text: str, most: int = 80) -> str:
    """A text from outside, as much of it as a sentence takes."""
    return text if len(text) <= most else f"{text[:most]}…"
