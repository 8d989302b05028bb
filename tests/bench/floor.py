"""The floor of an interview: the same questions, pipelined by a bare client to as many QEMU processes.

One thread for each process, blocking sockets, requests prepared beforehand, replies read as lines and not
parsed.  It knows all questions in advance, and it may, like an interview, not leave out those that kill QEMU:
each is asked where it stands, and once more alone.  Some kill only a QEMU that has loaded its modules: like an
interview, it asks these once more of such a one.

What is asked by a start of its own (:mod:`prober.qemu.help`) is asked so here too, bare: first of all, in a lane that
has nothing else to ask yet.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from prober.qemu.help import HelpLaunch
from prober.qemu.launch import Launch
from prober.qemu.questions import OPENING
from prober.qemu.recording import HELP, Exchange, Recording

_WINDOW = 32

#: What makes QEMU load all of its modules; the space tells it from the question of the recording.
_LOAD_MODULES = b'{"execute": "qom-list-types"} '


@dataclass
class Floor:
    """What one run took: seconds, and how many processes were started.  ``lines`` are the replies."""

    seconds: float = 0.0
    processes: int = 0
    lines: list[bytes] = field(default_factory=list)


def measure_floor(binary: str, root: Path | None, recording: Recording, lanes: int) -> Floor:
    """Ask the questions of a recording's first part again (TCG)."""
    # Before anything else comes what is needed to know what else to ask; a module's type needs its listing.
    every = recording.parts[0].exchanges[1:]
    listings = deque(_argv(_listing(binary, one), root) for one in every if one.command == HELP)
    exchanges = [one for one in every if one.command != HELP]
    first = [one for one in exchanges if one.command in (*OPENING, "qom-list-types")]
    rest = [one for one in exchanges if one not in first]
    killers = {_request(one) for one in rest if one.error is not None and one.error.crashed}
    work = _Work(_argv(Launch(binary), root), deque(_request(one) for one in rest), killers)
    started = time.perf_counter()
    threads = [
        threading.Thread(
            target=work.serve,
            args=(
                listings if lane == lanes - 1 else deque(),
                deque(_request(one) for one in first) if lane == 0 else deque(),
            ),
        )
        for lane in range(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work.floor.seconds = time.perf_counter() - started
    assert len(work.floor.lines) + work.crashes == len(exchanges)
    return work.floor


class _Work:
    def __init__(self, argv: list[str], shared: deque[bytes], killers: set[bytes]) -> None:
        self._argv = argv
        self._shared = shared
        self._killers = killers
        #: Killers that were survived by a QEMU without its modules.
        self._with_modules: set[bytes] = set()
        self.floor = Floor()
        self.crashes = 0

    def serve(self, listings: Iterable[list[str]], own: deque[bytes]) -> None:
        """One lane: have listed what is listed by a start, then ask until nothing is left, in one process after the
        other."""
        for argv in listings:
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        suspect: bytes | None = None
        while own or self._shared or suspect is not None:
            alone = suspect
            unanswered = self._one_process(own, alone)
            suspect = None
            if alone is not None and alone in unanswered:
                self.crashes += 1
                unanswered.remove(alone)
                self._shared.extendleft(reversed(unanswered))
            elif unanswered:
                suspect = unanswered.popleft()
                self._shared.extendleft(reversed(unanswered))

    def _one_process(self, own: deque[bytes], alone: bytes | None) -> deque[bytes]:
        """What was asked and not answered, when the process is gone."""
        self.floor.processes += 1
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = subprocess.Popen(
                self._argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
            )
            theirs.close()
            try:
                return self._talk(ours, own, alone)
            finally:
                process.kill()
                process.wait()

    def _talk(self, ours: socket.socket, own: deque[bytes], alone: bytes | None) -> deque[bytes]:
        flying: deque[bytes] = deque()
        replies = ours.makefile("rb")
        try:
            replies.readline()
            ours.sendall(b'{"execute":"qmp_capabilities"}')
            replies.readline()
            if alone is not None:
                for first in (_LOAD_MODULES, alone) if alone in self._with_modules else (alone,):
                    flying.append(first)
                    ours.sendall(first)
                    self._read_one(replies.readline(), flying)
            while True:
                while len(flying) < _WINDOW and (request := self._next(own)) is not None:
                    flying.append(request)
                    ours.sendall(request)
                if not flying:
                    return flying
                self._read_one(replies.readline(), flying)
        except OSError:
            return flying
        finally:
            replies.close()

    def _read_one(self, line: bytes, flying: deque[bytes]) -> None:
        if not line.startswith(b"{"):
            raise ConnectionResetError  # dead, with or without last words
        request = flying.popleft()
        if request == _LOAD_MODULES:
            return
        if request in self._killers - self._with_modules:
            self._with_modules.add(request)
            self._shared.extendleft((request, _LOAD_MODULES))
            return
        self.floor.lines.append(line)

    def _next(self, own: deque[bytes]) -> bytes | None:
        for queue in (own, self._shared):
            try:
                return queue.popleft()
            except IndexError:
                continue
        return None


def _listing(binary: str, exchange: Exchange) -> HelpLaunch:
    named = {key: str(value) for key, value in (exchange.arguments or {}).items()}
    return HelpLaunch.of(Launch(binary), **named)


def _argv(launch: Launch, root: Path | None) -> list[str]:
    argv = launch.argv()
    return argv if root is None else ["chroot", str(root), *argv]


def _request(exchange: Exchange) -> bytes:
    message: dict[str, object] = {"execute": exchange.command}
    if exchange.arguments is not None:
        message["arguments"] = dict(exchange.arguments)
    return json.dumps(message).encode()
