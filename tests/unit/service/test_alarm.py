"""A timer that is started and stopped again and again."""

from __future__ import annotations

import asyncio

from prober.service.alarm import Alarm


def test_it_calls_back_once() -> None:
    async def count() -> tuple[list[str], bool]:
        alarm, calls = Alarm(), list[str]()
        alarm.start(0.01, lambda: calls.append("first"))
        alarm.start(0.01, lambda: calls.append("second"))
        assert alarm.runs
        await asyncio.sleep(0.05)
        return calls, alarm.runs

    assert asyncio.run(count()) == (["second"], False)


def test_it_does_not_call_back_once_it_is_stopped() -> None:
    async def count() -> list[int]:
        alarm, calls = Alarm(), list[int]()
        alarm.start(0.01, lambda: calls.append(1))
        alarm.stop()
        alarm.stop()
        await asyncio.sleep(0.05)
        return calls

    assert asyncio.run(count()) == []
