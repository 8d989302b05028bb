"""A worker: it takes one question after the other from the service, and answers each.

It holds one socket and the standard streams.  Whatever a question does to it, the service sees the socket close.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from prober.capabilities.compact import give_back_memory
from prober.service.workers.known import KnownBinaries
from prober.service.workers.wire import FrameReader, WorkerFrame, pack, receive

#: No question and no slice comes near this size (bytes).
_MOST = 64 << 20

_PAGE = resource.getpagesize()

#: By so much a worker goes behind others.  At half of the load that two processors bear, 99 of 100 ``supports`` took
#: 2.8 to 6.0 ms with it and 5.6 to 7.3 without, and a fifth more was answered in all.
_NICE = 4

#: A worker that has grown by this part of what it may take is replaced when it has answered.
_KEPT = 2


def work_for(service: socket.socket, told: Mapping[str, Any]) -> None:
    """Answer until the service closes its end, or until more memory is held than a worker may keep (``last``)."""
    _go_last()
    began, most = _used(), told.get("memory", 0)
    if most:
        resource.setrlimit(resource.RLIMIT_AS, (_addressed() + most,) * 2)
    reader, known = FrameReader(_MOST), KnownBinaries()
    while (frame := receive(service, reader)) is not None:
        if "do" not in frame.head:
            known.take(frame.head, frame.body)
            continue
        head, body = _answer(frame, known)
        if most and _used() - began > most // _KEPT:
            give_back_memory()
            if _used() - began > most // _KEPT:
                head = {**head, "last": True}
        service.sendall(pack(WorkerFrame(head, body)))
        if "last" in head:
            return


def _go_last() -> None:
    """Give the processor up to whoever answers at once: the service's event loop, and its clients (sched(7))."""
    with suppress(OSError):  # Where that is forbidden all are equal.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(_NICE)


def _answer(frame: WorkerFrame, known: KnownBinaries) -> WorkerFrame:
    # Imported late: the nursery has it already, where it was asked for a worker of this kind.
    from prober.service.workers.work import answer

    return answer(frame, known)


def _used() -> int:
    """The memory that is resident, in bytes (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _addressed() -> int:
    """The size of the address space, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
