"""Who asks, as the kernel tells it, and who may ask for more: real processes of other users."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.errors import ForbiddenError, ServiceError
from prober.service.peers import ROOT, Admitted, Peer, find_admins, group_id, peer_of, user_id
from tests.recordings import FIXTURES, load_recording
from tests.unit.capabilities.asking import Asker, Told
from tests.unit.capabilities.making import make_binary
from tests.unit.service.asking_as import ask_as, require_root
from tests.unit.service.running import make_settings, running

_CONNECT = """
import json, os, socket, sys
path, uid, gid, groups = json.loads(sys.argv[1])
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
with socket.socket(socket.AF_UNIX) as ours:
    ours.connect(path)
    ours.recv(1)
"""

#: A user and a group that own nothing here.
_UID, _GID = 61234, 61235
REFRESH = "/v1/binaries/qemu-system-x86_64/refresh"


def _connected(directory: Path, uid: int, gid: int, groups: Sequence[int]) -> Peer:
    """What the kernel says of a process that connects as this user."""
    path = directory / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        listener.settimeout(20)
        told = json.dumps([str(path), uid, gid, [*groups]])
        with subprocess.Popen([sys.executable, "-c", _CONNECT, told]) as process:
            accepted, _ = listener.accept()
            with accepted:
                peer = peer_of(accepted.fileno())
        assert process.returncode == 0
    return peer


def test_a_peer_has_the_groups_that_it_was_in(open_directory: Path) -> None:
    require_root()
    assert _connected(open_directory, _UID, _GID, [7, 70000, 8]) == Peer(_UID, _GID, (7, 8, 70000))


def test_a_peer_may_be_in_no_groups_and_in_very_many(open_directory: Path) -> None:
    require_root()
    assert _connected(open_directory, _UID, _GID, []) == Peer(_UID, _GID, ())
    (open_directory / "s").unlink()
    many = range(100_000, 100_300)
    assert _connected(open_directory, _UID, _GID, many).groups == tuple(many)


def test_a_peer_of_our_own() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours.fileno())
        assert (peer.uid, peer.gid) == (os.geteuid(), os.getegid())
        assert set(peer.groups) == set(os.getgroups())


def test_what_has_no_peer_is_told() -> None:
    with socket.socket(socket.AF_INET) as no_unix, pytest.raises(OSError):
        peer_of(no_unix.fileno())


def test_who_is_let_in() -> None:
    admins = Admitted(frozenset((0, 5)), frozenset((9,)), "root and friends")
    assert admins.has(Peer(0, 1))
    assert admins.has(Peer(5, 1))
    assert admins.has(Peer(6, 9)), "the group itself"
    assert admins.has(Peer(6, 1, (8, 9))), "a supplementary one"
    assert not admins.has(Peer(6, 5, (0, 5))), "a number of a user is none of a group"
    assert not admins.has(None)
    assert not ROOT.has(Peer(6, 0, (0,)))
    with pytest.raises(ForbiddenError, match=r"you may not dance \(it is for root and friends\)"):
        admins.require(None, "dance")


def test_names_are_looked_up() -> None:
    assert (user_id("root"), group_id("root")) == (0, 0)
    assert find_admins("daemon").gids == {group_id("daemon")}
    assert find_admins(None).gids == set()
    assert os.geteuid() in find_admins(None).uids
    with pytest.raises(ServiceError, match="no group 'no-such-group'"):
        find_admins("no-such-group")
    with pytest.raises(ServiceError, match="no user 'no-such-user'"):
        user_id("no-such-user")


def test_a_group_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, admin_group="no-such-group")
    with pytest.raises(ServiceError, match="no group"), running(settings, Asker()):
        pass
    assert not settings.socket.exists()


RECORDING = load_recording(FIXTURES / "qemu-7.2.22.replies.xz")


class RecordedAsker(Asker):
    """Answers with a recording of QEMU 7.2."""

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        return Told(RECORDING)


@pytest.mark.slow
def test_a_binary_is_asked_again_for_those_who_may(open_directory: Path) -> None:
    require_root()
    make_binary(open_directory / "bin", "qemu-system-x86_64")
    settings = make_settings(open_directory, mode=0o666, admin_group="games")
    games = group_id("games")
    with running(settings, RecordedAsker()) as path:
        status, problem = ask_as(path, "POST", REFRESH, uid=_UID, gid=_GID)
        assert (status, problem["type"]) == (403, "urn:prober:forbidden")
        assert problem["detail"] == f"you may not POST {REFRESH}"
        assert problem["hint"] == "it is for root and the service's own user, and the group games"
        assert ask_as(path, "POST", REFRESH, uid=_UID, gid=_GID, groups=[games])[0] == 200
        assert ask_as(path, "POST", REFRESH, uid=_UID, gid=games)[0] == 200
        assert ask_as(path, "POST", REFRESH, uid=0, gid=_GID)[0] == 200
        assert ask_as(path, "GET", "/v1/binaries", uid=_UID, gid=_GID)[0] == 200, "all else is for everybody"
