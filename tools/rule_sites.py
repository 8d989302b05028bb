"""Where in the code the rules of elements and steps say what they say: sentences, with what stands around them.

Nothing is run: a sentence that was said is found again by the form that it has in the source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

_PROBER = Path(__file__).parent.parent / "prober"

#: The rooms that rules of elements and steps stand in.
_ROOMS = ("xml", "domain", "devices", "guest", "translate")

#: What says something, and the argument that is its sentence.
_SAYING = {"Broken": 1, "Unfit": 0, "Refusal": -1, "Note": -1, "wrong": -1}

#: What stands for a part of a sentence that hangs on what is refused.
HOLE = "…"

#: Where a fact is known from: a function or a file of libvirt or QEMU, as docstrings name it.
_SOURCE = re.compile(r"``((?:[\w.-]+/)+[\w.-]+\.[ch]|(?:vir|qemu)[A-Z]\w+|[\w-]+\.[ch])``")


class Site(NamedTuple):
    """A sentence in the source: its template, the field that it is about where that is written there (None: it hangs on
    something), the function with its docstring, and those of class and module."""

    sentence: str
    field: str | None
    function: str
    file: str
    docs: tuple[str, ...]

    def says(self, message: str) -> bool:
        """Whether a message is of this form."""
        pattern = _pattern(self.sentence)
        return pattern is not None and pattern.fullmatch(message) is not None

    @property
    def sources(self) -> list[str]:
        """The functions and files that the nearest docstring names."""
        return next((found for doc in self.docs if (found := list(dict.fromkeys(_SOURCE.findall(doc))))), [])


@cache
def _pattern(sentence: str) -> re.Pattern[str] | None:
    """The form of a sentence; None of one that is nothing but a hole."""
    if not sentence.strip(HOLE + " '"):
        return None
    return re.compile(".*?".join(map(re.escape, sentence.split(HOLE))), re.DOTALL)


def find_sites(message: str) -> list[Site]:
    """Those that say a message: of several the ones that have most of it in their source."""
    found = [site for site in all_sites() if site.says(message)]
    most = max((len(site.sentence.replace(HOLE, "")) for site in found), default=0)
    return [site for site in found if len(site.sentence.replace(HOLE, "")) == most]


@cache
def all_sites() -> tuple[Site, ...]:
    """All of them, in the order of the files."""
    paths = sorted(path for room in _ROOMS for path in (_PROBER / room).rglob("*.py"))
    return tuple(site for path in paths for site in _sites_of(path))


def _sites_of(path: Path) -> Iterator[Site]:
    module = ast.parse(path.read_text())
    yield from _below(module, str(path.relative_to(_PROBER.parent)), "", (_doc(module),))


def _below(node: ast.AST, file: str, function: str, docs: tuple[str, ...]) -> Iterator[Site]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = child.name if isinstance(child, ast.FunctionDef) else function
            if isinstance(child, ast.FunctionDef):
                yield from _said_in(child, file, (_doc(child), *docs))
            yield from _below(child, file, name, (_doc(child), *docs))
        else:
            yield from _below(child, file, function, docs)


def _said_in(function: ast.FunctionDef, file: str, docs: tuple[str, ...]) -> Iterator[Site]:
    names: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).extend(_templates(node.value, {}))
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _SAYING:
                said = _argument(node, _SAYING[name])
                field = _field(node) if name == "Broken" else None
                for sentence in _templates(said, names) if said is not None else ():
                    yield Site(sentence, field, function.name, file, tuple(doc for doc in docs if doc))
            case ast.Call(func=ast.Attribute(attr="refuse" | "_refuse") | ast.Name(id="refusal")):
                for argument in node.args:
                    for sentence in _templates(argument, names):
                        yield Site(sentence, None, function.name, file, tuple(doc for doc in docs if doc))


def _argument(call: ast.Call, place: int) -> ast.expr | None:
    keyword = next((one.value for one in call.keywords if one.arg == "message"), None)
    if keyword is not None:
        return keyword
    return call.args[place] if 0 <= place < len(call.args) else None


def _field(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _templates(node: ast.expr, names: dict[str, list[str]]) -> list[str]:
    """The sentences that an expression may be; a hole stands for what is worked out."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return ["".join(one.value if isinstance(one, ast.Constant) else HOLE for one in values)]  # type: ignore[misc]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [a + b for a in _templates(left, names) for b in _templates(right, names)]
        case ast.IfExp(body=body, orelse=other):
            return [*_templates(body, names), *_templates(other, names)]
        case ast.Name(id=name):
            return names.get(name, [])
        case _:
            return []


def _doc(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""
