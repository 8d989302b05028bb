"""Whose turn it is: users in turns, half of the workers for one while another waits, and an end to the queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.errors import BusyError
from prober.service.workers.turns import Ticket, Turns
from tests.conftest import aio


def with_loop(body: Callable[[], None]) -> None:
    """Tickets have futures, which belong to a loop."""

    async def go() -> None:
        body()

    aio(go())


def taken(turns: Turns) -> list[int]:
    """Whose turns come, one after the other, while none ends."""
    users = []
    while (ticket := turns.next()) is not None:
        turns.running[ticket.uid] += 1
        users.append(ticket.uid)
    return users


def test_users_take_turns_however_many_each_sends() -> None:
    def body() -> None:
        turns = Turns(2, 64, 1000)
        for uid in (1, 1, 1, 1, 2, 2, 3):
            turns.enter(Ticket(uid, 1))
        # The third user has had none when the first two have their share.
        assert taken(turns)[:3] == [1, 2, 3]

    with_loop(body)


def test_one_who_has_half_waits_while_another_does() -> None:
    def body() -> None:
        turns = Turns(4, 64, 1000)
        turns.running[1] = 2
        for uid in (1, 1, 2):
            turns.enter(Ticket(uid, 1))
        assert taken(turns) == [2, 1, 1]

    with_loop(body)


def test_one_alone_may_have_all() -> None:
    def body() -> None:
        turns = Turns(2, 64, 1000)
        for _ in range(2):
            turns.enter(Ticket(1, 1))
        assert taken(turns) == [1, 1]

    with_loop(body)


def test_who_has_more_than_half_wrongs_one_who_has_less() -> None:
    def body() -> None:
        turns = Turns(2, 64, 1000)
        turns.running[1] = 2
        mine, other = Ticket(1, 1), Ticket(2, 1)
        turns.enter(mine)
        turns.enter(other)
        assert (turns.is_wronged(mine), turns.is_wronged(other)) == (None, 1)
        turns.running[1] = 1
        assert turns.is_wronged(other) is None

    with_loop(body)


def test_queue_is_full_for_whoever_fills_it_and_not_for_others() -> None:
    def body() -> None:
        turns = Turns(2, 4, 1000)
        tickets = [Ticket(1, 1) for _ in range(4)]
        for ticket in tickets:
            turns.enter(ticket)
        with pytest.raises(BusyError):
            turns.enter(Ticket(1, 1))
        turns.enter(Ticket(2, 1))
        # The last of the one who had all gives way, and is told.
        assert isinstance(tickets[-1].turn.exception(), BusyError)
        assert [ticket.turn.done() for ticket in tickets] == [False, False, False, True]
        turns.enter(Ticket(2, 1))
        assert isinstance(tickets[-2].turn.exception(), BusyError)
        with pytest.raises(BusyError):
            turns.enter(Ticket(2, 1))
        assert len(turns) == 4

    with_loop(body)


def test_bytes_that_wait_are_bounded() -> None:
    def body() -> None:
        turns = Turns(2, 64, 1000)
        turns.enter(Ticket(1, 900))
        with pytest.raises(BusyError):
            turns.enter(Ticket(1, 200))
        turns.next()
        turns.enter(Ticket(1, 200))

    with_loop(body)


def test_a_turn_that_was_taken_away_comes_again_before_others_and_is_never_refused() -> None:
    def body() -> None:
        turns = Turns(2, 1, 1000)
        turns.enter(Ticket(1, 1))
        first = Ticket(1, 1, is_first=True)
        turns.enter(first)
        assert turns.next() is first

    with_loop(body)
