"""What becomes an entry of the catalog: binaries, recordings, and the one that is taken for a target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.capabilities.find import find_all
from prober.errors import UnknownBinaryError
from tests.unit.capabilities.asking import ID, Asker, catalog_settings, run_catalog, until
from tests.unit.capabilities.making import make_binary, make_recording

#: Half a second and more each: not for each commit.
pytestmark = pytest.mark.slow

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
    run_catalog(catalog_settings(bin_dir, recordings=recordings), asker, body)
    assert asker.asked == [str(bin_dir / ID)]


def test_fallback_recordings_only_without_a_binary(bin_dir: Path, tmp_path: Path) -> None:
    fallback = (_write_recording(tmp_path / "a.replies", (8, 2, 0)),)
    settings = catalog_settings(bin_dir, fallback_recordings=fallback)
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

    run_catalog(catalog_settings(bin_dir, recordings=recordings), asker, body)


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

    run_catalog(settings.model_copy(update={"poll_s": 3600.0}), Asker(), body)


def test_ids_stay_when_others_come(bin_dir: Path, tmp_path: Path) -> None:
    async def body(catalog: Catalog) -> None:
        await catalog.settled()
        make_binary(tmp_path / "earlier")
        await until(lambda: len(catalog.entries()) == 2)
        assert (await catalog.find(ID)).path == str(bin_dir / ID)

    run_catalog(catalog_settings(bin_dir, directories=(tmp_path / "earlier", bin_dir), poll_s=0.02), Asker(), body)


def test_path_through_a_linked_directory(bin_dir: Path, tmp_path: Path) -> None:
    """As /bin leads to /usr/bin."""
    (tmp_path / "sbin").symlink_to("bin")

    async def body(catalog: Catalog) -> None:
        assert (await catalog.find(str(tmp_path / "sbin" / ID))).id == ID
        for path in ("/bin/true", f"{bin_dir}/../bin/{ID}", str(bin_dir), "/", ""):
            with pytest.raises(UnknownBinaryError):
                await catalog.find(path)

    run_catalog(catalog_settings(bin_dir, directories=(tmp_path / "sbin", bin_dir)), Asker(), body)


def test_empty_catalog(tmp_path: Path) -> None:
    async def body(catalog: Catalog) -> None:
        assert catalog.entries() == []
        await catalog.settled()
        with pytest.raises(UnknownBinaryError) as caught:
            await catalog.find("any")
        assert "no QEMU was found" in caught.value.hint

    run_catalog(catalog_settings(tmp_path / "nowhere"), Asker(), body)
