"""The catalog: each binary asked once, asked again when anything changed, and nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.capabilities.find import find_all
from prober.errors import BinaryFailedError, LaunchError, UnknownBinaryError
from prober.qemu.recording import Exchange, Part, Recording
from tests.conftest import aio
from tests.unit.capabilities.making import make_binary, make_recording


@dataclass(frozen=True)
class Told:
    recording: Recording
    seconds: float = 0.5
    timings: dict[str, float] = field(default_factory=lambda: {"types": 0.25})


@dataclass
class Asker:
    """Stands for the interview: counts who is asked, and answers as it is told to."""

    asked: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    failure: Exception | None = None
    meanwhile: Callable[[], object] = lambda: None
    answers: dict[str, Recording] = field(default_factory=dict)

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.01)
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.to_thread(self.meanwhile)
            if self.failure is not None:
                raise self.failure
            return Told(self.answers.get(path, make_recording()))
        finally:
            self.running -= 1


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    make_binary(tmp_path / "bin")
    return tmp_path / "bin"


def _settings(bin_dir: Path, **more: Any) -> CatalogSettings:
    told = {
        "directories": (bin_dir,),
        "qemu_kvm": None,
        "poll_s": 3600.0,
        "cache_dir": bin_dir.parent / "cache",
        **more,
    }
    return CatalogSettings.model_validate(told)


def _run(settings: CatalogSettings, asker: Asker, body: Callable[[Catalog], Awaitable[None]] | None = None) -> None:
    """Enter a catalog, do something, leave it; and see that nothing of it goes on."""

    async def go() -> None:
        descriptors = len(os.listdir("/proc/self/fd"))
        async with Catalog(settings, interviewer=asker) as catalog:
            if body is None:
                await catalog.settled()
            else:
                await body(catalog)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not others
        assert asker.running == 0
        assert len(os.listdir("/proc/self/fd")) <= descriptors

    aio(go())


ID = "qemu-system-x86_64"


def test_asked_once_by_many(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        path = str(bin_dir / ID)
        all_of_them = await asyncio.gather(*(catalog.capabilities(name) for name in [ID, path] * 50))
        assert len({id(capabilities) for capabilities in all_of_them}) == 1
        entry = await catalog.find(ID)
        assert (entry.state, str(entry.version), entry.targets) == ("ready", "7.2.22", ("x86_64",))
        assert (entry.seconds, entry.timings, entry.source) == (0.5, {"types": 0.25}, "interview")

    _run(_settings(bin_dir), asker, body)
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

    _run(_settings(bin_dir), asker, body)
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
    _run(_settings(bin_dir), asker, body)
    assert "is asked again: size of" in caplog.text


def test_failure_is_forgotten_by_refresh_and_restart(bin_dir: Path) -> None:
    asker = Asker(failure=LaunchError("no"))

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.failure = None
        assert (await catalog.refresh(ID)).state == "ready"

    _run(_settings(bin_dir, cache_dir=None), asker, body)
    asker.failure = LaunchError("no")
    _run(_settings(bin_dir), asker)
    asker.failure = None
    _run(_settings(bin_dir), asker)
    assert len(asker.asked) == 4


def test_change_is_seen_at_the_next_use(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        assert (await catalog.capabilities(ID)).version.major == 7
        asker.answers[str(bin_dir / ID)] = make_recording((8, 0, 0))
        make_binary(bin_dir, text="a new one")
        assert (await catalog.capabilities(ID)).version.major == 8

    _run(_settings(bin_dir), asker, body)


def test_change_starts_an_interview_before_anyone_asks(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        make_binary(bin_dir, text="a new one")
        await _until(lambda: len(asker.asked) == 2)
        await catalog.settled()
        assert catalog.entries()[0].state == "ready"

    _run(_settings(bin_dir, poll_s=0.02), asker, body)
    assert len(asker.asked) == 2


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


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
        await _until(lambda: len(asker.asked) == 2)
        await catalog.settled()
        assert len(asker.asked) == 2

    _run(_settings(bin_dir, poll_s=0.02), asker, body)


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
    _run(_settings(bin_dir), asker, body)


def test_binary_that_never_holds_still(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="changes"):
            await catalog.capabilities(ID)

    asker.meanwhile = lambda: make_binary(bin_dir, text="x" * len(asker.asked))
    _run(_settings(bin_dir), asker, body)
    assert len(asker.asked) < 10


@pytest.mark.parametrize("limit", [1, 2])
def test_so_many_interviews_at_once(bin_dir: Path, limit: int) -> None:
    for number in range(5):
        make_binary(bin_dir, f"qemu-system-{number}")
    asker = Asker()
    _run(_settings(bin_dir, max_interviews=limit), asker)
    assert len(asker.asked) == 6
    assert asker.most == limit


def test_binaries_come_and_go(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        new = make_binary(bin_dir, "qemu-system-aarch64")
        await _until(lambda: str(new) in asker.asked)
        assert (await catalog.find("qemu-system-aarch64")).state == "ready"
        new.unlink()
        with pytest.raises((UnknownBinaryError, BinaryFailedError)):
            await catalog.capabilities("qemu-system-aarch64")
        await _until(lambda: [entry.id for entry in catalog.entries()] == [ID])
        with pytest.raises(UnknownBinaryError, match="aarch64") as caught:
            await catalog.find("qemu-system-aarch64")
        assert ID in caught.value.hint

    _run(_settings(bin_dir, poll_s=0.02), asker, body)
    assert [path.name for path in (bin_dir.parent / "cache").iterdir() if "aarch64" in path.name] == []


def test_binary_that_goes_while_it_is_asked(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        waiter = asyncio.create_task(catalog.capabilities(ID))
        await _until(lambda: asker.running == 1)
        (bin_dir / ID).unlink()
        with pytest.raises(BinaryFailedError, match="no longer in the catalog"):
            await waiter
        assert asker.running == 0

    _run(_settings(bin_dir, poll_s=0.02), asker, body)


def test_cache_spares_the_interview(bin_dir: Path) -> None:
    asker = Asker()
    _run(_settings(bin_dir), asker)

    async def body(catalog: Catalog) -> None:
        [entry] = catalog.entries()  # Ready at once: the cache was read on entering.
        assert (entry.state, entry.source, entry.seconds) == ("ready", "cache", 0.5)

    _run(_settings(bin_dir), asker, body)
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
    _run(_settings(bin_dir), asker)
    change(bin_dir.parent / "cache", bin_dir / ID)
    _run(_settings(bin_dir), asker)
    assert len(asker.asked) == 2
    _run(_settings(bin_dir), asker)
    assert len(asker.asked) == 2


def test_without_cache_the_answer_is_there_all_the_same(bin_dir: Path) -> None:
    (bin_dir.parent / "file").write_text("")
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        assert (await catalog.capabilities(ID)).version.major == 7

    _run(_settings(bin_dir, cache_dir=bin_dir.parent / "file/cache"), asker, body)


def test_accelerator_is_part_of_the_answer(bin_dir: Path) -> None:
    asker = Asker()
    _run(_settings(bin_dir), asker)
    _run(_settings(bin_dir, accel="tcg"), asker)
    assert len(asker.asked) == 2


def test_refresh_asks_again_and_joins(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        before = await catalog.capabilities(ID)
        entries = await asyncio.gather(*(catalog.refresh(ID) for _ in range(5)))
        assert {entry.state for entry in entries} == {"ready"}
        assert len(asker.asked) == 2
        assert await catalog.capabilities(ID) is not before

    _run(_settings(bin_dir), asker, body)


def test_answer_holds_while_it_is_refreshed(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        asker.gate = asyncio.Event()
        refresh = asyncio.create_task(catalog.refresh(ID))
        await _until(lambda: asker.running == 1)
        async with asyncio.timeout(1):
            assert (await catalog.capabilities(ID)).version.major == 7
        assert catalog.entries()[0].state == "asking"
        asker.gate.set()
        assert (await refresh).state == "ready"

    _run(_settings(bin_dir), asker, body)


def test_fault_of_our_own_is_a_failure_too(bin_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    asker = Asker(failure=ZeroDivisionError("oops"))

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="a fault in prober itself"):
            await catalog.capabilities(ID)

    _run(_settings(bin_dir), asker, body)
    assert "ZeroDivisionError" in caplog.text


def test_recording_that_derives_to_nothing_is_a_failure(bin_dir: Path) -> None:
    asker = Asker(answers={str(bin_dir / ID): Recording((Part((Exchange("query-version", None, 7),)),))})

    async def body(catalog: Catalog) -> None:
        with pytest.raises(BinaryFailedError, match="has not the form"):
            await catalog.capabilities(ID)

    _run(_settings(bin_dir), asker, body)


def test_closing_answers_those_who_wait(bin_dir: Path) -> None:
    asker = Asker()
    seen: list[BaseException | object] = []

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        waiters = [asyncio.create_task(catalog.capabilities(ID)) for _ in range(3)]
        await _until(lambda: asker.running == 1)
        await catalog.close()
        seen.extend(await asyncio.gather(*waiters, return_exceptions=True))
        with pytest.raises(BinaryFailedError):
            await catalog.capabilities(ID)
        assert [entry.state for entry in catalog.entries()] == ["waiting"]

    _run(_settings(bin_dir), asker, body)
    assert [type(item) for item in seen] == [BinaryFailedError] * 3
    assert "closing" in str(seen[0])


def test_answer_is_made_compact_behind_the_askers_back(bin_dir: Path) -> None:
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        first = await catalog.capabilities(ID)
        async with asyncio.timeout(10):
            while (later := await catalog.capabilities(ID)) is first:
                await asyncio.sleep(0.01)
        assert later == first
        assert len(asker.asked) == 1

    _run(_settings(bin_dir), asker, body)


# Recordings.


def _write_recording(path: Path, version: tuple[int, int, int], target: str = "x86_64") -> Path:
    path.write_text(make_recording(version, target).dumps())
    return path


def test_recordings_are_entries(bin_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "replies").mkdir()
    _write_recording(tmp_path / "replies/qemu-8.2.0.replies", (8, 2, 0))
    (tmp_path / "replies/README").write_text("")
    single = _write_recording(tmp_path / "old.replies", (5, 2, 0))
    (tmp_path / "bad.replies").write_text("{")
    asker = Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        entries = {entry.id: entry for entry in catalog.entries()}
        assert list(entries) == [ID, "qemu-8.2.0", "old", "bad"]
        assert [entry.state for entry in entries.values()] == ["ready", "ready", "ready", "failed"]
        assert entries["old"].kind == "recording"
        assert (await catalog.capabilities("old")).version.major == 5
        _write_recording(single, (5, 2, 10))
        assert (await catalog.capabilities("old")).version.micro == 10

    recordings = (tmp_path / "replies", single, tmp_path / "bad.replies")
    _run(_settings(bin_dir, recordings=recordings), asker, body)
    assert asker.asked == [str(bin_dir / ID)]


def test_fallback_recordings_only_without_a_binary(bin_dir: Path, tmp_path: Path) -> None:
    fallback = (_write_recording(tmp_path / "a.replies", (8, 2, 0)),)
    settings = _settings(bin_dir, fallback_recordings=fallback)
    assert [found.kind for found in find_all(settings)] == ["binary"]
    (bin_dir / ID).unlink()
    assert [found.kind for found in find_all(settings)] == ["recording"]


def test_choice_for_a_target(bin_dir: Path, tmp_path: Path) -> None:
    arm = make_binary(bin_dir, "qemu-system-other")
    recordings = (
        _write_recording(tmp_path / "s390-old.replies", (8, 2, 0), "s390x"),
        _write_recording(tmp_path / "s390-new.replies", (10, 0, 0), "s390x"),
        _write_recording(tmp_path / "arm.replies", (10, 0, 0), "aarch64"),
    )
    asker = Asker(answers={str(arm): make_recording((7, 0, 0), "aarch64")})

    async def body(catalog: Catalog) -> None:
        assert (await catalog.find_for_target("x86_64")).id == ID
        assert (await catalog.find_for_target("aarch64")).id == "qemu-system-other"
        assert (await catalog.find_for_target("s390x")).id == "s390-new"
        with pytest.raises(UnknownBinaryError, match="riscv64"):
            await catalog.find_for_target("riscv64")

    _run(_settings(bin_dir, recordings=recordings), asker, body)


# Finding.


def test_what_is_found(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    one = make_binary(first)
    (first / "qemu-system-amd64").symlink_to(ID)
    make_binary(first, "qemu-system-data").chmod(0o644)
    make_binary(first, "qemu-img")
    (first / "qemu-system-dir").mkdir()
    (first / "qemu-system-dangling").symlink_to("nowhere")
    two = make_binary(second)
    kvm = make_binary(tmp_path / "libexec", "qemu-kvm")
    own, missing = make_binary(tmp_path, "my qemu?"), tmp_path / "missing"
    settings = CatalogSettings(
        directories=(first, second, first, tmp_path / "nowhere"), qemu_kvm=kvm, paths=(own, missing, two)
    )
    found = find_all(settings)
    assert [item.path for item in found] == [str(path) for path in (own, missing, two, one, kvm)]
    assert found[3].aliases == (str(first / "qemu-system-amd64"),)

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        ids = [entry.id for entry in catalog.entries()]
        assert len(set(ids)) == 5
        assert all(re.fullmatch(r"[A-Za-z0-9_.+-]+", ident) for ident in ids)
        assert re.fullmatch(ID + "-[0-9a-f]{8}", ids[3])
        assert (await catalog.find(str(first / "qemu-system-amd64"))).id == ids[3]
        assert (await catalog.find(str(missing))).state == "failed"
        make_binary(tmp_path, "missing")
        assert (await catalog.find(str(missing))).state == "ready"

    _run(settings.model_copy(update={"poll_s": 3600.0}), Asker(), body)


def test_ids_stay_when_others_come(bin_dir: Path, tmp_path: Path) -> None:
    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        make_binary(tmp_path / "earlier")
        await _until(lambda: len(catalog.entries()) == 2)
        assert (await catalog.find(ID)).path == str(bin_dir / ID)

    _run(_settings(bin_dir, directories=(tmp_path / "earlier", bin_dir), poll_s=0.02), Asker(), body)


def test_path_through_a_linked_directory(bin_dir: Path, tmp_path: Path) -> None:
    """As /bin leads to /usr/bin."""
    (tmp_path / "sbin").symlink_to("bin")

    async def body(catalog: Catalog) -> None:
        assert (await catalog.find(str(tmp_path / "sbin" / ID))).id == ID
        for path in ("/bin/true", f"{bin_dir}/../bin/{ID}", str(bin_dir), "/", ""):
            with pytest.raises(UnknownBinaryError):
                await catalog.find(path)

    _run(_settings(bin_dir, directories=(tmp_path / "sbin", bin_dir)), Asker(), body)


def test_empty_catalog(tmp_path: Path) -> None:
    async def body(catalog: Catalog) -> None:
        assert catalog.entries() == []
        await catalog.settled()
        with pytest.raises(UnknownBinaryError) as caught:
            await catalog.find("any")
        assert "no QEMU was found" in caught.value.hint

    _run(_settings(tmp_path / "nowhere"), Asker(), body)
