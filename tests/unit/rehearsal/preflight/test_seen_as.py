"""A look is a process of its own: with the user's rights, nothing to change, little time, and gone at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.errors import UsageError
from prober.host.host import Host
from prober.rehearsal.preflight import seen_as
from prober.rehearsal.preflight.look import preflight
from prober.rehearsal.preflight.seen_as import find_user, look_as
from prober.rehearsal.preflight.wanted import HostWishes, find_wanted
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.rehearsal.preflight.scratch import ScratchHost, found, qcow2
from tests.unit.rehearsal.preflight.test_images import IMAGE, disk

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")


def test_what_is_seen_comes_back_whole() -> None:
    assert look_as(find_user(None), lambda: b"x" * 300_000) == b"x" * 300_000


def _fails() -> bytes:
    raise RuntimeError("told to nobody")


def _is_killed() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"still there"


@pytest.mark.parametrize("look", [_fails, lambda: os._exit(0), _is_killed])
def test_a_look_that_fails_is_none(look: Callable[[], bytes], capfd: pytest.CaptureFixture[str]) -> None:
    assert look_as(find_user(None), look) in (None, b"")


def _state(process: int) -> str:
    """How a process is; empty where there is none.  What has lost its parent is reaped by whoever reaps such."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_look_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_as, "_WALL_S", 0.2)

    reader, writer = os.pipe()

    def endless() -> bytes:
        started = subprocess.Popen(["sleep", "1000"])
        os.write(writer, f"{os.getpid()} {started.pid}".encode())
        while True:
            os.read(os.pipe()[0], 1)

    assert look_as(find_user(None), endless) is None
    processes = [int(word) for word in os.read(reader, 40).split()]
    os.close(reader)
    os.close(writer)
    deadline = time.monotonic() + 20
    while any(_state(process) not in ("", "Z") for process in processes):
        assert time.monotonic() < deadline, processes
        time.sleep(0.01)


def test_a_look_writes_no_file(tmp_path: Path) -> None:
    def write() -> bytes:
        try:
            (tmp_path / "made").write_bytes(b"x")
        except OSError as error:
            return str(error.errno).encode()
        return b"written"

    assert look_as(find_user(None), write) != b"written"
    assert not (tmp_path / "made").exists() or (tmp_path / "made").stat().st_size == 0


@only_root
def test_root_looks_with_the_rights_of_the_user() -> None:
    user = find_user("nobody")
    seen = look_as(user, lambda: f"{os.getuid()} {os.geteuid()} {os.getgid()} {os.getgroups()}".encode())
    assert seen == f"{user.uid} {user.uid} {user.gid} {sorted(user.groups)}".encode()


@only_root
def test_the_kernel_judges_for_the_user(open_directory: Path) -> None:
    host = ScratchHost(open_directory / "host")
    host.write(IMAGE, qcow2(), 0o640)
    flight = preflight(_wanted(), find_user("nobody"), host.root)
    assert (flight.judged_by, flight.user, flight.outlook) == ("kernel", "nobody", "wrong")
    assert "may not read" in found(flight, "image")[0].what
    (host.root / IMAGE.lstrip("/")).chmod(0o666)
    assert preflight(_wanted(), find_user("nobody"), host.root).outlook == "ok"


def _wanted() -> HostWishes:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    domain = read_domain(disk())
    return find_wanted(domain, caps, binary="/usr/bin/qemu", host=Host(), is_here=False, assume=False)


@pytest.mark.parametrize("name", ["nobody-of-this-name", "-1", "99999999999999999999"])
def test_a_user_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(UsageError, match="there is no user"):
        find_user(name)
