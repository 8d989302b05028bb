"""What the XML of a class may hold: the names that its fields claim, at any depth."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prober.xml.binding import At, Element, Opaque, fields_of, per_class


@dataclass(slots=True)
class Shape:
    """What one XML element may hold."""

    attributes: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    children: dict[str, Child] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Child:
    """A claimed child element: an element's class (``many`` of them or one), a scalar, or a mere container."""

    field: str | None = None
    model: type[Element] | None = None
    many: bool = False
    flag: bool = False
    opaque: bool = False
    shape: Shape | None = None


@per_class
def shape_of(cls: type[Element]) -> Shape:
    """The shape of a class, from the marks on its fields."""
    shape = Shape()
    for name, of in fields_of(cls).items():
        for mark in of.marks:
            if isinstance(mark, At):
                _claim(shape, mark.path.split("/"), name, leaf_type(of.kind))
                if mark.required:
                    _require(shape, mark.path.split("/"))
    return shape


@per_class
def element_fields(cls: type[Element]) -> tuple[str, ...]:
    """The fields that hold elements, one or several."""
    return tuple(name for name, of in fields_of(cls).items() if any(True for _ in _elements_in(of.kind)))


def _elements_in(kind: Any) -> Iterator[type[Element]]:
    if isinstance(kind, type) and not typing.get_args(kind):
        if issubclass(kind, Element):
            yield kind
        return
    for part in typing.get_args(kind):
        yield from _elements_in(part)


@per_class
def may_have(cls: type[Element], wanted: type[Element]) -> bool:
    """Whether an element of one class can be one of another, or have such a one in it, at any depth.

    What completing fills in (a field that is not of the XML) does not count.
    """
    known: set[type[Element]] = set()
    waiting = [cls]
    while waiting:
        here = waiting.pop()
        if issubclass(here, wanted):
            return True
        if here in known:
            continue
        known.add(here)
        if here.tag:
            waiting += here.choices.values()
        for of in fields_of(here).values():
            if of.path is not None:
                waiting += _elements_in(of.kind)
    return False


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
        assert inner is not None, f"{step} is a class, which has fields that are required"
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


def leaf_type(kind: Any) -> Any:
    """The type under ``X | None`` and ``Annotated``."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(arg for arg in typing.get_args(kind) if arg is not type(None))
    if typing.get_origin(kind) is typing.Annotated:
        return leaf_type(typing.get_args(kind)[0])
    return kind
