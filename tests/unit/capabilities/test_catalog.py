"""The catalog: each binary asked once, asked again when anything changed, and nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.capabilities.catalog import Catalog
from prober.errors import BinaryFailedError, LaunchError, UnknownBinaryError
from prober.qemu.recording import Exchange, Part, Recording
from tests.unit.capabilities.asking import ID, Asker, catalog_settings, run_catalog, until
from tests.unit.capabilities.making import make_binary, make_recording


def test_asked_once_by_many(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        path = str(bin_dir / ID)
        all_of_them = await asyncio.gather(*(catalog.capabilities(name) for name in [ID, path] * 50))
        assert len({id(capabilities) for capabilities in all_of_them}) == 1
        entry = await catalog.find(ID)
        assert (entry.state, str(entry.version), entry.targets) == ("ready", "7.2.22", ("x86_64",))
        assert (entry.seconds, entry.timings, entry.source) == (0.5, {"types": 0.25}, "interview")

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert asker.asked == [str(bin_dir / ID)]


def test_first_asker_goes_away(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        first = asyncio.create_task(catalog.capabilities(ID))
        second = asyncio.create_task(catalog.capabilities(ID))
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        asker.gate.set()
        assert (await second).version.major == 7

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert len(asker.asked) == 1


def test_failure_is_remembered_until_something_changes(bin_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    asker = Asker(failure=LaunchError("it does not start", hint="look at it"))

    async def body(catalog: Catalog) -> None:
        for _ in range(3):
            with pytest.raises(BinaryFailedError, match="it does not start") as caught:
                await catalog.capabilities(ID)
            assert caught.value.hint == "look at it"
        assert len(asker.asked) == 1
        entry = await catalog.find(ID)
        assert (entry.state, entry.hint) == ("failed", "look at it")
        assert entry.fingerprint is not None
        asker.failure = None
        make_binary(bin_dir, text="repaired")
        assert (await catalog.capabilities(ID)).version.major == 7
        assert len(asker.asked) == 2

    caplog.set_level(logging.INFO)
    run_catalog(catalog_settings(bin_dir), asker, body)
    assert "is asked again: size of" in caplog.text


def test_failure_is_forgotten_by_refresh_and_restart(bin_dir: Path) -> None:
    asker = Asker(failure=LaunchError("no"))

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.failure = None
        assert (await catalog.refresh(ID)).state == "ready"

    run_catalog(catalog_settings(bin_dir, cache_dir=None), asker, body)
    asker.failure = LaunchError("no")
    run_catalog(catalog_settings(bin_dir), asker)
    asker.failure = None
    run_catalog(catalog_settings(bin_dir), asker)
    assert len(asker.asked) == 4


def test_change_is_seen_at_the_next_use(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        assert (await catalog.capabilities(ID)).version.major == 7
        asker.answers[str(bin_dir / ID)] = make_recording((8, 0, 0))
        make_binary(bin_dir, text="a new one")
        assert (await catalog.capabilities(ID)).version.major == 8

    run_catalog(catalog_settings(bin_dir), asker, body)


def test_change_starts_an_interview_before_anyone_asks(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        make_binary(bin_dir, text="a new one")
        await until(lambda: len(asker.asked) == 2)
        await catalog.settled()
        assert catalog.entries()[0].state == "ready"

    run_catalog(catalog_settings(bin_dir, poll_s=0.02), asker, body)
    assert len(asker.asked) == 2


@pytest.mark.parametrize("place", ["bin", "later/bin"])
def test_binary_that_comes_is_noticed(bin_dir: Path, place: str) -> None:
    """By any name, also in a directory that is not there yet; the kernel tells of it, and nobody looks."""
    path = bin_dir.parent / place / "my-kvm"
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        assert (await catalog.find("my-kvm")).state == "failed"
        await asyncio.sleep(0.05)  # The watcher begins when all are found.
        make_binary(path.parent, path.name)
        await until(lambda: str(path) in asker.asked)

    run_catalog(catalog_settings(bin_dir, paths=(path,)), asker, body)


def test_change_that_only_a_full_look_sees(bin_dir: Path, tmp_path: Path) -> None:
    """A module that is changed through a hard link from elsewhere: the watcher finds it, and uses follow."""
    modules = tmp_path / "lib/qemu"
    modules.mkdir(parents=True)
    (modules / "ui.so").write_text("old")
    (tmp_path / "other.so").hardlink_to(modules / "ui.so")
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        (tmp_path / "other.so").write_text("newer")
        await until(lambda: len(asker.asked) == 2)
        await catalog.settled()
        assert len(asker.asked) == 2

    run_catalog(catalog_settings(bin_dir, poll_s=0.02), asker, body)


def test_interview_during_which_the_binary_changed_does_not_count(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        entry = await catalog.find(ID)
        assert len(asker.asked) == 2
        assert entry.fingerprint is not None
        assert entry.fingerprint.file.size == len("upgraded")

    def change_once() -> None:
        if len(asker.asked) == 1:
            make_binary(bin_dir, text="upgraded")

    asker.meanwhile = change_once
    run_catalog(catalog_settings(bin_dir), asker, body)


def test_binary_that_never_holds_still(bin_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a while, which is a minute, for an upgrade that takes its time."""
    monkeypatch.setattr("prober.capabilities.learner._UPGRADE_S", 0.5)
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="changes"):
            await catalog.capabilities(ID)

    asker.meanwhile = lambda: make_binary(bin_dir, text="x" * len(asker.asked))
    run_catalog(catalog_settings(bin_dir), asker, body)
    assert 3 <= len(asker.asked) < 10


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 2])
def test_so_many_interviews_at_once(bin_dir: Path, limit: int) -> None:
    for number in range(5):
        make_binary(bin_dir, f"qemu-system-{number}")
    asker = Asker()
    run_catalog(catalog_settings(bin_dir, max_interviews=limit), asker)
    assert len(asker.asked) == 6
    assert asker.most == limit


