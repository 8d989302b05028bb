"""What is stored of builds, variants and hosts: small, and believed only where it is what it says."""

from __future__ import annotations

import json
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.errors import FleetError
from prober.fleet.blobs import MOST_HELD, MOST_KEPT, pack_part, unpack_part
from prober.fleet.names import canonical, name_of
from prober.fleet.parts import Build, Variant, split
from prober.fleet.records import MOST_BYTES, HostBuild, HostRecord, dump_record, load_record
from tests.recordings import FIXTURES, load_capabilities

BUILD, VARIANT = split(load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz"))
NAME, BLOB = pack_part(BUILD)


def has(number: int) -> HostBuild:
    return HostBuild(name_of(b"build %d" % number), name_of(b"variant"), f"/usr/bin/qemu-system-x86_64{number or ''}")


RECORD = HostRecord(
    name="rack7-03.example.org", seq=1234567, time=1_796_000_000, labels={"rack": "7"}, builds=(has(0),)
)


def test_a_build_and_a_variant_are_found_under_their_names() -> None:
    assert canonical(unpack_part(NAME, BLOB, Build)) == canonical(BUILD)
    name, blob = pack_part(VARIANT)
    assert unpack_part(name, blob, Variant) == VARIANT
    assert len(BLOB) < 100_000
    assert len(blob) < 10_000


@pytest.mark.parametrize(
    ("name", "blob", "said"),
    [
        (name_of(b"another"), BLOB, f"holds {NAME}"),
        (NAME, BLOB[:-1], "is cut off"),
        (NAME, BLOB + b"x", "something stands behind it"),
        (NAME, b"", "is cut off"),
        (NAME, b"no zlib", "is damaged"),
        (NAME, bytes(MOST_KEPT + 1), "are the most"),
        (NAME, zlib.compress(bytes(MOST_HELD + 1)), "holds more than"),
        (name_of(b"{}"), zlib.compress(b"{}"), "is no build: inventory"),
        (name_of(b"\xff"), zlib.compress(b"\xff"), "is no build"),
    ],
)
@pytest.mark.fault("wrong-blob")
def test_a_blob_that_is_not_what_it_is_kept_as_counts_for_nothing(name: str, blob: bytes, said: str) -> None:
    with pytest.raises(FleetError, match=said):
        unpack_part(name, blob, Build)


@given(st.integers(0, len(BLOB) * 8 - 1))
def test_no_bit_of_a_blob_may_differ(bit: int) -> None:
    damaged = bytearray(BLOB)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FleetError):
        unpack_part(NAME, bytes(damaged), Build)


def test_a_record_is_small() -> None:
    sizes = [
        len(dump_record(RECORD.model_copy(update={"builds": tuple(map(has, range(count)))}))) for count in range(1, 5)
    ]
    assert sizes[0] <= 300
    assert max(after - before for before, after in pairwise(sizes)) <= 120


def test_a_record_is_read_as_it_was_written() -> None:
    assert load_record(RECORD.name, dump_record(RECORD)) == RECORD
    bare = HostRecord(name="a")
    assert load_record("a", dump_record(bare)) == bare


@pytest.mark.fault("record")
def test_a_record_that_is_too_large_is_refused() -> None:
    large = RECORD.model_copy(update={"labels": {f"label{number}": "x" * 100 for number in range(40)}})
    with pytest.raises(FleetError, match=f"{MOST_BYTES} are the most"):
        dump_record(large)


def changed(**parts: Any) -> bytes:
    return json.dumps({**json.loads(dump_record(RECORD)), **parts}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (dump_record(RECORD) + b" " * MOST_BYTES, "are the most"),
        (b"", "is damaged"),
        (b"\x00", "is damaged"),
        (b"[" * 4000, "is damaged"),
        (dump_record(RECORD)[:-1], "is damaged"),
        (changed(form=2), "form 2, which this prober does not know"),
        (changed(name="other"), "says that it is one of other"),
        (changed(name="-x"), "damaged: name"),
        (changed(more=1), "damaged: more"),
        (changed(seq=-1), "damaged: seq"),
        (changed(time=1e300), "damaged: time"),
        (changed(builds=[["short", "short", "/x"]]), "damaged: builds"),
        (changed(builds=[[name_of(b""), name_of(b""), "x"]]), "damaged: builds"),
        (changed(labels={"a b": "c"}), "damaged: labels"),
    ],
)
@pytest.mark.fault("record")
def test_a_record_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(FleetError, match=said):
        load_record(RECORD.name, data)


@given(st.binary(max_size=200))
def test_nothing_else_comes_of_any_bytes(data: bytes) -> None:
    with pytest.raises(FleetError):
        load_record("a", data)
