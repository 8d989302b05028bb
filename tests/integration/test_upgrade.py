"""What a version before left on a host: ``of_0_1_0`` has a cache, proofs and all settings, as 0.1.0 had them."""

from __future__ import annotations

import grp
import logging
import os
import shutil
from pathlib import Path

import pytest

from prober.capabilities.cache import DiskCache
from prober.capabilities.models import Version
from prober.proof.models import Proof, ProofVerdict
from prober.proof.store import ProofStore, key_of
from prober.service.configuration import read_configuration
from tests.conftest import aio
from tests.integration.processes import PROBER, run_prober, start_group

_THEN = Path(__file__).parent / "of_0_1_0"
_BINARY = "/usr/bin/qemu-system-x86_64"
_SAID = f"cache entry of {_BINARY} was made by prober 0.1.0+"


@pytest.fixture(name="then")
def _then(tmp_path: Path) -> Path:
    """A copy of it, which is ours alone."""
    copy = Path(shutil.copytree(_THEN, tmp_path / "then"))
    for path in (copy, *copy.iterdir()):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


def test_its_settings_are_understood(then: Path) -> None:
    read = read_configuration(then / "prober.toml")
    assert (read.problems, read.unknown) == ((), ())
    assert {one.source for one in read.told if one.key in ("max_body", "catalog.poll_s", "admin_group")} == {"file"}


def test_its_cache_is_not_used_and_that_is_logged(then: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It stays until there is something in its place, and is no fault."""
    (entry,) = then.glob("*.cache")
    cache = DiskCache(then)
    with caplog.at_level(logging.INFO):
        assert aio(cache.read(_BINARY)) is None
    assert _SAID in caplog.text
    assert entry == cache.path_of(_BINARY)
    assert {path.name for path in then.iterdir()} == {path.name for path in _THEN.iterdir()}


def test_its_proofs_are_never_found_and_the_file_goes_on(then: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ProofStore(then)
    key = key_of("of then", [["-S"]], ["tcg"])
    try:
        assert store.find(key) is None, "another version judged it"
        refused = ProofVerdict.refused
        store.keep(
            key,
            Proof(
                ground="proven",
                verdict=refused,
                binary=_BINARY,
                version=Version(major=7, minor=2, micro=22),
                accelerator="tcg",
            ),
        )
        found = store.find(key)
        assert found is not None and found.verdict is ProofVerdict.refused
    finally:
        store.close()
    assert caplog.text == ""


@pytest.mark.slow
def test_a_service_starts_with_what_there_is(then: Path, qemu_binary: str, tmp_path: Path) -> None:
    """It asks each binary anew, and what it learned then takes the old one's place."""
    assert qemu_binary == _BINARY
    (entry,) = then.glob("*.cache")
    own = grp.getgrgid(os.getgid()).gr_name
    places = ("--socket", tmp_path / "s", "--cache", then, "--prover-socket", "", "--settings", "/dev/null")
    words = [PROBER, "serve", "--quiet", "--config", then / "prober.toml", "--group", own, *places]
    with start_group([*words, "--directory", tmp_path, "--binary", _BINARY]) as group:
        group.wait_for(lambda text: _SAID in text)
        asked = run_prober("supports", "--socket", tmp_path / "s", "PIIX4_PM.acpi-root-pci-hotplug")
        assert (asked.code, asked.err) == (0, "")
        group.wait_for(lambda _: b"0.1.0+" not in entry.read_bytes())
        assert not list(then.glob("*.bad"))
        group.press_ctrl_c()
