"""A guest's state as a file: it comes back as it was, and whatever else it is, it is refused in a clear word."""

from __future__ import annotations

import hashlib
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities.models import Version
from prober.errors import StateFileError
from prober.rehearsal.statefile import (
    MAGIC,
    MOST_FILE,
    MOST_HEAD,
    MOST_STATE,
    StateFile,
    StateHead,
    head_of,
    read_kept_domain,
    read_state,
    write_state,
)
from prober.rehearsal.view import GuestView, SeenDevice

DEVICE = SeenDevice("virtio-net-pci", "n", "/machine/peripheral/n", "pcie.0/01.0", "01.0", {"mac": "x", "mq": False})
VIEW = GuestView((DEVICE,), {("machine", "smm"): "auto", ("cpus", "places"): 2})
VERSION = Version(major=7, minor=2, micro=22)
HEAD = head_of("<domain/>", "pc-q35-7.2", VERSION, ("qemu", "-S"), VIEW)
WHOLE = write_state(StateFile(HEAD, b"state" * 1000))


def made(head: bytes, state: bytes, *, sizes: tuple[int, int] | None = None, digest: bytes | None = None) -> bytes:
    """A file that somebody made up, with a checksum that is right."""
    body = head + state
    told = struct.pack(">II", *(sizes or (len(head), len(state))))
    return MAGIC + told + (digest or hashlib.sha256(body).digest()) + body


def packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_it_comes_back_as_it_was() -> None:
    read = read_state(WHOLE)
    assert read == StateFile(HEAD, b"state" * 1000)
    assert read.head.view() == VIEW
    assert (read.head.machine, read.head.version, read.head.argv) == ("pc-q35-7.2", VERSION, ("qemu", "-S"))


@given(state=st.binary(max_size=2000), xml=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_state_comes_back(state: bytes, xml: str) -> None:
    file = StateFile(StateHead(xml=xml, machine="m", version=VERSION), state)
    assert read_state(write_state(file)) == file


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_bit_that_is_flipped_is_found(at: int, bit: int) -> None:
    flipped = bytearray(WHOLE)
    flipped[at] ^= 1 << bit
    with pytest.raises(StateFileError):
        read_state(bytes(flipped))


@given(size=st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_is_found(size: int) -> None:
    with pytest.raises(StateFileError):
        read_state(WHOLE[:size])


def test_a_file_with_more_behind_it_is_found() -> None:
    with pytest.raises(StateFileError, match="says that they are"):
        read_state(WHOLE + b"x")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no state file"),
        (b"\x7fELF" + bytes(100), "no state file"),
        (b"prober-state 2\n\0" + bytes(100), "another version"),
        (MAGIC, "cut short"),
        (MAGIC + bytes(40), "checksum"),
        (made(b"", b""), "head of the state file is not understood|cannot be inflated"),
        (made(packed(b"{}"), packed(b"")), "not understood"),
        (made(packed(b"[" * 100_000), packed(b"")), "not understood"),
        (made(packed(b'{"xml":"","machine":"","version":"","more":1}'), packed(b"")), "not understood"),
        (made(b"nonsense", packed(b"")), "cannot be inflated"),
        (made(packed(HEAD.model_dump_json().encode()), b"nonsense"), "cannot be inflated"),
        (made(packed(HEAD.model_dump_json().encode()), packed(b"x"), sizes=(1, 2)), "says that they are 3"),
        (bytes(MOST_FILE + 1), "at most"),
    ],
)
def test_what_is_no_state_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(StateFileError, match=said):
        read_state(data)


@pytest.mark.parametrize("is_head", [True, False])
def test_what_inflates_to_more_than_it_may_is_not_inflated_to_its_end(is_head: bool) -> None:
    bomb = packed(bytes((MOST_HEAD if is_head else MOST_STATE) + 1))
    assert len(bomb) < 100_000
    good = packed(HEAD.model_dump_json().encode())
    with pytest.raises(StateFileError, match="more than"):
        read_state(made(bomb, packed(b"")) if is_head else made(good, bomb))


def test_a_state_that_is_larger_than_a_file_may_be_is_not_kept() -> None:
    noise = hashlib.shake_256(b"noise").digest(MOST_FILE)
    with pytest.raises(StateFileError, match="at most"):
        write_state(StateFile(HEAD, noise))


@pytest.mark.parametrize(
    "xml", ["", "<domain", "a\0b", "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///a'>]><domain>&a;</domain>"]
)
def test_a_domain_that_is_no_xml_is_the_files_fault(xml: str) -> None:
    head = read_state(write_state(StateFile(StateHead(xml=xml, machine="m", version=VERSION), b"state"))).head
    with pytest.raises(StateFileError, match="the domain in the state file cannot be read"):
        read_kept_domain(head)
