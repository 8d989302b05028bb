"""How a class says which XML it reads: the base of every element, and the marks on its fields.

A field is bound to XML by :class:`At`, and to a QEMU property, where it is taken over one to one, by
:class:`Qemu`::

    class Memballoon(Device):
        element = "memballoon"
        autodeflate: Annotated[OnOff | None, At("@autodeflate"), Qemu("deflate-on-oom")] = None

Paths of ``At``, from the class's own element:

======================  ====================================================================
``@name``               an attribute
``.``                   the element's own text
``child``               a child element: its class, its text, or (with ``bool``) its presence
``child/@name``         an attribute of a child that has no class of its own; deeper likewise
``*``                   any of several child elements (a tuple of devices, see ``choices``)
======================  ====================================================================

A field whose type is a tuple of elements takes every child of that name, in order.  What no ``At`` claims
is refused by :mod:`prober.xml.reader`, so silence never means consent.  A field without ``At`` is none of the XML's:
completing fills it in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import get_annotations
from operator import attrgetter
from types import MappingProxyType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NoReturn,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Place

C = TypeVar("C", bound=Callable[..., Any])


def per_class(function: C) -> C:
    """Remembers what a function says of each class: :func:`functools.cache`, were it not that mypy takes no class for
    hashable."""
    return cast(C, cache(function))


#: The place of what no XML says: a default.
NOWHERE = Place(line=0, path="/domain")


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


class Opaque(str):
    """The type of a child element that is not looked into, as ``<metadata>``; the value is its name."""

    __slots__ = ()


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


@dataclass(slots=True, eq=False)
class PlacesBehind(Mapping[str, Place]):
    """The places of an element's fields, each under another name: that of the field is the value of ``fields``.

    Each is made when it is asked for.  ``others`` are places that are known; where a name is in both, they count.
    """

    of: Places
    fields: Mapping[str, str]
    others: Mapping[str, Place] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Place:
        other = self.others.get(name)
        return self.of.at(self.fields[name]) if other is None else other

    def __iter__(self) -> Iterator[str]:
        return iter({**self.fields, **self.others})

    def __len__(self) -> int:
        return len(self.fields.keys() | self.others.keys())

    def beside(self, others: Mapping[str, Place]) -> PlacesBehind:
        """The same with these others."""
        return PlacesBehind(self.of, self.fields, others)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Plain:
    """A plain object that nobody changes.

    A field that was not given is found on the class, as its default.  So one is made in a microsecond, whatever fields
    its class has.
    """

    def __init__(self, **values: Any) -> None:
        own: Any = type(self)
        known, required = _keywords(own)
        if not values.keys() <= known:
            raise TypeError(f"{own.__name__} has no {', '.join(sorted(values.keys() - known))}")
        if not required <= values.keys():
            missing = [name for name in field_names(own) if name in required and name not in values]
            raise TypeError(f"{own.__name__} needs {', '.join(missing)}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name}: an element is never changed; make another with replace()")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name}: an element is never changed")

    def __eq__(self, other: object) -> bool:
        """Whether it is of the same class and has the same in every field, be it given or not."""
        if type(other) is not type(self):
            return NotImplemented
        names = self.__dict__.keys() | other.__dict__.keys()
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items() if name not in _LINKS)
        return f"{type(self).__name__}({given})"


class Element(_Plain):
    """The base of everything that XML is read into; completing a domain makes new ones (:meth:`replace`).

    Nothing is converted or checked where one is made: the reader does that with the texts of the XML, and the types of
    the fields with the rest.  A keyword that the class has not, or one that is missing, raises TypeError.
    """

    #: For one element name that stands for several classes: the attribute that tells, and the classes.
    tag: ClassVar[str] = ""
    choices: ClassVar[Mapping[str, type[Element]]] = MappingProxyType({})

    places: Places = Places()

    def place(self, name: str = "") -> Place:
        """Where this element, or one of its fields, stands in the XML."""
        return self.places.at(name) if name else self.places.own

    def places_of(self, fields: Mapping[str, str]) -> PlacesBehind:
        """Where fields stand, each under another name: that of the field is the value."""
        return PlacesBehind(self.places, fields)

    def given(self, name: str) -> bool:
        """Whether the XML says something of this field."""
        return name in self.places.fields

    def replace(self, **changes: Any) -> Self:
        """A copy with these fields changed; the caller vouches for their names and types."""
        copy = object.__new__(type(self))
        own = copy.__dict__
        own.update(self.__dict__)
        own.update(changes)
        return copy

    def properties(self) -> list[Property]:
        """The fields marked :class:`Qemu` that have a value, each with the XML it came from."""
        values = _qemu_values(type(self))(self)
        if values.count(None) == len(values):
            return []  # as of most
        return [
            Property(qemu, value, self.places.at(name))
            for (name, qemu), value in zip(qemu_fields(type(self)), values, strict=True)
            if value is not None
        ]


#: Fields that are of no interest to whoever prints an element.
_LINKS: Final = ("places", "parent")


class Checked(Element):
    """An element with rules of its own."""

    def rules(self) -> Iterator[Broken]:
        """Each rule that does not hold, with the field that it is about; the reader asks, once it has read the
        element, and says where each is broken."""
        return iter(())

    def remarks(self) -> Iterator[Broken]:
        """What it says that nothing comes of, with the field that says so: it becomes a note, and not a refusal."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class: what it holds (``kind``, with all that converts it), what binds it, and its default."""

    kind: Any
    marks: tuple[At | Qemu | Becomes | Neutral, ...]
    default: Any
    is_required: bool

    @property
    def path(self) -> str | None:
        """Where it stands in the XML; None where it is none of the XML's."""
        return next((mark.path for mark in self.marks if isinstance(mark, At)), None)


