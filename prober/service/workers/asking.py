"""A process that asks one QEMU binary, or reads one recording, and tells what that proves.

An interview brings a megabyte of JSON and tens of thousands of objects, and what it proves takes 20 ms to be worked
out: that is done here, and the memory goes with the process.  Where the service closes its end, because nobody wants to
know any more or because it has died, the interview is stopped, and its QEMUs with it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import Any

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.find import CatalogSettings
from prober.capabilities.slices import dump_slices
from prober.errors import ProberError
from prober.qemu.files import read_recording
from prober.qemu.interview import interview
from prober.service.workers.told import AskedElsewhere
from prober.service.workers.wire import WorkerFrame, pack

log = logging.getLogger(__name__)


def ask_for(service: socket.socket, told: Mapping[str, Any]) -> None:
    """Ask, tell the service, and end; it says what in ``told``: ``path``, and ``settings`` (None of a recording)."""
    with service:
        frame = asyncio.run(_ask(service, told))
        if frame is not None:
            service.setblocking(True)
            service.sendall(pack(frame))


async def _ask(service: socket.socket, told: Mapping[str, Any]) -> WorkerFrame | None:
    """The answer; None where nobody wants it any more."""
    loop, work = asyncio.get_running_loop(), asyncio.ensure_future(_answer(told))
    service.setblocking(False)
    # The service says nothing more: what is there to be read is that it has closed its end.
    loop.add_reader(service, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        return None
    finally:
        loop.remove_reader(service)


async def _answer(told: Mapping[str, Any]) -> WorkerFrame:
    path, head = told["path"], {}
    try:
        if told["settings"] is None:
            recording = await read_recording(path)
        else:
            settings = CatalogSettings.model_validate(told["settings"])
            asked = await interview(path, limits=settings.limits, accel=settings.accel)
            recording, head = asked.recording, AskedElsewhere.head_of(asked)
        text = b"\n".join(dump_slices(Capabilities.from_recording(recording)))
    except ProberError as error:
        return WorkerFrame({"error": [error.kind, error.message, error.hint, error.may_pass]})
    except Exception:
        log.exception("asking %s failed", path)
        return WorkerFrame({"fault": True})
    return WorkerFrame(head, text)
