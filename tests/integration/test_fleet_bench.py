"""A short form of ``make bench-fleet``: that it measures, and not what comes of it on a busy machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fleet_bench.__main__ import print_table, run
from tests.fleet_bench.figures import Figure, in_seconds, share_of
from tests.fleet_bench.measuring import Form

#: What is measured, in the order of the table.
NAMES = (
    "yardstick",
    "500 hosts, 4 builds, 20 variants written",
    "they take in the store",
    "the same with sync_interval: always",
    "reader started cold on that",
    "its memory then",
    "change on a host",
    "can, XML never seen",
    "can, remembered, without the list",
    "can, remembered, with 20 names",
    "heartbeats of 500 hosts",
    "upgrade with 5 domains",
    "ten times the hosts, can remembered",
    "ten times the hosts, can never seen",
    "its memory at the end",
)


@pytest.mark.slow
@pytest.mark.needs("setpriv")
def test_a_small_fleet_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fleet_bench.__main__._place", lambda: str(tmp_path))
    form = Form(hosts=500, seconds=0.5, new=2, again=5, upgraded=5, builds_each=1)
    figures = run(form)
    print_table(figures)  # Shown with what failed.
    assert [figure.name[: len(name)] for figure, name in zip(figures, NAMES, strict=True)] == list(NAMES)
    assert {figure.is_met for figure in figures} == {None}
    by_name = {figure.name: figure for figure in figures}
    assert "; 4 translations; " in by_name["can, XML never seen"].note
    assert list(tmp_path.iterdir()) == []
    assert all(_number(figure) > 0 for figure in figures)


def _number(figure: Figure) -> float:
    """The first number of what was measured."""
    found = re.search(r"\d[\d,]*\.?\d*", figure.measured.removeprefix("p99 "))
    assert found, figure
    return float(found[0].replace(",", ""))


def test_what_so_many_of_a_hundred_are_at_most() -> None:
    assert [share_of([3.0, 1.0, 2.0], part) for part in (0, 34, 50, 67, 99)] == [1.0, 2.0, 2.0, 3.0, 3.0]
    assert share_of([float(one) for one in range(1, 201)], 99) == 198.0


def test_hardly_any_seconds_are_not_none() -> None:
    assert [in_seconds(one) for one in (0.0001, 0.314, 1.04, 1234.0)] == ["0.01 s", "0.32 s", "1.0 s", "1,234.0 s"]
