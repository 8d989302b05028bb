"""Each stand-in on real QEMUs: a sound line starts, and its spoilt twin is refused for what it was spoilt with."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from prober.proof.bench import Bench, StandInFile
from prober.proof.standin import stand_in
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import Ended, EndedEarlyError, GivenArgv, capabilities_of, talk_to
from tests.integration.stand_in_more_twins import DISPLAY_TWINS, OBJECT_TWINS, OTHER_TWINS
from tests.integration.stand_in_twins import CHARDEV_TWINS, NETDEV_TWINS, Twins

pytestmark = pytest.mark.slow

_HEAD = ("-nodefaults", "-machine", "pc", "-accel", "tcg")

#: The directory of stand-ins as QEMU sees it.
_THEIRS = "/tmp/stand-ins"

#: QMP is taken away from the standard output, which a terminal's path is printed on, and put on descriptor 3.
_AWAY = 'exec 3>&1 1>&2 0</dev/null; exec "$@"'
_MONITOR = ("-S", "-chardev", "socket,fd=3,id=test-qmp", "-mon", "chardev=test-qmp,mode=control")

ALL_TWINS = (*NETDEV_TWINS, *CHARDEV_TWINS, *OBJECT_TWINS, *DISPLAY_TWINS, *OTHER_TWINS)


@contextmanager
def made(files: Sequence[StandInFile], ours: Path) -> Iterator[None]:
    """The files of a bench, while the block runs."""
    with ExitStack() as stack:
        for file in files:
            path = ours / file.name
            if file.kind == "directory":
                path.mkdir()
                path.chmod(0o777)
            elif file.kind == "socket":
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(str(path))
                listener.listen(16)
                path.chmod(0o777)
            else:
                path.write_bytes(file.content)
                with path.open("r+b") as opened:
                    opened.truncate(max(file.size, len(file.content)))
                path.chmod(0o666 if file.writable else 0o444)
        yield


def try_words(place: QemuPlace, words: list[str]) -> tuple[Bench, Ended]:
    """A line that is made ready and started, and how its QEMU ends."""
    with TemporaryDirectory(prefix="prober-test-") as made_here:
        ours = Path(made_here)
        ours.chmod(0o777)
        bench = stand_in([place.binary, *_HEAD, *words], capabilities_of(place), _THEIRS)
        assert bench.not_provable == []
        with made(bench.files, ours):
            return bench, aio(_try(place, ours, [word for given in bench.line for word in given.words()]))


async def _try(place: QemuPlace, ours: Path, words: list[str]) -> Ended:
    """How it ends in a box with nothing of the host's network and devices: told to at once, or by itself."""
    try:
        async with talk_to(
            GivenArgv("/usr/bin/bwrap", words=(*_box(place, ours), place.binary, *words, *_MONITOR))
        ) as qemu:
            return await qemu.quit()
    except EndedEarlyError as error:
        return error.ended


def _box(place: QemuPlace, ours: Path) -> tuple[str, ...]:
    return (
        *("--unshare-all", "--die-with-parent", "--clearenv", "--uid", "65534", "--gid", "65534"),
        *("--ro-bind", str(place.root or "/"), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
        *("--bind", str(ours), _THEIRS, "--chdir", _THEIRS, "/bin/sh", "-c", _AWAY, "sh"),
    )


def _twins(place: QemuPlace, twins: Twins) -> Twins | None:
    """The twins where this QEMU has what they are about."""
    major, minor, _ = capabilities_of(place).version.numbers
    return twins if twins.is_for((major, minor)) else None


@pytest.mark.parametrize("twins", ALL_TWINS, ids=lambda twins: f"{twins.rows}: {twins.sound}"[:70])
def test_a_sound_line_starts_and_a_spoilt_one_is_refused_for_what_it_was_spoilt_with(
    any_qemu: QemuPlace, twins: Twins
) -> None:
    of_this = _twins(any_qemu, twins)
    if of_this is None:
        return
    bench, ended = try_words(any_qemu, twins.words(spoilt=False))
    assert ended.status == 0, (ended.stderr, [given.words() for given in bench.line])
    _, ended = try_words(any_qemu, twins.words(spoilt=True))
    assert ended.status != 0, [given.words() for given in bench.line]
    assert twins.says in ended.stderr
