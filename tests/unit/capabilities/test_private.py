"""A cache directory that anybody else can write to is refused, and so is one that anybody else can replace."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.capabilities.cache import DiskCache
from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.capabilities.private import require_private
from prober.errors import ServiceError
from prober.proof.store import ProofStore, key_of
from tests.conftest import aio

root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")

#: Who is no root, and owns nothing.
_SOMEBODY = 12345


@pytest.fixture(name="cache")
def _cache(tmp_path: Path) -> Path:
    made = tmp_path / "above" / "cache"
    made.mkdir(parents=True, mode=0o750)
    made.parent.chmod(0o755)
    return made


def _written_by_group(cache: Path) -> Path:
    cache.chmod(0o770)
    return cache


def _written_by_all(cache: Path) -> Path:
    cache.chmod(0o757)
    return cache


def _below_what_all_write(cache: Path) -> Path:
    cache.parent.chmod(0o777)
    return cache


def _linked_below_what_all_write(cache: Path) -> Path:
    """The directory is held, the link to it is not."""
    place = cache.parent.parent / "open"
    place.mkdir()
    place.chmod(0o777)
    (place / "link").symlink_to(cache)
    return place / "link"


def _file(cache: Path) -> Path:
    cache.rmdir()
    cache.write_text("")
    return cache


#: What is wrong, the words that say so, and those that say what would help.
_WRONG: list[tuple[Callable[[Path], Path], str, str]] = [
    (_written_by_group, "can write to it", "run: chmod go-w {cache}"),
    (_written_by_all, "everybody can write to it", "run: chmod go-w {cache}"),
    (_below_what_all_write, "everybody can write to {cache.parent} above it", "run: chmod go-w {cache.parent}"),
    (_linked_below_what_all_write, "everybody can write to", "name another one"),
    (_file, "it is no directory", "remove what is there"),
]


@pytest.mark.parametrize(("spoil", "said", "hint"), _WRONG, ids=[row[0].__name__[1:] for row in _WRONG])
def test_what_others_can_change_is_refused(cache: Path, spoil: Callable[[Path], Path], said: str, hint: str) -> None:
    require_private(cache)
    spoilt = spoil(cache)
    with pytest.raises(ServiceError) as caught:
        require_private(spoilt)
    assert f"the cache directory {spoilt} is not used: " in caught.value.message
    assert said.format(cache=cache) in caught.value.message
    assert hint.format(cache=cache) in caught.value.hint


@root_alone
def test_what_belongs_to_somebody_else_is_refused(cache: Path) -> None:
    os.chown(cache, _SOMEBODY, -1)
    with pytest.raises(ServiceError, match=f"it belongs to {_SOMEBODY}, and prober runs as root") as caught:
        require_private(cache)
    assert caught.value.hint == f"run: chown -R root {cache}"


@root_alone
def test_a_link_of_somebody_else_is_refused(cache: Path) -> None:
    link = cache.parent / "link"
    link.symlink_to(cache)
    require_private(link)
    os.chown(link, _SOMEBODY, -1, follow_symlinks=False)
    with pytest.raises(ServiceError, match=f"link is a link that belongs to {_SOMEBODY}"):
        require_private(link)


@root_alone
def test_in_a_sticky_directory_the_next_one_counts(cache: Path) -> None:
    cache.parent.parent.chmod(0o1777)
    require_private(cache)
    os.chown(cache.parent, _SOMEBODY, -1)
    with pytest.raises(ServiceError, match="put another in its place"):
        require_private(cache)


def test_relative_links_and_dots_are_followed(cache: Path) -> None:
    """As systemd makes one for DynamicUser=, and as people write them."""
    link = cache.parent.parent / "link"
    link.symlink_to("above/../above/cache")
    require_private(link)
    require_private(cache / ".." / "cache")
    cache.chmod(0o777)
    with pytest.raises(ServiceError):
        require_private(link)


def test_links_without_end_are_refused(cache: Path) -> None:
    loop = cache.parent / "loop"
    loop.symlink_to("loop")
    with pytest.raises((ServiceError, OSError)):
        require_private(loop)


def test_neither_cache_nor_catalog_opens_it(cache: Path) -> None:
    cache.chmod(0o777)
    (cache / "planted.cache").write_text("")

    async def serve() -> None:
        async with Catalog(CatalogSettings(directories=(), qemu_kvm=None, cache_dir=cache)):
            pytest.fail("it was opened")

    with pytest.raises(ServiceError, match="everybody can write to it"):
        aio(DiskCache(cache).open())
    with pytest.raises(ServiceError, match="everybody can write to it"):
        aio(serve())


def test_proofs_are_not_looked_for_there(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.chmod(0o777)
    store = ProofStore(cache)
    with caplog.at_level(logging.WARNING):
        assert store.find(key_of("", [], [])) is None
    assert "everybody can write to it" in caplog.text
    assert not store.path.exists()
    store.close()
