"""Capabilities written and read on an event loop without holding it: slice by slice, with others' turns between.

Deriving them from a recording is not done here: that takes 20 ms at once, in a process of its own where others wait
(``docs/decisions/workers.md``).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import to_json

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator
from prober.capabilities.slices import Assembly, dump_slices, slices_of
from prober.qemu.recording import Recording


@dataclass(frozen=True)
class Derived:
    """What a recording proves, worked out in another process: the slices of capabilities, as one text."""

    text: bytes


async def load_gently(text: bytes) -> Capabilities:
    """Capabilities from the text of their slices.  They stay where they are: the collector does not look at them.

    :raise SliceError: where it is none.
    """
    assembly = Assembly()
    for piece in slices_of(text):
        assembly.add(piece)
        await asyncio.sleep(0)
    made = assembly.finish()
    # Else the collector walks through all of it now and again, which holds the loop.
    gc.freeze()
    return made


async def dump_gently(capabilities: Capabilities) -> bytes:
    """The text of the slices of capabilities."""
    pieces = []
    for piece in dump_slices(capabilities):
        pieces.append(piece)
        await asyncio.sleep(0)
    return b"\n".join(pieces)


async def json_gently(capabilities: Capabilities) -> bytes:
    """The whole as one JSON object: what ``model_dump_json(by_alias=True)`` makes, with others' turns between."""
    written: dict[str, list[bytes]] = {}
    for piece in dump_slices(capabilities):
        label, _, text = piece.partition(b"\n")
        if label != b"schema":
            written.setdefault(label.decode(), []).append(text)
        await asyncio.sleep(0)
    accelerators = [
        to_json(name) + b":" + _object(Accelerator, f"accelerators {name} ", written)
        for name in capabilities.accelerators
    ]
    written["schema_text"] = [to_json(capabilities.schema_text)]
    written["accelerators"] = [b"{" + b",".join(accelerators) + b"}"]
    return _object(Capabilities, "", written)


def _object(model: type[BaseModel], before: str, written: Mapping[str, list[bytes]]) -> bytes:
    """An object of all fields of a model; those of which nothing was written are null, or left out if they may be."""
    fields = (
        to_json(field.serialization_alias or name) + b":" + _joined(written.get(before + name, [b"null"]))
        for name, field in model.model_fields.items()
        if before + name in written or field.exclude_if is None
    )
    return b"{" + b",".join(fields) + b"}"


def _joined(pieces: list[bytes]) -> bytes:
    """One list or object of the entries of several."""
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0][:1] + b",".join(piece[1:-1] for piece in pieces) + pieces[0][-1:]


async def take_over(recording: Recording | Derived) -> Capabilities:
    """What a recording proves; where that was not worked out elsewhere it is done in a thread.

    :raise RecordingError: where a reply has not the form that QEMU gives it.
    :raise SliceError: where what was worked out elsewhere is no text of slices.
    """
    if isinstance(recording, Derived):
        return await load_gently(recording.text)
    return await asyncio.to_thread(Capabilities.from_recording, recording)
