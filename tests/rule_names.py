"""Which rules of elements the source can give: read, and not run.

An element's ``rules`` (and what else it says of itself) is followed through the functions that it calls, and each field
that a :class:`~prober.commandline.refusal.Broken` is made of is taken down: written there, or in what a loop goes
through.  A field that is worked out in another way is not found; of those the examples tell.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from prober.commandline.refusal import rule_of_field
from prober.devices.rows import READ_AS
from prober.xml.binding import Element, fields_of
from prober.xml.shape import Shape, shape_of

#: The namespace of QEMU's elements, as a reader gives it.
_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"

#: What an element says of itself, alone and in a domain.
_METHODS = ("rules", "remarks", "machine_rules", "domain_rules")

#: The rooms whose functions are followed, and how deep.
_ROOMS, _DEEP = ("devices", "domain", "guest"), 6

_Function = Callable[..., Any]


def element_rules() -> set[str]:
    """The name of each."""
    return {
        rule_of_field(tag.replace("qemu:", _QEMU), field)
        for tag, cls in _elements(READ_AS, "domain", set())
        for name in _METHODS
        if inspect.isfunction(method := getattr(cls, name, None))
        for field in _fields(method, cls, ())
        if not field or field in fields_of(cls)
    }


def _elements(
    cls: type[Element], tag: str, seen: set[tuple[type[Element], str]]
) -> Iterator[tuple[str, type[Element]]]:
    """Each class, by the name of the element that it is read from."""
    if (cls, tag) in seen:
        return
    seen.add((cls, tag))
    if cls.tag:
        for choice in cls.choices.values():
            yield from _elements(choice, tag, seen)
        return
    yield tag, cls
    yield from _below(shape_of(cls), seen)


def _below(shape: Shape, seen: set[tuple[type[Element], str]]) -> Iterator[tuple[str, type[Element]]]:
    for name, child in shape.children.items():
        if child.model is not None:
            yield from _elements(child.model, name, seen)
        if child.shape is not None:
            yield from _below(child.shape, seen)


@cache
def _tree(function: _Function) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _fields(function: _Function, cls: type[Element], through: tuple[_Function, ...]) -> Iterator[str]:
    if function in through or len(through) > _DEEP:
        return
    loops = _loops(function)
    for node in ast.walk(_tree(function)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "Broken":
            if not any(keyword.arg == "rule" for keyword in node.keywords):
                yield from _texts(node.args[0], loops)
        elif (called := _called(node.func, function, cls)) is not None:
            yield from _fields(called, cls, (*through, function))


def _texts(node: ast.expr, loops: dict[str, set[str]]) -> set[str]:
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return _texts(body, loops) | _texts(other, loops)
        case ast.Name(id=name):
            return loops.get(name, set())
        case _:
            return set()


def _loops(function: _Function) -> dict[str, set[str]]:
    """The texts that a loop's variable goes through."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.For | ast.comprehension):
            for name, text in _gone_through(node.target, _items(node.iter, function)):
                found.setdefault(name, set()).add(text)
    return found


def _items(node: ast.expr, function: _Function) -> list[Any]:
    """What is gone through, where that is written there or at the top of the module."""
    if isinstance(node, ast.Tuple | ast.List):
        return [one.value if isinstance(one, ast.Constant) else _constants(one) for one in node.elts]
    base = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    known = function.__globals__.get(base.id) if isinstance(base, ast.Name) else None
    if isinstance(known, dict):
        return list(known.items()) if base is not node else list(known)
    return list(known) if isinstance(known, tuple | list | set | frozenset) else []


def _constants(node: ast.expr) -> tuple[Any, ...]:
    parts = node.elts if isinstance(node, ast.Tuple) else []
    return tuple(part.value if isinstance(part, ast.Constant) else None for part in parts)


def _gone_through(target: ast.expr, items: list[Any]) -> Iterator[tuple[str, str]]:
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    for item in items:
        parts = item if isinstance(target, ast.Tuple) and isinstance(item, tuple) else (item,)
        for name, part in zip(names, parts, strict=False):
            if isinstance(name, ast.Name) and isinstance(part, str):
                yield name.id, part


def _called(node: ast.expr, function: _Function, cls: type[Element]) -> _Function | None:
    """The function of prober's own that is called: by its name, on itself, or on what is above."""
    found: Any = None
    match node:
        case ast.Name(id=name):
            found = function.__globals__.get(name)
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            found = inspect.getattr_static(cls, name, None)
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
            above = (vars(base).get(name) for base in cls.__mro__)
            found = next((one for one in above if inspect.isfunction(one) and one is not function), None)
    is_own = inspect.isfunction(found) and found.__module__.startswith(tuple(f"prober.{room}" for room in _ROOMS))
    return found if is_own else None
