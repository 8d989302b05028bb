"""Proofs are remembered on disk, the least recently used go first, and a disk that fails is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.models import Version
from prober.proof.models import Proof, ProofVerdict
from prober.proof.store import ProofStore, key_of


def proof_of(verdict: ProofVerdict, said: str = "") -> Proof:
    return Proof(
        ground="proven",
        verdict=verdict,
        binary="/q",
        version=Version(major=7, minor=2, micro=0),
        accelerator="tcg",
        said=said,
    )


def key(number: int) -> bytes:
    return key_of("fingerprint", [["-m", str(number)]], [])


def test_a_proof_is_found_again_by_another_store(tmp_path: Path) -> None:
    first = ProofStore(tmp_path)
    first.keep(key(1), proof_of(ProofVerdict.refused, "no"))
    first.close()
    second = ProofStore(tmp_path)
    found = second.find(key(1))
    second.close()
    assert found == proof_of(ProofVerdict.refused, "no").model_copy(update={"remembered": True})


def test_what_is_not_provable_or_was_only_checked_is_not_kept(tmp_path: Path) -> None:
    store = ProofStore(tmp_path)
    store.keep(key(1), proof_of(ProofVerdict.not_provable))
    store.keep(key(2), proof_of(ProofVerdict.refused).model_copy(update={"ground": "checked"}))
    assert store.find(key(1)) is store.find(key(2)) is None
    store.close()


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    store = ProofStore(tmp_path, most=2)
    for number in (1, 2):
        store.keep(key(number), proof_of(ProofVerdict.proven))
    assert store.find(key(1)) is not None
    store.keep(key(3), proof_of(ProofVerdict.proven))
    assert [store.find(key(number)) is not None for number in (1, 2, 3)] == [True, False, True]
    store.close()


@pytest.mark.parametrize("content", [b"this is no database, and is long enough to be looked at" * 9, b""])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proofs.sqlite").write_bytes(content)
    store = ProofStore(tmp_path)
    store.keep(key(1), proof_of(ProofVerdict.proven))
    assert store.find(key(1)) is not None
    store.close()


def test_a_damaged_schema_that_is_no_text_is_begun_anew(tmp_path: Path) -> None:
    """SQLite's error names the damaged table, in bytes of which Python can make no words."""
    store = ProofStore(tmp_path)
    store.keep(key(1), proof_of(ProofVerdict.proven))
    store.close()
    whole = store.path.read_bytes()
    store.path.write_bytes(whole.replace(b"proofs", b"pr\xe4ofs").replace(b"CREATE", b"CR\xe4ATE"))
    again = ProofStore(tmp_path)
    assert again.find(key(1)) is None
    again.keep(key(1), proof_of(ProofVerdict.proven))
    assert again.find(key(1)) is not None
    again.close()


def test_a_place_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = ProofStore(tmp_path / "file" / "below")
    store.keep(key(1), proof_of(ProofVerdict.proven))
    assert store.find(key(1)) is None
    store.close()


def test_a_key_depends_on_all_that_it_is_given() -> None:
    keys = {
        key_of("a", [["-m", "1"]], []),
        key_of("b", [["-m", "1"]], []),
        key_of("a", [["-m", "2"]], []),
        key_of("a", [["-m", "1"]], ["kvm"]),
        key_of("a", [["-m", "1"]], [], "more"),
    }
    assert len(keys) == 5
    assert key_of("a", [["-x", '{"a": 1}']], []) == key_of("a", [["-x", '{"a":1}']], [])


def test_others_may_not_read_it(tmp_path: Path) -> None:
    store = ProofStore(tmp_path)
    store.keep(key(1), proof_of(ProofVerdict.proven))
    store.close()
    assert (tmp_path / "proofs.sqlite").stat().st_mode & 0o077 == 0
