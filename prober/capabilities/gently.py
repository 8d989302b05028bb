"""Capabilities written and read on an event loop without holding it: slice by slice, with others' turns between.

Deriving them from a recording is not done here: that takes 20 ms at once, in a process of its own where others wait
(``docs/decisions/workers.md``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.slices import Assembly, dump_slices, slices_of
from prober.qemu.recording import Recording


@dataclass(frozen=True)
class Derived:
    """What a recording proves, worked out in another process: the slices of capabilities, as one text."""

    text: bytes


async def load_gently(text: bytes) -> Capabilities:
    """Capabilities from the text of their slices.

    :raise SliceError: where it is none.
    """
    assembly = Assembly()
    for piece in slices_of(text):
        assembly.add(piece)
        await asyncio.sleep(0)
    return assembly.finish()


async def dump_gently(capabilities: Capabilities) -> bytes:
    """The text of the slices of capabilities."""
    pieces = []
    for piece in dump_slices(capabilities):
        pieces.append(piece)
        await asyncio.sleep(0)
    return b"\n".join(pieces)


async def take_over(recording: Recording | Derived) -> Capabilities:
    """What a recording proves; where that was not worked out elsewhere it is done in a thread.

    :raise RecordingError: where a reply has not the form that QEMU gives it.
    """
    if isinstance(recording, Derived):
        return await load_gently(recording.text)
    return await asyncio.to_thread(Capabilities.from_recording, recording)
