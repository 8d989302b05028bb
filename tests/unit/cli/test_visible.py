"""What somebody else made up is printed as text: it does not speak to the terminal."""

from __future__ import annotations

import pytest

from prober.cli import output
from prober.cli.output import visible


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain\n\ttext äöü 你", "plain\n\ttext äöü 你"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J\r\x7f", "\\x9b2J\\r\\x7f"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
    ],
)
def test_what_speaks_to_a_terminal_is_written_as_an_escape(text: str, printed: str) -> None:
    assert visible(text) == printed


def test_complaints_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    output.complain("no machine '\x1b[2J'", "try \x1b]8;;x\x07")
    assert capsys.readouterr().err == "prober: no machine '\\x1b[2J'\nhint: try \\x1b]8;;x\\x07\n"
