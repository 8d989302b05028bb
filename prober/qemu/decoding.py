"""Recordings out of the bytes of a file: plain or ``.xz``, with a bound.

Nothing here takes an event loop or a process: a command that asks a recording for one fact is over in half the time.
"""

from __future__ import annotations

import lzma
import os

from prober.errors import RecordingError
from prober.qemu.bundled import bundled_file, bundled_names
from prober.qemu.recording import Recording

#: No recording of a real QEMU comes near this size (bytes, decompressed); a crafted file may.
MAX_RECORDING_BYTES = 256 << 20

#: What the decompressor itself may use: the dictionary of ``xz -9`` is 64 MiB.
_XZ_MEMORY = 128 << 20

_XZ_MAGIC = b"\xfd7zXZ\x00"


def load_recording(path: str | os.PathLike[str]) -> Recording:
    """Read a ``.replies`` file, compressed or not (told by its first bytes, not by its name).

    It blocks: where there is an event loop, :func:`prober.qemu.files.read_recording` is awaited.

    :raise RecordingError: where it cannot be read, is damaged, is larger than :data:`MAX_RECORDING_BYTES` once
        decompressed, or is not a recording.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a str is no Path
            data = file.read(MAX_RECORDING_BYTES + 1)
    except OSError as error:
        raise RecordingError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from error
    except ValueError as error:
        # A NUL in the path.
        raise RecordingError(f"cannot read {os.fspath(path)!r}: {error}") from error
    try:
        return decode_recording(data)
    except RecordingError as error:
        raise RecordingError(f"{os.fspath(path)}: {error.message}", hint=error.hint) from error


def load_bundled(name: str) -> Recording:
    """The recording that comes along by this name: ``qemu-7.2`` is the newest of its 7.2.  Blocks.

    A file of that name in the working directory is another matter: :func:`load_recording` reads it.

    :raise RecordingError: where there is none.
    """
    file = bundled_file(str(name))
    if file is None:
        names = ", ".join(bundled_names())
        hint = f"these do: {names}" if names else "this prober was installed without any"
        raise RecordingError(f"no recording {name!r} comes along", hint=hint)
    return load_recording(file)


def decode_recording(data: bytes) -> Recording:
    """The recording in the bytes of a file, compressed or not.

    :raise RecordingError: where they are none.
    """
    if data.startswith(_XZ_MAGIC):
        data = _decompress(data)
    if len(data) > MAX_RECORDING_BYTES:
        raise RecordingError(f"larger than {MAX_RECORDING_BYTES >> 20} MiB")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise RecordingError(f"not UTF-8: {error}") from error
    return Recording.loads(text)


def _decompress(data: bytes) -> bytes:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    try:
        plain = decompressor.decompress(data, max_length=MAX_RECORDING_BYTES + 1)
    except lzma.LZMAError as error:
        raise RecordingError(f"damaged xz data: {error}") from error
    if not decompressor.eof and len(plain) <= MAX_RECORDING_BYTES:
        raise RecordingError("damaged xz data: it ends early")
    return plain
