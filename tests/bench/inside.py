"""The inner side of a measurement: run by each checkout's own Python, and asked by :mod:`tests.bench.worker`.

A file that stands alone: it is read from this checkout and imports ``prober`` of the one whose Python runs it.  Rooms
and names changed between the two, so each thing is looked for in all places where it was.

A line of JSON in is a question, a line out its answer: ``seconds`` and ``cpu`` (the process's own time), the least of
all rounds, or ``refused``.
"""

from __future__ import annotations

import gc
import importlib
import json
import lzma
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Each thing, and the modules that have it or had it, the newest first.
_PLACES = {
    "read_domain": ("prober.translate.read", "prober.domain"),
    "translate": ("prober.translate.pipeline", "prober.domain"),
    "check_argv": ("prober.commandline.report",),
    "Capabilities": ("prober.capabilities.capabilities", "prober.capabilities"),
    "Recording": ("prober.qemu.recording",),
    "ProberError": ("prober.errors",),
}

_BINARY = "/usr/bin/qemu-system-x86_64"

#: So many more objects before the collector looks, as in the service.
_COLLECT_AFTER = 20_000


def find(name: str) -> Any:
    """A thing of prober, from where it is in this checkout."""
    for place in _PLACES[name]:
        try:
            return getattr(importlib.import_module(place), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"{name} is in none of {', '.join(_PLACES[name])}")


class Inside:
    """Answers questions; what a recording proves is kept, by the recording's path."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._capabilities, self._recording = find("Capabilities"), find("Recording")
        self._read_domain, self._translate, self._check = find("read_domain"), find("translate"), find("check_argv")
        self._error: type[Exception] = find("ProberError")

    def load(self, path: str) -> Any:
        """The capabilities, from the bytes of a recording's file."""
        text = lzma.decompress(Path(path).read_bytes()).decode()
        return self._capabilities.from_recording(self._recording.loads(text))

    def known(self, path: str) -> Any:
        """The same, kept; and the collector looks at none of it again, as in the service."""
        if path not in self._known:
            self._known[path] = self.load(path)
            gc.collect()
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER, 10, 10)
        return self._known[path]

    def work(self, asked: dict[str, Any]) -> Callable[[int], object]:
        """What is to be measured; it takes the number of the round."""
        path = asked["replies"]
        if asked["do"] == "load":
            return lambda _: self.load(path)
        capabilities = self.known(path)
        if asked["do"] == "check":
            return lambda _: self._check(asked["argv"], capabilities)
        xml: str = asked["xml"]
        # Another text each time, so that nothing is remembered.
        return lambda number: self._translate(
            self._read_domain(f"{xml}<!-- {asked.get('salt', 0)} {number} -->".encode()), capabilities, binary=_BINARY
        )

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question."""
        work = self.work(asked)
        seconds, cpu, refused = [], [], False
        for number in range(asked.get("rounds", 1)):
            began, began_cpu = time.perf_counter(), time.process_time()
            try:
                work(number)
            except self._error:
                refused = True
            seconds.append(time.perf_counter() - began)
            cpu.append(time.process_time() - began_cpu)
        return {"seconds": min(seconds), "cpu": min(cpu), "refused": refused}


def main() -> None:
    """Answer until the input ends."""
    inside = Inside()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(inside.answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