@per_class
def field_names(cls: type[Element]) -> Mapping[str, type[Element]]:
    """The fields of a class, those of its bases first, each with the class that says what it is."""
    return MappingProxyType(
        {
            name: base
            for base in reversed(cls.__mro__)
            for name, annotation in get_annotations(base).items()
            if not str(annotation).startswith(("ClassVar", "typing.ClassVar"))
        }
    )


@per_class
def _keywords(cls: type[Element]) -> tuple[frozenset[str], frozenset[str]]:
    """What one of a class is made of: all its fields, and those that it cannot be made without."""
    names = field_names(cls)
    return frozenset(names), frozenset(name for name, base in names.items() if not _has_default(cls, name, base))


def _has_default(cls: type[Element], name: str, base: type[Element]) -> bool:
    """Whether the class that says what the field is, or one between, has a value for it: a field that is said anew
    without one is required, whatever those below it have."""
    return any(name in between.__dict__ for between in cls.__mro__[: cls.__mro__.index(base) + 1])


@per_class
def fields_of(cls: type[Element]) -> Mapping[str, Field]:
    """The fields of a class with all that their annotations say; worked out when the first of a class is read, as a
    domain has a few of the hundreds of classes."""
    return MappingProxyType({name: _field(cls, name, base) for name, base in field_names(cls).items()})


def _field(cls: type[Element], name: str, base: type[Element]) -> Field:
    annotation: Any = get_annotations(base)[name]
    if isinstance(annotation, str):
        annotation = eval(annotation, vars(sys.modules[base.__module__]))  # noqa: S307  # our own annotation
    marks: list[At | Qemu | Becomes | Neutral] = []
    if get_origin(annotation) is Annotated:
        kind, *others = get_args(annotation)
        marks = [mark for mark in others if isinstance(mark, At | Qemu | Becomes | Neutral)]
        others = [mark for mark in others if mark not in marks]
        annotation = Annotated[kind, *others] if others else kind
    has_default = _has_default(cls, name, base)
    return Field(annotation, tuple(marks), getattr(cls, name) if has_default else None, not has_default)


@per_class
def qemu_fields(cls: type[Element]) -> tuple[tuple[str, str], ...]:
    """The fields marked :class:`Qemu`, in the order in which the class has them, each with the property."""
    return tuple(
        (name, mark.property) for name, of in fields_of(cls).items() for mark in of.marks if isinstance(mark, Qemu)
    )


@per_class
def _qemu_values(cls: type[Element]) -> Callable[[Element], tuple[Any, ...]]:
    """What gets the values of these fields."""
    names = [name for name, _ in qemu_fields(cls)]
    # Of one name attrgetter() gives the value alone.
    return attrgetter(*names) if len(names) > 1 else lambda element: tuple(getattr(element, name) for name in names)
