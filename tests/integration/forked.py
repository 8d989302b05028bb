"""The command without its imports: a process that has them already, and forks for each command that is to be run.

What is run is a process of its own, with its own words, directory, environment and standard streams, which ends as
Python ends.  It leaves out what comes before :func:`prober.cli.start.start` and the imports of what that calls, a third
of a second of processor time each.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import IO, Any

from tests.conftest import CHECKOUT

#: Most bytes of one message: words, and an environment.
_MOST = 1 << 20


class Forker:
    """The process that forks, from outside.  It ends when we do, or close it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
            command = [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
            environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, cwd=CHECKOUT)

    def run(self, words: Sequence[str], cwd: str, streams: Sequence[IO[Any] | None], patience: float) -> int:
        """The exit status of the command with these words, of which the first is its own name; a stream that is None is
        closed for it.

        :raise TimeoutError: where it did not end within ``patience`` seconds; it is dead then.
        """
        message: dict[str, Any] = {"words": list(words), "cwd": cwd, "environment": dict(os.environ)}
        given = {number: stream.fileno() for number, stream in enumerate(streams) if stream is not None}
        message["numbers"] = list(given)
        socket.send_fds(self._socket, [json.dumps(message).encode()], list(given.values()))
        self._socket.settimeout(patience)
        try:
            return int(self._socket.recv(64))
        except TimeoutError:
            self.close()  # what it forked dies with it
            forker.cache_clear()
            raise

    def close(self) -> None:
        """End it, and what it has forked."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


@cache
def forker() -> Forker:
    """The one of this process."""
    made = Forker()
    atexit.register(made.close)
    return made


# In that process.


def serve(descriptor: int) -> None:
    """Fork for each message, one after the other, until the other side is closed."""
    for name in _modules():
        importlib.import_module(name)
    sys.path.remove("")  # the installed command does not look where it is started
    gc.freeze()
    with socket.socket(fileno=descriptor) as asked:
        words = _fork_for_each(asked)
    if words:
        from prober.cli.start import start

        sys.argv = words
        start()


def _modules() -> list[str]:
    from prober.cli.commands import COMMANDS, FLEET

    return ["prober.cli.main", "typer.rich_utils", *(command.module for command in (*COMMANDS, *FLEET))]


def _fork_for_each(asked: socket.socket) -> list[str]:
    """The words of a command, in the process that is to run it; none, in the process that forks, at the end."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, _MOST, 3)
        if not message:
            return []
        child = os.fork()
        if child == 0:
            return _become(json.loads(message), descriptors)
        for one in descriptors:
            os.close(one)
        asked.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(asked: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Take the standard streams, directory and environment of a command; its words."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    for number, one in zip(asked["numbers"], descriptors, strict=True):
        os.dup2(one, number)
        os.close(one)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number not in asked["numbers"]:
            os.close(number)
            setattr(sys, name, None)  # as Python itself has it
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    words: list[str] = asked["words"]
    return words
