"""What prober promises as a library is written down, and a change of it is noticed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import get_args, get_type_hints

import pytest

import prober
from tests.conftest import CHECKOUT
from tests.public_names import public_names

WRITTEN = CHECKOUT / "tests" / "public-names.txt"


@pytest.mark.slow
def test_names_and_signatures_are_those_that_are_written() -> None:
    told = public_names()
    if os.environ.get("PROBER_REWRITE_CASES") == "1":
        WRITTEN.write_text(told)
    assert told == WRITTEN.read_text(), "a promise changed: PROBER_REWRITE_CASES=1 writes it, CHANGELOG.md tells of it"


def test_the_stub_says_the_same() -> None:
    tree = ast.parse((CHECKOUT / "prober" / "__init__.pyi").read_text())
    told = {
        one.asname: f"{node.module}:{one.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for one in node.names
    }
    assert told == {name: where if ":" in where else f"{where}:{name}" for name, where in prober._PUBLIC.items()}


@pytest.mark.parametrize("name", sorted(prober._PUBLIC))
def test_each_is_there_and_no_package_stands_in_its_place(name: str) -> None:
    module, _, own = prober._PUBLIC[name].partition(":")
    assert getattr(prober, name) is getattr(import_module(module), own or name)
    assert not (CHECKOUT / "prober" / name).exists()
    assert not (CHECKOUT / "prober" / f"{name}.py").exists()
    assert name in dir(prober)


def test_importing_it_imports_nothing() -> None:
    said = "import prober, sys; print([name for name in sys.modules if name.startswith(('prober.', 'pydantic'))])"
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert ended.stdout == "[]\n"


def classes_in(annotation: object) -> Iterator[type]:
    """Those that a type hint names."""
    if isinstance(annotation, type):
        yield annotation
    for part in get_args(annotation):
        yield from classes_in(part)


@pytest.mark.parametrize("name", sorted(prober._PUBLIC))
def test_what_a_public_function_takes_is_public(name: str) -> None:
    found = getattr(prober, name)
    if isinstance(found, type):
        return
    named = [one for hint in get_type_hints(found).values() for one in classes_in(hint)]
    ours = {one.__name__ for one in named if one.__module__.startswith("prober.")}
    # What compare_for gives is read, and not made.
    assert ours - set(prober._PUBLIC) <= {"DomainDifference", "Uses"}


def test_what_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = prober.nothing  # type: ignore[attr-defined]
