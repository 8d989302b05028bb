"""Tables: whole words at any width, and all of it where there is no end to the width."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.cli.commands import COMMANDS
from prober.cli.tables import lay_out_table
from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run
from tests.unit.cli.terminal import on_terminal

HEADERS = ["name", "of what"]
ROWS = [["a-long-name-of-something", "some words and some-more-words"], ["b", ""]]
NEW = FIXTURES / "qemu-10.0.13.replies.xz"


def test_a_pipe_has_it_as_wide_as_it_is() -> None:
    assert list(lay_out_table(HEADERS, ROWS)) == [
        "name                      of what",
        "a-long-name-of-something  some words and some-more-words",
        "b",
    ]


def test_words_wrap_where_they_fit_and_rows_stand_apart_where_they_do_not() -> None:
    assert list(lay_out_table(HEADERS, ROWS, 42, is_ruled=True)) == [
        "name                      of what",
        "─" * 42,
        "a-long-name-of-something  some words and",
        "                          some-more-words",
        "b",
    ]
    assert list(lay_out_table(HEADERS, ROWS, 30)) == [
        "a-long-name-of-something",
        "  of what  some words and",
        "           some-more-words",
        "b",
    ]


_WORDS = st.lists(st.text(alphabet="ab-/", max_size=12), max_size=5).map(" ".join)


# Whichever test draws first in a process waits a second or two while Hypothesis reads the constants of all modules.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_WORDS, _WORDS, _WORDS), max_size=6), st.integers(1, 60))
def test_no_word_is_broken_and_none_is_lost(rows: list[tuple[str, str, str]], width: int) -> None:
    drawn = list(lay_out_table(["x", "y", "z"], rows, width))
    words = [word for line in drawn for word in line.split()]
    wanted = [word for row in rows for cell in row for word in cell.split()]
    assert sorted(word for word in words if word not in "xyz") == sorted(wanted)
    longest = max([len(word) for word in wanted] or [1])
    assert max(map(len, drawn), default=0) <= max(width, longest + 7)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 200])
def test_a_wide_table_goes_by_what_the_terminal_has(columns: int) -> None:
    printed = on_terminal(columns, "show", "--replies", NEW, "cpus")
    plain = re.sub(r"\x1b\[[0-9;]*[mK]|\r", "", printed)
    assert max(map(len, plain.splitlines())) <= columns
    for name in ("Broadwell-IBRS", "Skylake-Client-noTSX-IBRS-x86_64-cpu", "tsc-deadline"):
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", plain)
    assert "\x1b[1mname" in printed or columns == 80


@pytest.mark.slow
def test_no_color_is_honoured_and_pipes_have_none(run: Run) -> None:
    assert "\x1b[" not in on_terminal(120, "config", "--config", "/dev/null", NO_COLOR="1")
    assert "\x1b[" not in on_terminal(120, "check-argv", "--help", NO_COLOR="1")
    assert "\x1b[1m" in on_terminal(120, "check-argv", "--help")
    assert "\x1b[" not in run("config", "--config", "/dev/null").out


@pytest.mark.parametrize("command", [row.name for row in COMMANDS if not row.within])
def test_no_option_is_broken_in_the_help_at_80_columns(run: Run, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    wanted = set(re.findall(r"^│[ *]+(--[a-z][\w-]+)", run(command, "--help").out, re.MULTILINE))
    assert "--help" in wanted
    monkeypatch.setenv("COLUMNS", "80")
    printed = run(command, "--help").out
    assert [one for one in wanted if not re.search(rf"(?<![\w-]){one}(?![\w-])", printed)] == []
    assert max(map(len, printed.splitlines())) <= 80
