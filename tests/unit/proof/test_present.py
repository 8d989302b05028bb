"""Whether what a line makes by name is there."""

from __future__ import annotations

from prober.proof.given import given_options
from prober.proof.layout import Layout
from prober.proof.present import not_there

_NODE = '{"driver":"null-co","node-name":"d"}'
_LINE = given_options(["q", "-device", "e1000,id=n", "-device", "e1000", "-blockdev", _NODE, "-chardev", "null,id=c"])


def layout(*paths: str) -> Layout:
    return Layout(live={"e1000": list(paths)})


def test_all_is_there() -> None:
    found = not_there(_LINE, layout("/machine/peripheral/n"), [{"node-name": "d"}], [{"label": "c"}])
    assert list(found) == []


def test_what_is_not_there_is_told() -> None:
    found = not_there(_LINE, layout(), [{"node-name": "e"}], [])
    assert [(one.flag, one.part, one.given) for one in found] == [
        ("-device", "id", "n"),
        ("-blockdev", "node-name", "d"),
        ("-chardev", "id", "c"),
    ]


def test_without_an_answer_nothing_is_missing() -> None:
    assert [one.flag for one in not_there(_LINE, layout(), None, None)] == ["-device"]


def test_what_was_left_out_is_not_missed() -> None:
    line = given_options(["q", "-device", "e1000,id=n"])
    line[0].is_left_out = True
    assert list(not_there(line, layout(), [], [])) == []
