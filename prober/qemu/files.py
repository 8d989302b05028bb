"""Recordings on disk: plain or ``.xz``, read with a bound, written whole or not at all."""

from __future__ import annotations

import asyncio
import lzma
import os
from pathlib import Path

import aiofiles

from prober.errors import RecordingError
from prober.qemu.decoding import MAX_RECORDING_BYTES, decode_recording
from prober.qemu.finishing import uncancelled
from prober.qemu.recording import Recording
from prober.qemu.whole import write_whole


async def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Read a ``.replies`` file, compressed or not (told by its first bytes, not by its name).

    :raise RecordingError: where it cannot be read, is damaged, is larger than :data:`MAX_RECORDING_BYTES`
        once decompressed, or is not a recording.
    """
    try:
        async with aiofiles.open(path, "rb") as file:
            data = await file.read(MAX_RECORDING_BYTES + 1)
    except OSError as error:
        raise RecordingError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from error
    except ValueError as error:
        # A NUL in the path.
        raise RecordingError(f"cannot read {os.fspath(path)!r}: {error}") from error
    try:
        return await asyncio.to_thread(decode_recording, data)
    except RecordingError as error:
        raise RecordingError(f"{os.fspath(path)}: {error.message}", hint=error.hint) from error


async def write_recording(path: str | os.PathLike[str], recording: Recording) -> None:
    """Write a ``.replies`` file, compressed where the name ends in ``.xz``.

    The file appears whole under its name or not at all: what stood there before stays on failure.  A pipe or a device,
    and what else is no plain file, is written to and not replaced.

    :raise RecordingError: where it cannot be written.
    """
    target = Path(path)
    data = await asyncio.to_thread(_encode, recording, target.suffix == ".xz")
    try:
        # Whole and tidy, then a cancellation has its way.  A recording is for everyone, as the umask has it.
        await uncancelled(asyncio.to_thread(write_whole, target, data, 0o666 & ~_UMASK, kept=True))
    except OSError as error:
        raise RecordingError(f"cannot write {target}: {error.strerror or error}") from error


def _read_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


#: Read once, as the only way to read it is to change it for a moment.
_UMASK = _read_umask()


def _encode(recording: Recording, compress: bool) -> bytes:
    try:
        data = recording.dumps().encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise RecordingError(f"the recording cannot be written as text: {error}") from error
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME) if compress else data
