"""A catalog that goes on by other settings: what is found and dropped, and what goes on as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prober.capabilities.catalog import Catalog
from prober.capabilities.find import CatalogSettings, find_all
from prober.capabilities.fingerprint import FileMark
from prober.capabilities.fingerprinter import Fingerprinter
from prober.capabilities.watching import make_fingerprinter, make_warm_fingerprinter
from tests.cost import processor_time
from tests.recordings import FIXTURES
from tests.unit.capabilities.asking import ID, Asker, catalog_settings, run_catalog, until
from tests.unit.capabilities.making import make_binary

REPLIES = FIXTURES / "qemu-7.2.22.replies.xz"


def _with(settings: CatalogSettings, **more: object) -> CatalogSettings:
    return CatalogSettings.model_validate({**settings.model_dump(), **more})


def _ids(catalog: Catalog) -> set[str]:
    return {entry.id for entry in catalog.entries()}


def test_what_is_found_and_what_is_dropped(bin_dir: Path, tmp_path: Path) -> None:
    other = make_binary(tmp_path / "other", "qemu-system-arm")
    settings, asker = catalog_settings(bin_dir), Asker()

    async def body(catalog: Catalog) -> None:
        known = await catalog.capabilities(ID)
        await catalog.adopt_settings(_with(settings, paths=[str(other)]))
        assert _ids(catalog) == {ID, other.name}
        assert (await catalog.find(other.name)).state == "ready"
        assert await catalog.capabilities(ID) == known
        await catalog.adopt_settings(_with(settings, directories=[str(tmp_path / "other")]))
        assert _ids(catalog) == {other.name}
        assert catalog.is_alive()

    run_catalog(settings, asker, body)
    assert sorted(asker.asked) == sorted([str(bin_dir / ID), str(other)]), "nobody was asked twice"


def test_an_interview_that_is_under_way_goes_on(bin_dir: Path, tmp_path: Path) -> None:
    other = make_binary(tmp_path / "other", "qemu-system-arm")
    settings, asker = catalog_settings(bin_dir), Asker()

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        waiting = asyncio.create_task(catalog.capabilities(ID))
        await until(lambda: asker.running == 1)
        await catalog.adopt_settings(_with(settings, paths=[str(other)], max_interviews=2))
        await until(lambda: asker.running == 2)
        asker.gate.set()
        assert (await waiting).version.major == 7

    run_catalog(settings, asker, body)
    assert sorted(asker.asked) == sorted([str(bin_dir / ID), str(other)])


def test_fewer_at_once_holds_once_those_that_run_are_over(bin_dir: Path) -> None:
    for name in ("arm", "ppc", "mips", "s390x"):
        make_binary(bin_dir, f"qemu-system-{name}")
    settings, asker = catalog_settings(bin_dir, max_interviews=3, cache_dir=None), Asker()

    async def body(catalog: Catalog) -> None:
        asker.gate = asyncio.Event()
        await until(lambda: asker.running == 3)
        await catalog.adopt_settings(_with(settings, max_interviews=1))
        asker.gate.set()
        await catalog.settled()
        asker.most = 0
        await asyncio.gather(*(catalog.refresh(entry.id) for entry in catalog.entries()))
        assert asker.most == 1
        await catalog.adopt_settings(_with(settings, max_interviews=2))
        asker.most = 0
        await asyncio.gather(*(catalog.refresh(entry.id) for entry in catalog.entries()))
        assert asker.most == 2

    run_catalog(settings, asker, body)


def test_another_accelerator_is_another_answer(bin_dir: Path) -> None:
    settings, asker = catalog_settings(bin_dir), Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        await catalog.adopt_settings(_with(settings, accel="tcg"))
        await catalog.capabilities(ID)
        await catalog.adopt_settings(_with(settings, accel="tcg"))
        await catalog.capabilities(ID)

    run_catalog(settings, asker, body)
    assert asker.asked == [str(bin_dir / ID)] * 2


def test_recordings_stand_in_where_no_binary_is_left(bin_dir: Path, tmp_path: Path) -> None:
    settings, asker = catalog_settings(bin_dir, fallback_recordings=[str(REPLIES)]), Asker()

    async def body(catalog: Catalog) -> None:
        assert _ids(catalog) == {ID}
        await catalog.adopt_settings(_with(settings, directories=[str(tmp_path / "none")]))
        assert _ids(catalog) == {"qemu-7.2.22"}
        assert (await catalog.find("qemu-7.2.22")).source == "recording"
        await catalog.adopt_settings(_with(settings, directories=[str(tmp_path / "none")], fallback_recordings=[]))
        assert _ids(catalog) == set()

    run_catalog(settings, asker, body)


def test_a_catalog_that_is_closed_stays_so(bin_dir: Path) -> None:
    settings, asker = catalog_settings(bin_dir), Asker()

    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        await catalog.close()
        await catalog.adopt_settings(_with(settings, poll_s=0.01))
        assert not catalog.is_alive()

    run_catalog(settings, asker, body)


def test_what_takes_its_place_has_looked_at_all_that_is_known(bin_dir: Path, tmp_path: Path) -> None:
    """The first look at what a QEMU runs takes milliseconds, and would be taken by whoever asks first."""
    (tmp_path / "lib").mkdir()
    files = [tmp_path / f"lib/{number}.so" for number in range(1500)]
    for file in files:
        file.touch()
    settings, marks = catalog_settings(bin_dir), tuple(FileMark(str(file)) for file in files)
    (found,) = find_all(settings)

    def seconds(fingerprinter: Fingerprinter) -> float:
        with fingerprinter, processor_time() as cost:
            fingerprint = fingerprinter.look(found, marks)
        assert fingerprint is not None and len(fingerprint.files) == 1500
        return cost.seconds

    cold = seconds(make_fingerprinter(settings, watch=True))
    assert seconds(make_warm_fingerprinter(settings, [(found, marks)])) < cold / 3


def test_what_was_looked_at_needs_no_preparation(bin_dir: Path, tmp_path: Path) -> None:
    """Putting the files of a process together takes longer than looking whether they are what they were."""
    files = (FileMark(str(tmp_path / "one.so")),)
    (found,) = find_all(catalog_settings(bin_dir))
    with Fingerprinter(root=tmp_path) as fingerprinter:
        assert not fingerprinter.has_looked(found, files)
        fingerprint = fingerprinter.look(found, files)
        assert fingerprint is not None and fingerprinter.has_looked(found, fingerprint.files)
        assert not fingerprinter.has_looked(found, (*files, FileMark(str(tmp_path / "two.so"))))
        fingerprinter.forget()
        assert not fingerprinter.has_looked(found, fingerprint.files)


def test_listing_what_is_known_waits_for_nobody(bin_dir: Path) -> None:
    """On a busy loop each turn takes what others do in it, so there is not one for each binary."""
    names = [f"qemu-system-x{number}" for number in range(20)]
    for name in names:
        make_binary(bin_dir, name)
    turns = 0

    async def body(catalog: Catalog) -> None:
        nonlocal turns

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        await catalog.settled()
        await catalog.list_entries()
        counting = asyncio.create_task(count())
        assert {entry.id for entry in await catalog.list_entries()} >= set(names)
        counting.cancel()

    run_catalog(catalog_settings(bin_dir, cache_dir=None), Asker(), body)
    assert turns < len(names)
