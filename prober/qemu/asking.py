"""Many questions to one QEMU that runs already, all in flight at once, and their answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from prober.qemu.questions import Question
from prober.qemu.recording import Exchange
from prober.qemu.session import Session


async def ask_all(session: Session, questions: Sequence[Question]) -> list[Exchange]:
    """The answers, in the order of the questions; an error of QEMU's is an answer.

    :raise ExitedError: when the QEMU ended.
    :raise QemuError: for all else that it does wrong.
    """
    if not questions:
        return []
    waiting = deque(questions)
    answers: dict[Question, Exchange] = {}
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take() -> Question | None:
        return waiting.popleft() if waiting else None

    def answered(question: Question, exchange: Exchange) -> None:
        answers[question] = exchange
        if len(answers) == len(questions) and not over.done():
            over.set_result(None)

    await session.converse(take, answered, over)
    return [answers[question] for question in questions]
