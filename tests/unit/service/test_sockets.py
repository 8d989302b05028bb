"""The socket: made with the right owner, taken from a dead service, never from a live one, and removed."""

from __future__ import annotations

import grp
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from prober.errors import ServiceError
from prober.service.settings import ServiceSettings
from prober.service.sockets import listening_socket


def _settings(path: Path, **more: object) -> ServiceSettings:
    return ServiceSettings.model_validate({"socket": path, **more})


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o666])
def test_made_and_removed(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "deep/er/s.sock"
    before = os.umask(0o022)
    os.umask(before)
    with listening_socket(_settings(path, mode=mode)) as made:
        found = path.lstat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == mode
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not made.get_inheritable()
    assert not path.exists()
    after = os.umask(before)
    os.umask(before)
    assert after == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to any group")
def test_group(tmp_path: Path) -> None:
    group = max(grp.getgrall(), key=lambda item: item.gr_gid)
    with listening_socket(_settings(tmp_path / "s", group=group.gr_name)):
        assert (tmp_path / "s").stat().st_gid == group.gr_gid


def test_unknown_group(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="no group 'nobody-has-this'"):
        listening_socket(_settings(tmp_path / "s", group="nobody-has-this")).__enter__()
    assert not (tmp_path / "s").exists()


def _leave_dead_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
        dead.listen()


def test_socket_of_a_dead_service_is_replaced(tmp_path: Path) -> None:
    _leave_dead_socket(tmp_path / "s")
    with (
        listening_socket(_settings(tmp_path / "s")),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
    ):
        client.connect(str(tmp_path / "s"))


def test_socket_of_a_live_service_is_left(tmp_path: Path) -> None:
    with listening_socket(_settings(tmp_path / "s")) as made:
        inode = (tmp_path / "s").stat().st_ino
        with pytest.raises(ServiceError, match="another service answers"):
            listening_socket(_settings(tmp_path / "s")).__enter__()
        assert (tmp_path / "s").stat().st_ino == inode
        assert made.fileno() >= 0


def test_live_service_with_a_full_queue_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(path))
        busy.listen(0)
        waiting = []
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.setblocking(False)
            waiting.append(client)
            try:
                client.connect(str(path))
            except BlockingIOError:
                break
        with pytest.raises(ServiceError, match="another service answers"):
            listening_socket(_settings(path)).__enter__()
        for client in waiting:
            client.close()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_left(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("elsewhere")
    with pytest.raises(ServiceError, match="is not a socket"):
        listening_socket(_settings(path)).__enter__()
    assert os.path.lexists(path)


def test_place_taken_by_another_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening_socket(_settings(path)):
        path.unlink()
        _leave_dead_socket(path)
    assert path.exists()


def test_two_at_once(tmp_path: Path) -> None:
    """Of many that start at the same moment on a dead one's socket, one wins, and its socket stays."""
    _leave_dead_socket(tmp_path / "s")
    started, stop = threading.Barrier(8), threading.Event()
    won, lost = [], []

    def start() -> None:
        started.wait()
        try:
            with listening_socket(_settings(tmp_path / "s")):
                won.append(1)
                stop.wait(10)
        except ServiceError as error:
            lost.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(won) + len(lost) < 8:
        stop.wait(0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(tmp_path / "s"))
    stop.set()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("path", ["/proc/none/s.sock", "/dev/null/s.sock", "/tmp/" + "x" * 200])
def test_place_that_cannot_be(path: str) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ServiceError, match=r"cannot listen|longer than"):
        listening_socket(_settings(Path(path))).__enter__()
    assert len(os.listdir("/proc/self/fd")) == descriptors
