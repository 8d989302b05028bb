"""The changes that are kept: what came after an id, and where that is no longer known."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities.changes import KEPT, ChangeLog
from tests.conftest import aio


def made(number: int) -> ChangeLog:
    changes = ChangeLog()
    for at in range(number):
        changes.add("changed", "qemu", f"/{at + 1}")
    return changes


def ident(changes: ChangeLog, number: int) -> str:
    return f"{changes.last.partition('-')[0]}-{number}"


def test_what_came_after_an_id() -> None:
    changes = made(5)
    news = changes.since(ident(changes, 3))
    assert [change.binary for change in news.changes] == ["/4", "/5"]
    assert (news.id, news.has_gap) == (changes.last, False)
    assert changes.since(changes.last) == ([], changes.last, False)
    assert [change.binary for change in changes.since(ident(changes, 0), 2).changes] == ["/1", "/2"]
    assert changes.since(ident(changes, 0), 2).id == ident(changes, 2)
    assert [change.binary for change in changes.latest(2).changes] == ["/4", "/5"]


def test_beyond_what_is_kept() -> None:
    changes = made(KEPT + 5)
    assert len(changes.since(ident(changes, 5)).changes) == KEPT
    assert changes.since(ident(changes, 4)) == ([], changes.last, True)


@pytest.mark.parametrize(
    "strange",
    ["", "x", "1-1", "-1", "18ec8d106763fdee-1", "a" * 5000, "{}-0{}", "{}--1", "{}-01", "{}-\u0661"],
)
def test_strange_ids_give_a_gap(strange: str) -> None:
    changes = made(1)
    epoch = changes.last.partition("-")[0]
    assert changes.since(strange.format(epoch, "0" * 20)).has_gap


def test_an_id_from_the_future_is_a_gap() -> None:
    changes = made(1)
    assert changes.since(ident(changes, 2)).has_gap


def test_a_change_that_cannot_be_told_takes_no_number() -> None:
    """Whoever waits for what comes after the last one would be woken for nothing, again and again."""
    changes = made(2)
    last = changes.last
    with pytest.raises(ValueError, match="colour"):
        changes.add("gone", "x", "/3", colour="red")
    assert changes.last == last
    changes.add("gone", "x", "/3")
    assert [change.binary for change in changes.since(last).changes] == ["/3"]


def test_two_lives_have_two_epochs() -> None:
    first, second = made(3), made(3)
    assert second.since(first.last).has_gap


@given(st.integers(0, 30), st.integers(1, 10))
def test_asking_on_and_on_gives_each_once(number: int, most: int) -> None:
    changes = made(number)
    at, seen = ident(changes, 0), []
    while (news := changes.since(at, most)).changes:
        assert not news.has_gap
        seen += [change.binary for change in news.changes]
        at = news.id
    assert seen == [f"/{at + 1}" for at in range(number)]


def test_waiting_ends_with_a_change_with_time_and_with_the_end() -> None:
    async def body() -> None:
        changes = made(2)
        await changes.wait(ident(changes, 1), 10)  # There is something already.
        await changes.wait(changes.last, 0.01)
        waiting = [asyncio.ensure_future(changes.wait(changes.last, 60)) for _ in range(3)]
        await asyncio.sleep(0)
        changes.add("gone", "qemu", "/3")
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        last = asyncio.ensure_future(changes.wait(changes.last, 60))
        await asyncio.sleep(0)
        changes.close()
        await asyncio.wait_for(last, 10)
        await changes.wait(changes.last, 60)

    aio(body())
