"""What is wrong with how an input was taken: an error that is none of ours, no end, or too quick a growth."""

from __future__ import annotations

import gc
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prober.errors import ProberError

#: One input may take so much processor time (seconds).
MOST_S = 5.0

#: Four times the input may take so many times the processor time; linear is 4.  Less than the second figure (seconds)
#: is not looked at.
_MOST_GROWTH, _LEAST_S = 9.0, 0.08


class HangError(BaseException):
    """An input took more processor time than it may.  No Exception, so that nobody catches it."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with an input: a word for its kind, and the rest of it."""

    kind: str
    said: str


def try_input(run: Callable[[bytes], object], data: bytes, most: float = MOST_S) -> Finding | None:
    """Run it; None where it ends well or with an error of ours, which has a message."""
    try:
        with _limited(most):
            run(data)
    except ProberError as error:
        return None if error.message and str(error) else Finding("an error without a message", repr(error))
    except HangError:
        return Finding("no end", f"more than {most:g} s of processor time for {len(data)} bytes")
    except Exception:  # noqa: BLE001 - that is what is looked for
        return Finding("an error that is none of ours", traceback.format_exc(limit=-6))
    return None


def try_growth(run: Callable[[bytes], object], make: Callable[[int], bytes], times: int) -> Finding | None:
    """Run an input in which something is there so many times, and four times as many."""
    small, large = make(times), make(4 * times)
    first = _seconds(run, small)
    second = _seconds(run, large)
    if second < _LEAST_S or second <= _MOST_GROWTH * first:
        return None
    # A machine that was busy, or a collection of garbage, is none of the input's.
    first, second = (min(_seconds(run, data) for _ in range(3)) for data in (small, large))
    if second < _LEAST_S or second <= _MOST_GROWTH * first:
        return None
    return Finding("not linear", f"{len(small)} bytes take {first:.3f} s, {len(large)} bytes {second:.3f} s")


def _seconds(run: Callable[[bytes], object], data: bytes) -> float:
    gc.collect()
    began = time.process_time()
    try_input(run, data, 60.0)
    return time.process_time() - began


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def end(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
