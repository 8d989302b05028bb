"""What something costs in processor time, as far as this machine can tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Cost:
    """``seconds`` is set at the end."""

    seconds: float = 0.0


@contextmanager
def processor_time(clock: Callable[[], float] = time.thread_time) -> Iterator[Cost]:
    """What is done meanwhile, by the clock of this thread's processor time, or by ``time.process_time``.

    The collector rests: it would walk all that other tests of this process have kept.  Never more is told than time
    has passed, as such a clock leaps in a virtual machine (:mod:`prober.service.measured`).
    """
    cost, was_enabled = Cost(), gc.isenabled()
    gc.disable()
    began, began_at = clock(), time.monotonic()
    try:
        yield cost
    finally:
        cost.seconds = min(clock() - began, time.monotonic() - began_at)
        if was_enabled:
            gc.enable()
