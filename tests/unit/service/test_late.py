"""What the service puts off, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prober.capabilities.catalog import Catalog
from prober.errors import BusyError, UnknownBinaryError
from prober.service.late import Late
from prober.service.questions import ArgvBody, ProofQuestion, WorkAsker
from prober.service.settings import ServiceSettings
from prober.service.workers.pool import PoolSettings, WorkerPool
from tests.conftest import aio
from tests.unit.capabilities.asking import Asker
from tests.unit.service.running import make_settings, shared_nursery

pytestmark = pytest.mark.slow

#: Longer than anything here takes on a busy machine.
LONG = 60.0


@asynccontextmanager
async def stopped(settings: ServiceSettings) -> AsyncIterator[tuple[Late, WorkerPool]]:
    """With its worker stopped: what it is asked waits."""
    pool = WorkerPool(shared_nursery(), PoolSettings(workers=1, work_s=10 * LONG))
    late = Late(Catalog(settings.catalog, interviewer=Asker()), settings, pool)
    try:
        await late.load()
        for pid in pool.pids():
            os.kill(pid, signal.SIGSTOP)
        yield late, pool
    finally:
        await late.close()


def test_who_waits_for_the_description_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def go() -> None:
        async with stopped(make_settings(tmp_path)) as (late, pool):
            working = asyncio.ensure_future(pool.ask({"do": "words", "declared": ""}, b"a", WorkAsker(1)))
            waiting = asyncio.ensure_future(late.describe())
            async with asyncio.timeout(LONG):
                while not (pool.figures.busy and pool.figures.waiting):
                    await asyncio.sleep(0.01)
                await late.close()
                said = await asyncio.gather(working, waiting, return_exceptions=True)
            assert [type(one) for one in said] == [BusyError, BusyError]

    aio(go(), debug=False)


def test_a_prover_of_earlier_settings_goes_with_its_last_question(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    question = ProofQuestion("nobody", argv=ArgvBody(b'["qemu"]', "application/json"))

    async def go() -> None:
        async with stopped(settings) as (late, pool):
            asking = asyncio.ensure_future(late.prove(question, WorkAsker(1)))
            async with asyncio.timeout(LONG):
                while not late._proving:
                    await asyncio.sleep(0.01)
                for most in (2, 3):
                    await late.adopt(settings.model_copy(update={"max_proofs": most}))
                    assert late._proving.total() == len(late._retired) == 1
                for pid in pool.pids():
                    os.kill(pid, signal.SIGCONT)
                with pytest.raises(UnknownBinaryError):
                    await asking
            assert not late._proving
            assert not late._retired

    aio(go(), debug=False)
