"""All that the models claim of the XML, for the tests that hold something against all of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from prober.domain.domain import Domain
from prober.xml.binding import Element, fields_of
from prober.xml.shape import Shape, shape_of


def claimed_fields(cls: type[Element] = Domain) -> set[tuple[str, str]]:
    """Every (declaring class, field) that is bound to XML, from the classes that the domain is made of."""
    found: set[tuple[str, str]] = set()
    waiting, seen = [cls], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        waiting.extend(current.choices.values() if current.tag else _models_in(shape_of(current)))
        if not current.tag:
            for name, of in fields_of(current).items():
                if of.path not in (None, "*"):
                    found.add((_declaring(current, name), name))
    return found


def _declaring(cls: type[Element], name: str) -> str:
    """The class that says what a field is: what is inherited is the same thing everywhere."""
    return next(base.__name__ for base in cls.__mro__ if name in inspect.get_annotations(base))


def _models_in(shape: Shape) -> Iterator[type[Element]]:
    for child in shape.children.values():
        if child.model is not None:
            yield child.model
        if child.shape is not None:
            yield from _models_in(child.shape)


def given_fields(element: Element) -> Iterator[tuple[str, str]]:
    """Every (declaring class, field) that one XML gave."""
    for name in element.places.fields:
        yield _declaring(type(element), name), name
    for name in fields_of(type(element)):
        value = getattr(element, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Element):
                yield from given_fields(item)
