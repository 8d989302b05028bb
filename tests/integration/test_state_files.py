"""The state of a guest kept in a file, and taken by a QEMU: a sound one, and such as somebody made up."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prober.errors import StateFileError
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.keeping import Guest, load_state, save_state
from prober.rehearsal.kernels import KernelOffers
from prober.rehearsal.models import Migration
from prober.rehearsal.statefile import StateFile, read_state, write_state
from tests.conftest import QemuPlace, aio
from tests.integration.processes import run_prober
from tests.integration.real_qemu import capabilities_of
from tests.proc import children_of

LINE = ("qemu", "-nodefaults", "-display", "none", "-accel", "tcg", "-machine", "pc-q35-5.2", "-m", "64")
CARD = ("-device", "virtio-net-pci,romfile=,id=n,addr=3")

DOMAIN = """<domain type='qemu'><name>m</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><devices>
<interface type='user'><model type='virtio'/></interface><graphics type='vnc' passwd='sesame12'/></devices></domain>"""


def subject_of(place: QemuPlace) -> LineSubject:
    return LineSubject(place.binary, capabilities_of(place), place.root)


@pytest.fixture(scope="module")
def subject(qemu_binary: str) -> LineSubject:
    return subject_of(QemuPlace("installed", qemu_binary))


@pytest.fixture(scope="module")
def kept(subject: LineSubject) -> StateFile:
    guest = Guest(subject, LineRequest((*LINE, *CARD)), "<domain/>")
    saved, file = aio(save_state(guest), debug=False)
    assert saved.verdict == "rehearsed"
    assert file is not None
    assert len(file.state) == saved.state_bytes > 100_000
    return file


def load(file: StateFile, subject: LineSubject, *more: str) -> Migration:
    migration: Migration = aio(load_state(file, subject, LineRequest((*LINE, *more))), debug=False)
    assert migration.confinement == "bubblewrap"
    return migration


@pytest.mark.needs("bubblewrap")
def test_what_was_kept_is_taken(kept: StateFile, subject: LineSubject) -> None:
    migration = load(kept, subject, *CARD)
    assert (migration.verdict, migration.changes) == ("rehearsed", ())


@pytest.mark.needs("bubblewrap")
def test_what_only_one_kernel_offers_is_told(subject: LineSubject) -> None:
    tap = ("-netdev", "tap,id=t,ifname=t0,script=no,downscript=no,vhost=on")
    line = LineRequest((*LINE, *tap, "-device", "virtio-net-pci,netdev=t,romfile=,id=n,addr=3"))
    here = KernelOffers(kernel="6.1", tun=("tap", "vnet_hdr"), vhost_net=("mrg_rxbuf", "log_all"))
    there = here.model_copy(update={"vhost_net": ("mrg_rxbuf",)})
    saved, file = aio(save_state(Guest(subject, line, "<domain/>", here)), debug=False)
    assert saved.verdict == "rehearsed" and file is not None
    read = read_state(write_state(file))
    for offers, verdict, changes in ((here, "rehearsed", []), (there, "rehearsed in part", ["log_all"])):
        told: Migration = aio(load_state(read, subject, line, offers=offers), debug=False)
        assert (told.verdict, [one.here for one in told.changes]) == (verdict, changes)
        assert not any("did not tell" in text for text in told.unknown)
    untold: Migration = aio(load_state(read, subject, line), debug=False)
    assert sum("both did not tell" in text for text in untold.unknown) == 2


@pytest.mark.needs("bubblewrap")
def test_another_machine_does_not_take_it(kept: StateFile, subject: LineSubject) -> None:
    migration = load(kept, subject)
    assert (migration.verdict, migration.device) == ("refused", "virtio-net-pci n at 03.0")
    assert "0000:00:03.0/virtio-net" in migration.said


def flipped(state: bytes, at: int) -> bytes:
    return state[:at] + bytes([state[at] ^ 0xFF]) + state[at + 1 :]


#: What somebody may make of a state, and with which QEMU has no patience.
SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda state: state[: len(state) // 2],
    "another magic": lambda state: flipped(state, 0),
    "another version": lambda state: flipped(state, 7),
    "noise": lambda state: bytes(range(256)) * 400,
    "a device that is not there": lambda state: state.replace(b"0000:00:03.0/virtio-net", b"0000:00:03.0/virtio-gpu"),
    "a block that is not there": lambda state: state.replace(b"pc.bios", b"pc.bias"),
    "pages of another block": lambda state: state.replace(b"\x07pc.bios", b"\x06pc.ram\x00"),
}


@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize("how", SPOILT)
def test_a_state_that_was_made_up_is_refused_in_a_clear_word(kept: StateFile, subject: LineSubject, how: str) -> None:
    before = children_of(os.getpid()), sorted(os.listdir("/proc/self/fd"))
    migration = load(replace(kept, state=SPOILT[how](kept.state)), subject, *CARD)
    assert migration.verdict == "refused", migration
    assert migration.said or migration.signal
    assert (children_of(os.getpid()), sorted(os.listdir("/proc/self/fd"))) == before


def test_an_empty_state_is_none(kept: StateFile, subject: LineSubject) -> None:
    with pytest.raises(StateFileError, match="is empty"):
        load(replace(kept, state=b""), subject, *CARD)


@pytest.mark.needs("bubblewrap")
@pytest.mark.slow
def test_flipped_bytes_end_in_a_verdict(kept: StateFile, subject: LineSubject) -> None:
    """Behind the memory there are devices: whatever is flipped there, QEMU takes it, refuses it, or dies of it in its
    box."""
    size = len(kept.state)
    for at in range(size - 3000, size, 500):
        migration = load(replace(kept, state=flipped(kept.state, at)), subject, *CARD)
        assert migration.verdict in ("rehearsed", "refused"), migration


@pytest.mark.needs("bubblewrap")
@pytest.mark.slow
def test_the_command_keeps_a_state_and_has_it_taken(qemu_binary: str, tmp_path: Path) -> None:
    domain, file = tmp_path / "vm.xml", tmp_path / "vm.state"
    domain.write_text(DOMAIN.format(machine="pc-q35-5.2"))
    saved = run_prober("state", "save", domain, "--binary", qemu_binary, "-o", file, "--driven")
    assert (saved.code, saved.err) == (0, "")
    assert "(pc-q35-5.2)" in saved.out
    head = read_state(file.read_bytes()).head
    assert "sesame12" not in head.model_dump_json()
    assert "passwd='xxxxxxxx'" in head.xml
    loaded = run_prober("state", "load", file, "--binary", qemu_binary, "--json")
    assert (loaded.code, loaded.err) == (0, "")
    told: dict[str, Any] = json.loads(loaded.out)
    assert (told["migration"]["verdict"], told["migration"]["changes"]) == ("rehearsed", [])
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    refused = run_prober("state", "load", file, "--binary", qemu_binary)
    assert (refused.code, refused.out) == (3, "")
    assert "damaged" in refused.err
    none = run_prober("state", "load", tmp_path / "none", "--binary", qemu_binary)
    assert none.code == 2
    assert "cannot be read" in none.err


@pytest.mark.needs("bubblewrap")
@pytest.mark.slow
def test_what_a_file_says_does_not_speak_to_the_terminal(kept: StateFile, qemu_binary: str, tmp_path: Path) -> None:
    file = tmp_path / "vm.state"
    values = (kept.head.values[0].model_copy(update={"value": "\x1b[2J\n::error::made up"}), *kept.head.values[1:])
    head = kept.head.model_copy(update={"values": values, "xml": DOMAIN.format(machine=kept.head.machine)})
    file.write_bytes(write_state(replace(kept, head=head)))
    told = run_prober("state", "load", file, "--binary", qemu_binary, "--verbose")
    assert "\\x1b[2J\\n::error::made up" in told.out
    assert "\x1b" not in told.out
    file.write_bytes(write_state(replace(kept, head=head.model_copy(update={"xml": "<domain"}))))
    told = run_prober("state", "load", file, "--binary", qemu_binary)
    assert (told.code, told.out) == (3, "")
    assert "the domain in the state file cannot be read" in told.err
