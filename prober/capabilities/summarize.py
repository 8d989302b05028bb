"""What differs between two answers about one binary, counted in a process of its own.

It takes half a second of a processor, and Python runs one thing at a time: in a thread of the service everybody else
would wait for it.  :mod:`prober.capabilities.summary` is that process.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

import prober
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.changes import DifferenceSummary
from prober.capabilities.gently import json_gently
from prober.qemu.finishing import uncancelled

log = logging.getLogger(__name__)

#: Where it takes longer than this (seconds) there is no summary.
_MOST_S = 30.0
_MOST_BYTES = 64 << 10

#: The module that works it out; nothing of it is imported here.
_PROCESS = "prober.capabilities.summary"

Summarizer: TypeAlias = Callable[[Capabilities, Capabilities], Awaitable[DifferenceSummary | None]]


async def count_difference(before: Capabilities, now: Capabilities) -> DifferenceSummary | None:
    """The summary, from another process; None, with a log line, where that fails.  No process is left behind."""
    process: asyncio.subprocess.Process | None = None
    try:
        async with asyncio.timeout(_MOST_S):
            asked = [await json_gently(one) for one in (before, now)]
            process = await _start()
            said, _ = await process.communicate(b"\n".join(asked))
        return DifferenceSummary.model_validate_json(said[:_MOST_BYTES])
    except (OSError, TimeoutError, ValidationError) as error:
        log.warning("what differs in a binary cannot be told: %s", str(error).splitlines()[0] if str(error) else "late")
        return None
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await uncancelled(process.wait())


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        _PROCESS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(Path(prober.__file__).parent.parent), "LC_ALL": "C.UTF-8"},
        cwd="/",
    )
