"""A failure that may pass is tried again, ever more seldom, and stands until that has ended."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from prober.capabilities.catalog import Catalog
from prober.errors import BinaryFailedError, LaunchError, ProtocolError, QemuTimeoutError, WorkError
from tests.unit.capabilities.asking import ID, Asker, catalog_settings, run_catalog, until
from tests.unit.capabilities.making import make_binary


def test_it_stands_until_it_has_passed(bin_dir: Path) -> None:
    asker = Asker(failure=QemuTimeoutError("it stands still"))

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.gate = asyncio.Event()
        await until(lambda: len(asker.asked) == 2)
        # Whoever asks meanwhile is told at once, and readiness does not flicker.
        with pytest.raises(BinaryFailedError, match="it stands still"):
            await catalog.capabilities(ID)
        (entry,) = catalog.entries()
        assert (entry.state, entry.error is not None) == ("failed", True)
        asker.failure = None
        asker.gate.set()
        await until(lambda: catalog.entries()[0].state == "ready")
        assert (await catalog.capabilities(ID)).version.major == 7
        await until(lambda: len(catalog.changes.latest(10).changes) == 2)
        assert [change.kind for change in catalog.changes.latest(10).changes] == ["failed", "changed"]
        asked = len(asker.asked)
        await asyncio.sleep(0.2)
        assert len(asker.asked) == asked

    run_catalog(catalog_settings(bin_dir, poll_s=0.02, retry_s=0.05), asker, body)


@pytest.mark.parametrize("failure", [LaunchError("no program"), ProtocolError("no QMP")])
def test_what_the_file_explains_is_not_tried_again(bin_dir: Path, failure: Exception) -> None:
    asker = Asker(failure=failure)

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        await asyncio.sleep(0.3)
        assert len(asker.asked) == 1

    run_catalog(catalog_settings(bin_dir, poll_s=0.02, retry_s=0.05), asker, body)


def test_ever_more_seldom(bin_dir: Path) -> None:
    asker, times = Asker(failure=WorkError("no process")), list[float]()
    asker.meanwhile = lambda: times.append(time.monotonic())

    async def body(_: Catalog) -> None:
        await until(lambda: len(times) == 5)

    run_catalog(catalog_settings(bin_dir, poll_s=0.01, retry_s=0.05), asker, body)
    for number, (before, after) in enumerate(itertools.pairwise(times)):
        assert after - before >= 0.05 * 2**number


def test_others_come_first_and_a_change_counts_at_once(bin_dir: Path) -> None:
    asker = Asker(failure=WorkError("no process"))

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.gate = asyncio.Event()
        other = make_binary(bin_dir, "qemu-system-other")
        await until(lambda: asker.asked[-1] == str(other))
        await asyncio.sleep(0.2)
        assert asker.asked[-1] == str(other), "the one that failed waits"
        asker.failure = None
        asker.gate.set()
        await until(lambda: all(entry.state == "ready" for entry in catalog.entries()))
        asker.failure = WorkError("no process")
        make_binary(bin_dir, text="another")
        with pytest.raises(BinaryFailedError, match="no process"):
            await catalog.capabilities(ID)

    run_catalog(catalog_settings(bin_dir, poll_s=0.02, retry_s=0.05), asker, body)


def test_an_interview_in_which_the_clock_is_set_back_counts_for_nothing(
    bin_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written meanwhile may bear an older date than its beginning.  The clock is set once, by an hour."""
    asker, ahead = Asker(), [0, -3600 * 10**9]
    monkeypatch.setattr("prober.capabilities.learner._ahead_ns", lambda: ahead[0])
    asker.meanwhile = lambda: ahead.pop(0) if len(ahead) > 1 else None

    async def body(catalog: Catalog) -> None:
        assert (await catalog.find(ID)).state == "ready"

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert len(asker.asked) == 2
