"""The command as a user has it: a process of its own, with what it prints and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.conftest import CHECKOUT
from tests.integration.forked import forker

#: The installed command of the environment that the tests run in.
PROBER = str(Path(sys.executable).with_name("prober"))

#: Seconds that anything may take to begin; a fault shows long before.
PATIENCE = 60.0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for it, not for ever."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_listened_on(path: Path) -> bool:
    """Whether somebody listens on a unix socket: its file is there before that (proc_net(5), ``SO_ACCEPTCON``)."""
    sockets = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(fields[3] == "00010000" and fields[-1] == str(path) for fields in sockets if len(fields) == 8)


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str


def run_prober(*words: object, stdin: str = "", cwd: Path = CHECKOUT) -> Ended:
    """Run ``prober`` to its end, in a process that is forked with its imports (:mod:`tests.integration.forked`)."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        code = forker().run([PROBER, *map(str, words)], str(cwd), (given, out, err), PATIENCE)
        printed = [_text_of(stream) for stream in (out, err)]
    assert "Traceback" not in printed[1]
    return Ended(code, *printed)


def run_into(out: IO[bytes] | None, *words: object, cwd: Path = CHECKOUT) -> Ended:
    """The same with an ``out`` of its own: where the answer goes, closed where it is None."""
    with Path(os.devnull).open("rb") as given, tempfile.TemporaryFile() as err:
        code = forker().run([PROBER, *map(str, words)], str(cwd), (given, out, err), PATIENCE)
        printed = _text_of(err)
    assert "Traceback" not in printed
    return Ended(code, "", printed)


def _text_of(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


def run_installed(*words: object, stdin: str = "", cwd: Path = CHECKOUT) -> Ended:
    """The same by the command that is installed, as a shell starts it."""
    ended = subprocess.run(
        [PROBER, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False
    )
    assert "Traceback" not in ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


class Group:
    """A process group of its own, as a terminal makes one for each command; its output goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def code(self) -> int:
        """Its exit status; it has ended.

        :raise subprocess.TimeoutExpired: where it has not, in a long time.
        """
        return self._process.wait(PATIENCE)

    @property
    def printed(self) -> str:
        """All output so far, of both kinds."""
        return self._log.read_text()

    def wait_for(self, condition: Callable[[str], bool]) -> str:
        """The output, once it fulfils a condition."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.printed):
            assert self._process.poll() is None, f"it ended early:\n{self.printed}"
            assert time.monotonic() < deadline, f"it is not ready:\n{self.printed}"
            time.sleep(0.05)
        return self.printed

    def members(self) -> list[int]:
        """The processes of the group that are alive."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(") ")[2].split()[:3]
            except (OSError, ValueError):
                continue
            if int(group) == self._process.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found

    def press_ctrl_c(self) -> float:
        """SIGINT to all of them, as a terminal sends it; returns the seconds until the last one is gone."""
        began = time.monotonic()
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(PATIENCE)
        while self.members():
            assert time.monotonic() - began < PATIENCE, f"left behind: {self.members()}"
            time.sleep(0.01)
        return time.monotonic() - began


@contextmanager
def start_group(command: Sequence[object], cwd: Path = CHECKOUT) -> Iterator[Group]:
    """A command in a process group of its own; whatever is left of it at the end is killed."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "log")
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                start_new_session=True,
                env={**os.environ, "MAKEFLAGS": ""},
            )
        group = Group(process, log)
        try:
            yield group
        finally:
            for pid in group.members():
                with suppress(ProcessLookupError):  # It ended meanwhile.
                    os.kill(pid, signal.SIGKILL)
            process.wait(PATIENCE)


@contextmanager
def start_service(socket: Path, *options: object) -> Iterator[Group]:
    """``prober serve`` on a socket, once it has said what it serves."""
    command = [
        PROBER,
        "serve",
        "--config",
        "/dev/null",
        "--socket",
        socket,
        "--cache",
        socket.parent / "cache",
        *options,
    ]
    with start_group(command) as group:
        group.wait_for(lambda printed: "Ctrl-C ends it." in printed)
        yield group
