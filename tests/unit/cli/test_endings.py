"""The exit codes of the commands: in the rows, in the help, on the page."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from prober.cli.commands import COMMANDS, Command
from prober.cli.endings import COMMON, ENDINGS
from prober.cli.exits import ExitCode
from tools.cli_page import PAGE, render_page

ROWS = {
    name: row
    for outer in COMMANDS
    for name, row in ((outer.name, outer), *((f"{outer.name} {inner.name}", inner) for inner in outer.within))
}


def test_each_command_has_its_endings() -> None:
    assert list(ENDINGS) == list(ROWS)
    known = {int(code) for code in ExitCode}
    assert all(set(own) <= known for own in ENDINGS.values())


def test_the_page_is_written_of_them() -> None:
    page = PAGE.read_text()
    assert render_page(page) == page


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.within])
def test_the_help_says_no_code_that_the_page_has_not(name: str) -> None:
    row: Command = ROWS[name]
    text = inspect.getdoc(getattr(importlib.import_module(row.module), row.function)) or ""
    told = " ".join(re.findall(r"Exit codes?: (.*?)(?:\n\n|\Z)", text, re.DOTALL))
    codes = {int(code) for code in re.findall(r"(?<![\w.-])([0-5])(?![\w.-])", told)}
    assert codes <= {*COMMON, *ENDINGS[name]}
    # And what is an answer of its own is in the help too.
    assert {code for code in ENDINGS[name] if code in (1, 3, 4)} <= codes
