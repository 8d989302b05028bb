"""Each change of an answer is told, in order, with what differs in it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.changes import AnswerChange, DifferenceSummary
from prober.capabilities.summarize import count_difference
from prober.errors import LaunchError
from tests.conftest import aio
from tests.proc import children_of
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.capabilities.asking import ID, Asker, catalog_settings, run_catalog, until
from tests.unit.capabilities.making import make_binary, make_recording

pytestmark = pytest.mark.slow

V7, V8 = (7, 2, 22), (8, 0, 0)


async def told(catalog: Catalog, number: int) -> list[AnswerChange]:
    """The changes, once there are so many."""
    await until(lambda: len(catalog.changes.latest(100).changes) >= number)
    changes = catalog.changes.latest(100).changes
    assert len(changes) == number
    return changes


def test_each_change_is_told(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.answers[str(bin_dir / ID)] = make_recording(V8)
        make_binary(bin_dir, text="upgraded")
        await catalog.capabilities(ID)
        await told(catalog, 2)
        asker.failure = LaunchError("it does not start")
        make_binary(bin_dir, text="broken")
        await catalog.find(ID)
        await told(catalog, 3)
        await catalog.refresh(ID)  # Nothing else than before: no change.
        (bin_dir / ID).unlink()
        learned, changed, failed, gone = await told(catalog, 4)
        path = str(bin_dir / ID)
        assert (learned.kind, learned.before, learned.part, learned.difference) == ("learned", None, None, None)
        assert (learned.entry, learned.binary) == (ID, path)
        assert (changed.kind, changed.before, changed.part) == ("changed", learned.now, "file")
        assert changed.said == f"size of {path}: was 3, is 8"
        assert changed.difference == DifferenceSummary(before="7.2.22", now="8.0.0", counts={})
        assert (failed.kind, failed.before, failed.part) == ("failed", changed.now, "file")
        assert "it does not start" in failed.said
        assert (gone.kind, gone.before, gone.now, gone.part) == ("gone", failed.now, None, "file")
        assert [change.id.partition("-")[2] for change in (learned, changed, failed, gone)] == ["1", "2", "3", "4"]

    run_catalog(catalog_settings(bin_dir, poll_s=0.05), asker, body)


def test_what_differs_is_counted_in_another_process() -> None:
    async def body() -> None:
        before, now = (
            load_capabilities(FIXTURES / name) for name in ("qemu-7.2.22.replies.xz", "qemu-10.0.13.replies.xz")
        )
        summary = await count_difference(before, now)
        assert summary is not None
        assert (summary.before, summary.now) == ("7.2.22", "10.0.13")
        assert summary.counts["machines"]["added"] > 5
        assert await count_difference(now, now) == DifferenceSummary(before="10.0.13", now="10.0.13", counts={})

    aio(body())


def test_that_process_may_fail(
    bin_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the change is told without it, and the next one as ever."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        make_binary(bin_dir, text="upgraded")
        await catalog.capabilities(ID)
        _, changed = await told(catalog, 2)
        assert (changed.kind, changed.difference) == ("changed", None)
        make_binary(bin_dir, text="once more")
        await catalog.capabilities(ID)
        await told(catalog, 3)

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert "what differs in a binary cannot be told" in caplog.text


def test_that_process_is_gone_when_it_is_no_longer_wanted() -> None:
    async def body() -> None:
        capabilities = Capabilities.from_recording(make_recording())
        before = set(children_of(os.getpid()))
        task = asyncio.ensure_future(count_difference(capabilities, capabilities))
        await until(lambda: bool(set(children_of(os.getpid())) - before) or task.done())
        task.cancel()
        await asyncio.wait([task])
        assert set(children_of(os.getpid())) <= before

    aio(body())


def test_that_process_is_gone_also_for_who_gives_up_twice() -> None:
    async def body() -> None:
        capabilities = Capabilities.from_recording(make_recording())
        before = set(children_of(os.getpid()))
        task = asyncio.ensure_future(count_difference(capabilities, capabilities))
        await until(lambda: bool(set(children_of(os.getpid())) - before) or task.done())
        await asyncio.sleep(0.05)  # It has been started.
        task.cancel()
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert set(children_of(os.getpid())) <= before

    aio(body())


def test_few_old_answers_are_kept_for_it(bin_dir: Path) -> None:
    """Whoever works out differences slowly does not make answers pile up that nobody uses."""
    names = [f"qemu-system-{number}" for number in range(7)]
    for name in names:
        make_binary(bin_dir, name)
    gate, running = asyncio.Event(), 0

    async def slow(_: Capabilities, __: Capabilities) -> DifferenceSummary | None:
        nonlocal running
        running += 1
        await gate.wait()
        return DifferenceSummary(before="", now="", counts={})

    settings = catalog_settings(bin_dir, cache_dir=None)

    async def go() -> None:
        async with Catalog(settings, interviewer=Asker(), summarize=slow) as catalog:
            await catalog.settled()
            await told(catalog, 8)
            for name in names:
                make_binary(bin_dir, name, text="upgraded")
            await asyncio.gather(*(catalog.capabilities(name) for name in names))
            assert running == 1
            gate.set()
            changes = await told(catalog, 15)
            with_difference = [change for change in changes if change.difference is not None]
            assert 1 <= len(with_difference) <= 5

    aio(go())
