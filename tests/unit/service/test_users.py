"""Whose connection is let go, whose turn it is, and how much is held for one client."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from prober.service.users import MOST_OF_ALL, MOST_OF_ONE, User, Users


class Made:
    """A connection that notes what becomes of it."""

    def __init__(self, *, is_answering: bool = False) -> None:
        self.is_answering = is_answering
        self.is_gone = False

    def shut_down(self) -> None:
        """Never asked for here."""
        raise AssertionError

    def abort(self) -> None:
        """It is let go."""
        self.is_gone = True


def enter(users: Users, uid: int, *, idle: bool = True, is_answering: bool = False) -> tuple[Made, User]:
    made = Made(is_answering=is_answering)
    client = users.enter(made, uid)
    if not idle:
        del client.idle[made]
    return made, client


def test_longest_idle_of_the_client_that_has_the_most_goes_first() -> None:
    users = Users(4)
    others, _ = enter(users, 1)
    first, hog = enter(users, 2)
    second, _ = enter(users, 2)
    del hog.idle[first]  # It asks, and is idle again.
    hog.idle[first] = None
    assert users.make_room()
    assert [others.is_gone, first.is_gone, second.is_gone] == [False, False, True]
    assert len(users) == 2


def test_where_the_most_are_in_use_an_idle_one_of_another_goes() -> None:
    users = Users(4)
    others, _ = enter(users, 1)
    for _ in range(3):
        _, hog = enter(users, 2, idle=False)
    assert users.make_room(hog)
    assert others.is_gone


def test_half_sent_request_of_who_has_more_than_half_gives_way_to_another() -> None:
    users = Users(4)
    answering, _ = enter(users, 2, idle=False, is_answering=True)
    half, _ = enter(users, 2, idle=False)
    _, hog = enter(users, 2, idle=False)
    assert not users.make_room(hog)
    _, newcomer = enter(users, 1, idle=False)
    assert users.make_room(newcomer)
    assert [answering.is_gone, half.is_gone] == [False, True]


def test_nobody_goes_where_all_are_answered() -> None:
    users = Users(2)
    enter(users, 2, idle=False, is_answering=True)
    enter(users, 2, idle=False, is_answering=True)
    _, newcomer = enter(users, 1, idle=False)
    assert not users.make_room(newcomer)


def test_leaving_twice_counts_once() -> None:
    users = Users(2)
    made, client = enter(users, 1)
    users.leave(made, client)
    users.leave(made, client)
    assert len(users) == 0


def test_work_of_one_does_not_come_before_that_of_another() -> None:
    asyncio.run(_work_of_two())


async def _work_of_two() -> None:
    users, done = Users(2), list[int]()
    _, hog = enter(users, 1)
    _, other = enter(users, 2)
    for _ in range(100):
        hog.run(partial(done.append, 1))
    other.run(partial(done.append, 2))
    before = done.index(2)
    assert before < 20
    while len(done) < 101:
        await asyncio.sleep(0)
    assert sorted(done) == [1] * 100 + [2]


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_held_is_bounded_for_one_and_for_all(number: int) -> None:
    users = Users(2)
    every = [enter(users, uid)[1] for uid in range(number)]
    most = min(MOST_OF_ONE, MOST_OF_ALL // number)
    assert all(client.hold(most) for client in every)
    assert not every[-1].hold(1)
    assert every[-1].hold(-1)


def test_longest_unread_answer_is_dropped_first() -> None:
    users = Users(2)
    first, client = enter(users, 1)
    second, _ = enter(users, 1)
    client.unread = {second: None, first: None}
    client.drop_unread()
    assert [first.is_gone, second.is_gone] == [False, True]
    client.drop_unread()
    client.drop_unread()
    assert first.is_gone
