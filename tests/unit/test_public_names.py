"""What prober promises as a library is written down, and a change of it is noticed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module

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


def test_what_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = prober.nothing  # type: ignore[attr-defined]
