"""Numbers of ``-object iothread`` and ``main-loop``, which are read with a sign and checked after that."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, number, value_of
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_NUMBERS = ("poll-max-ns", "poll-grow", "poll-shrink", "poll-weight", "aio-max-batch", "thread-pool-min",
            "thread-pool-max")  # fmt: skip

_MOST = 2**63 - 1


def _numbers(line: Line) -> Iterator[Fault]:
    for item in line.objects:
        if item.qom_type not in ("iothread", "main-loop"):
            continue
        found = {key: number(value_of(item.properties, key)) for key in _NUMBERS}
        for key, value in found.items():
            if value is not None and not 0 <= value <= _MOST:
                yield Fault(item.place, key, f"{key} is from 0 to {_MOST}, not {value}")
        most, least = found["thread-pool-max"], found["thread-pool-min"]
        if most == 0 or (most is not None and least is not None and 0 < most < least):
            yield Fault(item.place, "thread-pool-max", "thread-pool-max is above 0, and not less than thread-pool-min")


RULES = (
    Rule(
        "line/thread-numbers",
        "numbers of an `iothread` are not negative, and a pool of threads has room for one",
        "iothread.c, iothread_set_param; util/thread-pool.c, event_loop_base_set_param",
        _numbers,
        about=("iothread", "main-loop"),
        wrong="-display none -object iothread,id=i,poll-max-ns=-1",
        right="-display none -object iothread,id=i,poll-max-ns=0",
    ),
)
