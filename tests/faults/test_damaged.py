"""What is kept on disk loses single bits: the answer is the same, or what was kept is dropped and made anew."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities.cache import DiskCache
from prober.capabilities.models import Version
from prober.proof.models import Proof, ProofVerdict
from prober.proof.store import ProofStore
from tests.faults.host import all_of, entry, serving, verdict
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.fault("damaged")]


def flip(data: bytes, bit: int) -> bytes:
    """The same with one bit changed."""
    place, mask = bit // 8, 1 << bit % 8
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def test_the_entry_of_a_real_qemu(
    directory: Path, qemu: Path, whole: bool, aio: Callable[..., Any], record_property: Any
) -> None:
    """Every bit of its first line, many of its head and of the rest; then a service on some of them."""
    with serving(directory, qemu) as service, service.client() as client:
        right = all_of(client, qemu)
        wait_until(lambda: list((directory / "cache").glob("*.cache")))
        assert service.stop()[0] == 0
    cache = DiskCache(directory / "cache")
    path = cache.path_of(str(qemu))
    good, seed = path.read_bytes(), random.randrange(1 << 32)
    chance, first, head = random.Random(seed), good.find(b"\n") + 1, good.find(b"\n", 200) + 1
    bits = [*range(first * 8)]
    bits += [chance.randrange(first * 8, head * 8) for _ in range(1000 if whole else 50)]
    bits += [chance.randrange(head * 8, len(good) * 8) for _ in range(2000 if whole else 50)]

    async def read_each() -> list[int]:
        """The bits with which it was believed."""
        believed = []
        for bit in bits:
            path.write_bytes(flip(good, bit))
            if await cache.read(str(qemu)) is not None:
                believed.append(bit)
        return believed

    assert aio(read_each(), debug=False) == [], f"seed {seed}"
    for bit in chance.sample(bits, 8 if whole else 1):
        path.write_bytes(flip(good, bit))
        with serving(directory, qemu) as service, service.client() as client:
            assert entry(client, qemu)["source"] == "interview", f"seed {seed}, bit {bit}"
            assert verdict(client, qemu) == "present"
            assert (all_of(client, qemu) == right) is True, f"seed {seed}, bit {bit}"
            wait_until(lambda: path.exists() and len(path.read_bytes()) > 100_000)
            assert service.stop()[0] == 0
    record_property("told", f"seed {seed}: {len(bits)} bits of an entry of {len(good)} bytes, none believed")


def _proof(number: int) -> Proof:
    return Proof(
        binary="/usr/bin/qemu-system-x86_64",
        accelerator="tcg",
        version=Version(major=7, minor=2, micro=22),
        verdict=ProofVerdict.proven,
        ground="proven",
        said=f"note {number}",
    )


def test_proofs(directory: Path, whole: bool, record_property: Any) -> None:
    """A proof that is found is the one that was kept, or none is, whichever bit of the file was changed."""
    directory.chmod(0o700)
    kept = {bytes([number]) * 32: _proof(number) for number in range(20)}
    store = ProofStore(directory)
    for key, proof in kept.items():
        store.keep(key, proof)
    store.close()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good, seed = store.path.read_bytes(), random.randrange(1 << 32)
    chance, wrong, lost = random.Random(seed), [], 0
    bits = [chance.randrange(len(good) * 8) for _ in range(3000 if whole else 30)]
    # Where the proofs themselves are, a random one would hardly be.
    for number in (3, 7) if whole else (7,):
        place = good.find(f"note {number}".encode())
        bits += range(place * 8, (place + 8) * 8)
    for bit in bits:
        for left in directory.glob("proofs.sqlite*"):
            left.unlink()
        store.path.write_bytes(flip(good, bit))
        damaged = ProofStore(directory)
        for key, proof in kept.items():
            found = damaged.find(key)
            lost += found is None
            if found is not None and found.model_copy(update={"remembered": False}) != proof:
                wrong.append(bit)
        damaged.close()
    assert not wrong, f"seed {seed}"
    assert lost
    record_property("told", f"seed {seed}: {len(bits)} bits of a file with {len(kept)} proofs, no other one found")
