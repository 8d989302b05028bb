"""How a class says which XML it reads: the base of every element's model, and the two marks on its fields.

A field is bound to XML by :class:`At`, and to a QEMU property, where it is taken over one to one, by
:class:`Qemu`::

    class Memballoon(Device):
        element = "memballoon"
        autodeflate: Annotated[OnOff | None, At("@autodeflate"), Qemu("deflate-on-oom")] = None

Paths of ``At``, from the class's own element:

======================  ====================================================================
``@name``               an attribute
``.``                   the element's own text
``child``               a child element: its model, its text, or (with ``bool``) its presence
``child/@name``         an attribute of a child that has no model of its own; deeper likewise
``*``                   any of several child elements (a tuple of devices, see ``choices``)
======================  ====================================================================

A field whose type is a tuple of models takes every child of that name, in order.  What no ``At`` claims
is refused by :mod:`prober.xml.reader`, so silence never means consent.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, ClassVar, Protocol, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.commandline.options import Property
from prober.commandline.refusal import Place

E = TypeVar("E", bound="Element")

#: The place of what no XML says: a default.
NOWHERE = Place(line=0, path="/domain")


# How the slots of a frozen model are set; looked up once, as Element.replace() is called a hundred times a domain.
_new = object.__new__
_set_dict = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


@dataclass(frozen=True, slots=True)
class At:
    """Binds a field to a path in the XML; ``required`` is an attribute that its element must not lack, where a field
    has a default for an element that is not there."""

    path: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Qemu:
    """Takes a field's value over, one to one, as this property of the element's QEMU device."""

    property: str


@dataclass(frozen=True, slots=True)
class Becomes:
    """Says in a few words what a field becomes, where it is neither :class:`Qemu` nor :class:`Neutral`; for readers
    of docs/domain-xml.md.  Options and properties stand in backquotes, by QEMU's names."""

    text: str


@dataclass(frozen=True, slots=True)
class Neutral:
    """Marks a field that is understood and has no effect on QEMU, and says why."""

    why: str


#: Where a field is given: the place of its element, with the name of the attribute where it is one.
Given: TypeAlias = Place | tuple[Place, str]


@dataclass(slots=True)  # Not frozen, which takes twice as long; nothing changes one all the same.
class Places:
    """Where an element stands, and each of its fields; a field that was not given stands at its element.

    The place of an attribute is made when it is asked for, as most never are.
    """

    own: Place = NOWHERE
    fields: Mapping[str, Given] = field(default_factory=dict)

    def at(self, name: str) -> Place:
        """The place of a field."""
        given = self.fields.get(name)
        if given is None:
            return self.own
        return given if isinstance(given, Place) else given[0].attribute(given[1])


#: Whether the schema of a class is being made, of which others are parts.
_is_building: ContextVar[bool] = ContextVar("_is_building", default=False)