def test_binaries_come_and_go(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        new = make_binary(bin_dir, "qemu-system-aarch64")
        await until(lambda: str(new) in asker.asked)
        assert (await catalog.find("qemu-system-aarch64")).state == "ready"
        new.unlink()
        with pytest.raises((UnknownBinaryError, BinaryFailedError)):
            await catalog.capabilities("qemu-system-aarch64")
        await until(lambda: [entry.id for entry in catalog.entries()] == [ID])
        with pytest.raises(UnknownBinaryError, match="aarch64") as caught:
            await catalog.find("qemu-system-aarch64")
        assert ID in caught.value.hint
        await until(lambda: not any("aarch64" in path.name for path in (bin_dir.parent / "cache").iterdir()))

    run_catalog(catalog_settings(bin_dir, poll_s=0.02), asker, body)


def test_binary_that_goes_while_it_is_asked(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        waiter = asyncio.create_task(catalog.capabilities(ID))
        await until(lambda: asker.running == 1)
        (bin_dir / ID).unlink()
        with pytest.raises(BinaryFailedError, match="no longer in the catalog"):
            await waiter
        assert asker.running == 0

    run_catalog(catalog_settings(bin_dir, poll_s=0.02), asker, body)


def test_cache_spares_the_interview(bin_dir: Path) -> None:
    asker = Asker()
    run_catalog(catalog_settings(bin_dir), asker)

    async def body(catalog: Catalog) -> None:
        [entry] = catalog.entries()  # Ready at once: the cache was read on entering.
        assert (entry.state, entry.source, entry.seconds) == ("ready", "cache", 0.5)

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert len(asker.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda cache, binary: make_binary(binary.parent, text="changed"),
        lambda cache, binary: [path.write_bytes(b"damaged") for path in cache.iterdir()],
        lambda cache, binary: shutil.rmtree(cache),
    ],
    ids=["the binary changed", "the entry is damaged", "the cache is gone"],
)
def test_cache_that_does_not_hold(bin_dir: Path, change: Callable[[Path, Path], object]) -> None:
    asker = Asker()
    run_catalog(catalog_settings(bin_dir), asker)
    change(bin_dir.parent / "cache", bin_dir / ID)
    run_catalog(catalog_settings(bin_dir), asker)
    assert len(asker.asked) == 2
    run_catalog(catalog_settings(bin_dir), asker)
    assert len(asker.asked) == 2


def test_without_cache_the_answer_is_there_all_the_same(bin_dir: Path) -> None:
    (bin_dir.parent / "file").write_text("")
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        assert (await catalog.capabilities(ID)).version.major == 7

    run_catalog(catalog_settings(bin_dir, cache_dir=bin_dir.parent / "file/cache"), asker, body)


def test_accelerator_is_part_of_the_answer(bin_dir: Path) -> None:
    asker = Asker()
    run_catalog(catalog_settings(bin_dir), asker)
    run_catalog(catalog_settings(bin_dir, accel="tcg"), asker)
    assert len(asker.asked) == 2


def test_refresh_asks_again_and_joins(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        before = await catalog.capabilities(ID)
        entries = await asyncio.gather(*(catalog.refresh(ID) for _ in range(5)))
        assert {entry.state for entry in entries} == {"ready"}
        assert len(asker.asked) == 2
        assert await catalog.capabilities(ID) is not before

    run_catalog(catalog_settings(bin_dir), asker, body)


def test_answer_holds_while_it_is_refreshed(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.gate = asyncio.Event()
        refresh = asyncio.create_task(catalog.refresh(ID))
        await until(lambda: asker.running == 1)
        async with asyncio.timeout(1):
            assert (await catalog.capabilities(ID)).version.major == 7
        assert catalog.entries()[0].state == "asking"
        asker.gate.set()
        assert (await refresh).state == "ready"

    run_catalog(catalog_settings(bin_dir), asker, body)


def test_fault_of_our_own_is_a_failure_too(bin_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    asker = Asker(failure=ZeroDivisionError("oops"))

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="a fault in prober itself"):
            await catalog.capabilities(ID)

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert "ZeroDivisionError" in caplog.text


def test_recording_that_derives_to_nothing_is_a_failure(bin_dir: Path) -> None:
    asker = Asker(answers={str(bin_dir / ID): Recording((Part((Exchange("query-version", None, 7),)),))})

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="has not the form"):
            await catalog.capabilities(ID)

    run_catalog(catalog_settings(bin_dir), asker, body)


def test_closing_answers_those_who_wait(bin_dir: Path) -> None:
    asker = Asker()
    seen: list[BaseException | object] = []

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        waiters = [asyncio.create_task(catalog.capabilities(ID)) for _ in range(3)]
        await until(lambda: asker.running == 1)
        await catalog.close()
        seen.extend(await asyncio.gather(*waiters, return_exceptions=True))
        with pytest.raises(BinaryFailedError):
            await catalog.capabilities(ID)
        assert [entry.state for entry in catalog.entries()] == ["waiting"]

    run_catalog(catalog_settings(bin_dir), asker, body)
    assert [type(item) for item in seen] == [BinaryFailedError] * 3
    assert "closing" in str(seen[0])


def test_answer_stays_the_very_object_when_it_is_kept(bin_dir: Path) -> None:
    """Workers know capabilities by the object: with another one each of them would be told all anew."""
    asker, cache = Asker(), bin_dir.parent / "cache"

    async def body(catalog: Catalog) -> None:
        first = await catalog.capabilities(ID)
        await until(lambda: any(cache.glob("*.cache")))
        assert await catalog.capabilities(ID) is first
        assert len(asker.asked) == 1

    run_catalog(catalog_settings(bin_dir, cache_dir=cache), asker, body)
