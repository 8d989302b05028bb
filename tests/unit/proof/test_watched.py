"""Steps are told to whoever watches, in whatever tasks the work is done, and to nobody else."""

from __future__ import annotations

import asyncio

from prober.errors import BusyError
from prober.proof.turns import ProofTurns
from prober.proof.watched import WorkStep, hidden_in_steps, step_watcher, tell_step, watch_steps
from tests.conftest import aio


def test_steps_of_tasks_that_are_started_are_told_and_those_of_others_are_not() -> None:
    async def one(name: str) -> list[str]:
        heard: list[WorkStep] = []
        watch_steps(heard.append)
        await asyncio.ensure_future(asyncio.sleep(0))
        await asyncio.ensure_future(_telling(name))
        await asyncio.to_thread(tell_step, "sent", what=name)
        return [step.what for step in heard]

    async def _telling(name: str) -> None:
        await asyncio.sleep(0)
        tell_step("command", what=name)

    async def both() -> None:
        tell_step("begins")
        assert [*await asyncio.gather(one("a"), one("b"))] == [["a", "a"], ["b", "b"]]
        assert step_watcher() is None

    aio(both())


def test_what_is_hidden_is_hidden_before_it_is_cut() -> None:
    async def work() -> list[str]:
        heard: list[WorkStep] = []
        watch_steps(heard.append)
        with hidden_in_steps(lambda text: text.replace("secret", "***")):
            tell_step("command", what="x" * 197 + "secret")
        tell_step("command", what="secret")
        return [step.what for step in heard]

    assert aio(work()) == ["x" * 197 + "***", "secret"]


def test_who_waits_for_a_turn_is_told_so() -> None:
    async def work() -> list[tuple[str, str]]:
        heard: list[tuple[str, str]] = []
        turns, gate = ProofTurns(1, 1), asyncio.Event()

        async def ask(who: str) -> None:
            watch_steps(lambda step: heard.append((who, step.name)))
            await turns.start(gate.wait)

        first = asyncio.ensure_future(ask("first"))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(ask("second"))
        await asyncio.sleep(0.01)
        try:
            await ask("third")
        except BusyError:
            heard.append(("third", "refused"))
        gate.set()
        await asyncio.gather(first, second)
        return heard

    assert aio(work()) == [
        ("first", "begins"),
        ("second", "waits"),
        ("third", "refused"),
        ("second", "begins"),
    ]