class Element(BaseModel):
    """The base of every model that reads XML.  Frozen: completing one makes a new one."""

    # Built when the first of a class is read: a domain has a few of the hundreds of classes, and to build all of them
    # takes a third of a second and 9 MiB.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    #: For one element name that stands for several classes: the attribute that tells, and the classes.
    tag: ClassVar[str] = ""
    choices: ClassVar[Mapping[str, type[Element]]] = types.MappingProxyType({})

    places: Places = Field(default_factory=Places, exclude=True, repr=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """An element that is a part of another has been read already: there it is looked at for its class alone.

        Otherwise each class would hold the rules of all classes that it has parts of, and those of theirs.
        """
        if _is_building.get():
            return core_schema.is_instance_schema(cls)
        token = _is_building.set(True)
        try:
            return handler(source)
        finally:
            _is_building.reset(token)

    def place(self, name: str = "") -> Place:
        """Where this element, or one of its fields, stands in the XML."""
        return self.places.at(name)

    def places_of(self, fields: Mapping[str, str]) -> dict[str, Place]:
        """Where fields stand, each under another name: that of the field is the value."""
        return {name: self.places.at(field) for name, field in fields.items()}

    def given(self, name: str) -> bool:
        """Whether the XML says something of this field."""
        return name in self.places.fields

    def replace(self, **changes: Any) -> Self:
        """A copy with these fields changed; the caller vouches for their types.

        ``model_copy(update=changes)`` without the copies that frozen parts do not need, in a tenth of its time:
        reading and completing a domain makes dozens of these.  ``given()`` tells what the XML gave, not
        ``model_fields_set``.
        """
        copy: Self = _new(self.__class__)
        _set_dict(copy, {**self.__dict__, **changes})
        _set_fields_set(copy, self.__pydantic_fields_set__)
        _set_extra(copy, None)
        _set_private(copy, None)
        return copy

    def properties(self) -> list[Property]:
        """The fields marked :class:`Qemu` that have a value, each with the XML it came from."""
        values, place = self.__dict__, self.places.at
        return [
            Property(qemu, value, place(name))
            for name, qemu in qemu_fields(type(self))
            if (value := values[name]) is not None
        ]


def assemble(cls: type[E], fields: dict[str, Any]) -> E:
    """An element that has these fields, which are all of its class and have been checked."""
    element: E = _new(cls)
    _set_dict(element, fields)
    _set_fields_set(element, set())
    _set_extra(element, None)
    _set_private(element, None)
    return element


class _Make(Protocol):
    def __call__(self, cls: type[E], /, **values: Hashable) -> E: ...


def _make(cls: type[E], /, **values: Hashable) -> E:
    """A model that no XML asks for, validated once: the same values give the very same object, which is frozen.

    Where it stands in the XML is for the caller to add (``made(…).replace(places=…)``).
    """
    return cls.model_validate(values)


made = cast(_Make, lru_cache(maxsize=1024, typed=True)(_make))


class Checked(Element):
    """An element with rules of its own: ``rules()`` yields each broken one as (field, sentence)."""

    def rules(self) -> Iterator[tuple[str, str]]:
        """Broken rules; an empty field name stands for the element itself."""
        return iter(())

    def model_post_init(self, context: Any, /) -> None:
        """Keeps the rules in what is not read from XML; the reader asks for them itself, to say where each is broken.

        A validator of the model would be run again wherever the model is a part of another.
        """
        broken = [sentence for _, sentence in self.rules()]
        if broken:
            raise ValueError("; ".join(broken))


@dataclass(slots=True)
class Shape:
    """What one XML element may hold: the names that a class claims in it, at any depth."""

    attributes: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    children: dict[str, Child] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Child:
    """A claimed child element: a model (``many`` of them or one), a scalar, or a mere container."""

    field: str | None = None
    model: type[Element] | None = None
    many: bool = False
    flag: bool = False
    opaque: bool = False
    shape: Shape | None = None


class Opaque(str):
    """The type of a child element that is not looked into, as ``<metadata>``; the value is its name."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return handler(str)


@cache
def shape_of(cls: type[Element]) -> Shape:
    """The shape of a class, from the marks on its fields."""
    shape = Shape()
    for name, info in cls.model_fields.items():
        for mark in info.metadata:
            if isinstance(mark, At):
                _claim(shape, mark.path.split("/"), name, leaf_type(info.annotation))
                if mark.required:
                    _require(shape, mark.path.split("/"))
    return shape


@cache
def element_fields(cls: type[Element]) -> tuple[str, ...]:
    """The fields that hold elements, one or several."""
    return tuple(name for name, info in cls.model_fields.items() if _names_element(info.annotation))


def _names_element(annotation: Any) -> bool:
    return bool(list(_elements_in(annotation)))


def _elements_in(annotation: Any) -> Iterator[type[Element]]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        if issubclass(annotation, Element):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _elements_in(part)


@cache
def may_have(cls: type[Element], wanted: type[Element]) -> bool:
    """Whether an element of one class can be one of another, or have such a one in it, at any depth.

    What completing fills in (a field that is not of the XML) does not count.
    """
    seen: set[type[Element]] = set()
    waiting = [cls]
    while waiting:
        here = waiting.pop()
        if issubclass(here, wanted):
            return True
        if here in seen:
            continue
        seen.add(here)
        if here.tag:
            waiting += here.choices.values()
        for info in here.model_fields.values():
            if not info.exclude:
                waiting += _elements_in(info.annotation)
    return False


@cache
def qemu_fields(cls: type[Element]) -> tuple[tuple[str, str], ...]:
    """The fields marked :class:`Qemu`, in the order in which the class has them."""
    return tuple(
        (name, mark.property)
        for name, info in cls.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, Qemu)
    )


def _claim(shape: Shape, steps: list[str], name: str, leaf: Any) -> None:
    step, rest = steps[0], steps[1:]
    if rest:
        child = shape.children.setdefault(step, Child(shape=Shape()))
        assert child.shape is not None, f"{name}: {step} is claimed as a whole and in parts"
        _claim(child.shape, rest, name, leaf)
    elif step == ".":
        shape.text = name
    elif step.startswith("@"):
        shape.attributes[step[1:]] = name
    elif step == "*":
        (base, _) = typing.get_args(leaf)
        for element, model in base.choices.items():
            shape.children[element] = Child(field=name, model=model, many=True)
    else:
        shape.children[step] = _child(name, leaf)


def _require(shape: Shape, steps: list[str]) -> None:
    for step in steps[:-1]:
        inner = shape.children[step].shape
        assert inner is not None, f"{step} is a model, which has fields that are required"
        shape = inner
    shape.required.append(steps[-1].removeprefix("@"))


def _child(name: str, leaf: Any) -> Child:
    many = typing.get_origin(leaf) is tuple
    if many:
        leaf = typing.get_args(leaf)[0]
    if isinstance(leaf, type) and issubclass(leaf, Element):
        return Child(field=name, model=leaf, many=many)
    if leaf is bool:
        return Child(field=name, flag=True)
    if leaf is Opaque:
        return Child(field=name, opaque=True)
    return Child(field=name, shape=Shape(text=name), many=many)


def leaf_type(annotation: Any) -> Any:
    """The type under ``X | None`` and ``Annotated``."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(arg for arg in typing.get_args(annotation) if arg is not type(None))
    if typing.get_origin(annotation) is typing.Annotated:
        return leaf_type(typing.get_args(annotation)[0])
    return annotation
