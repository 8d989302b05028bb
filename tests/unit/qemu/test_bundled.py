"""The names of the recordings that come with prober."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from prober.capabilities.find import CatalogSettings, find_all
from prober.qemu import bundled
from prober.qemu.bundled import as_path, bundled_names, find_bundled, named_recording, what_else

_FILES = ("qemu-7.2.9", "qemu-7.2.22", "qemu-7.20.1", "qemu-10.0.13")


@pytest.fixture(name="place")
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Other recordings than those of the checkout, and an empty directory to be in."""
    place, here = tmp_path / "replies", tmp_path / "here"
    place.mkdir()
    here.mkdir()
    for name in _FILES:
        (place / f"{name}.replies.xz").write_bytes(lzma.compress(b""))
    (place / "README").write_text("no recording")
    monkeypatch.setattr(bundled, "PLACES", (tmp_path / "nowhere", place))
    monkeypatch.chdir(here)
    return place


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("qemu-7.2", "qemu-7.2.22"),
        ("qemu-7.2.9", "qemu-7.2.9"),
        ("qemu-7.2.9.replies.xz", "qemu-7.2.9"),
        ("qemu-7", "qemu-7.20.1"),
        ("qemu-10.0", "qemu-10.0.13"),
        ("qemu-7.", None),
        ("qemu-1", None),
        ("qemu-7.2.2", None),
        ("qemu", None),
        ("qemu-9.0", None),
        ("", None),
        ("README", None),
        ("./qemu-7.2", None),
        ("here/qemu-7.2", None),
        ("/qemu-7.2", None),
    ],
)
def test_a_name_means_the_newest_that_has_it(place: Path, word: str, meant: str | None) -> None:
    found = named_recording(as_path(word))
    assert found == (place / f"{meant}.replies.xz" if meant else found)
    assert (found.parent == place) is (meant is not None)


def test_what_is_there_is_a_file(place: Path) -> None:
    for word in ("qemu-7.2", bundled.ALL):
        assert named_recording(Path(word)).is_relative_to(place)
        Path(word).write_text("")
        assert named_recording(Path(word)) == Path(word)


def test_all_of_them_have_a_word_and_are_listed_by_version(place: Path) -> None:
    assert named_recording(Path(bundled.ALL)) == find_bundled() == place
    assert bundled_names() == list(_FILES)


def test_who_named_none_is_told_which_there_are(place: Path) -> None:
    assert what_else(Path("qemu-9")).endswith(": qemu-7.2.9, qemu-7.2.22, qemu-7.20.1, qemu-10.0.13")
    assert what_else(Path("/qemu-9")) == ""
    Path("qemu-9").write_text("")
    assert what_else(Path("qemu-9")) == ""


def test_without_them_a_name_is_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PLACES", (Path("/nowhere"),))
    assert [named_recording(Path(word)) for word in ("qemu-7.2", bundled.ALL)] == [Path("qemu-7.2"), Path(bundled.ALL)]
    assert (find_bundled(), bundled_names(), what_else(Path("qemu-7.2"))) == (None, [], "")


def test_a_service_takes_them_from_any_of_its_sources(place: Path) -> None:
    """The word of a file of settings comes as it is."""
    settings = CatalogSettings(directories=(), qemu_kvm=None, recordings=(Path("qemu-7.2"),))
    assert [found.path for found in find_all(settings)] == [str(place / "qemu-7.2.22.replies.xz")]
    settings = CatalogSettings(directories=(), qemu_kvm=None, fallback_recordings=(Path(bundled.ALL),))
    assert {found.name for found in find_all(settings)} == set(_FILES)
