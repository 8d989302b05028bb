"""The command as a whole process, from its start to its end: the parent's and the present's in turns.

A bare ``python -c pass`` stands beside them: the floor of anything that is written in Python.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench import Row, compare
from tests.bench.service import FACT
from tests.bench.sides import Side, best, in_turns, sides
from tests.conftest import CHECKOUT
from tests.integration.service_process import start_ready_service

BAR = 0.8
_RUNS = 21
_FLOOR = "floor"
_MS = 1000


def rows() -> Iterator[Row]:
    """The two commands that have a bar, and others to compare them with."""
    recordings = CHECKOUT / "fixtures" / "replies"
    example = str(CHECKOUT / "fixtures" / "domains" / "example.xml")
    newest = max(recordings.glob("qemu-[0-9]*.replies.xz"), key=lambda path: path.stat().st_size)
    ident, replies = newest.name.removesuffix(".replies.xz"), ["--replies", str(newest)]
    with tempfile.TemporaryDirectory(prefix="bench") as place, ExitStack() as stack:
        sockets = {}
        for side in sides():
            own = Path(place) / side.name
            own.mkdir()
            options = ("--directory", own / "none", "--replies", newest)
            service = stack.enter_context(start_ready_service(own, *options, prober=side.prober, measured=False))
            sockets[side.name] = ["--socket", str(service.socket), "--binary", ident]
        yield _row("prober supports, asking the service", sockets, ["supports", FACT], BAR)
        yield _row("prober translate, asking the service", sockets, ["translate", example])
    none: dict[str, list[str]] = {}
    yield _row("prober supports, asking a recording", none, ["supports", *replies, FACT])
    yield _row("prober translate, asking a recording", none, ["translate", *replies, example])
    yield _row("prober --help", none, ["--help"], BAR)


def _row(name: str, more: Mapping[str, Sequence[str]], words: Sequence[str], bar: float | None = None) -> Row:
    """``more`` is what only one side's command is given."""
    every = sides()
    asks = {side.name: partial(_run, [side.prober, *words, *more.get(side.name, ())]) for side in every}
    took = best(in_turns({**asks, _FLOOR: partial(_run, _bare(every[-1]))}, _RUNS, warm_up=1))
    floor = took.pop(_FLOOR) * _MS
    ms = {side: seconds * _MS for side, seconds in took.items()}
    return compare(name, "process", ms, "{:.0f} ms", bar, f"best of {_RUNS}; python alone {floor:.0f} ms")


def _bare(side: Side) -> list[str]:
    return [side.python, "-c", "pass"]


def _run(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
