"""What was learned of a binary, on disk: one file a binary.

    prober-cache FORMAT LENGTH CHECKSUM\n        one line of ASCII; LENGTH and CHECKSUM are of all that follows
    {"fingerprint": …, "seconds": …, …}\n        the head: one line of JSON
    version\\n{"major": …}\\ntarget\\n"x86_64"…     the capabilities, in slices (:mod:`.slices`)

Rules:

- A file appears whole under its name or not at all: it is written to a temporary file in the same directory, synced,
  renamed, and the directory is synced.
- What cannot be trusted (damaged, truncated, foreign, oversized, unreadable) is set aside as ``NAME.bad``, at most
  one for each name, with a log line, and counts as not there.
- The cache is never needed: whatever the disk does, reading gives an entry or None, and writing never raises.
- A directory that is not ours alone (:mod:`prober.capabilities.private`) is refused when it is opened.

An entry says what it depends on (its fingerprint); whether that still holds is for the caller to compare.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path

import aiofiles
from pydantic import BaseModel, ConfigDict, ValidationError

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.fingerprint import Fingerprint
from prober.capabilities.fingerprinter import own_version
from prober.capabilities.gently import dump_gently, load_gently
from prober.capabilities.private import require_private
from prober.capabilities.slices import SliceError
from prober.qemu.box.forms import Confined
from prober.qemu.finishing import uncancelled

#: Changes with the layout of the file or of the head.  The content's own version is in the fingerprint.
FORMAT = 4

#: No real entry comes near this size (bytes).
MAX_ENTRY_BYTES = 64 << 20

_MAGIC = b"prober-cache"
_FIRST_LINE = re.compile(rb"prober-cache (\d{1,6}) (\d{1,10}) ([0-9a-f]{64})")
_MAX_FIRST_LINE = 128

log = logging.getLogger(__name__)


class Learned(BaseModel):
    """What one interview gave besides the capabilities.

    ``seconds`` is how long it took, ``timings`` the seconds of its phases, ``asked_at`` when it was (seconds since
    1970).  ``confinement`` is the form of the box that the QEMUs were in (None: a recording), ``unconfined`` what could
    not be had of it, a sentence each.  ``untraced`` is what the process ran and cannot be found on this host, in words:
    the fingerprint cannot tell whether that has changed, so such an answer is not kept on disk.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: Fingerprint
    seconds: float
    timings: dict[str, float]
    asked_at: float
    confinement: Confined | None = None
    unconfined: tuple[str, ...] = ()
    untraced: tuple[str, ...] = ()


#: What this process runs short of, which is no fault of an entry.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class _UntrustedError(Exception):
    """Why a file is set aside."""


class DiskCache:
    """The cache in one directory.

    ``trace`` is called with the name of each step of a write (``opened``, ``written``, ``synced``, ``renamed``), in
    the thread that takes it, before the next one; tests let things go wrong there.
    """

    def __init__(
        self, directory: Path, *, max_bytes: int = MAX_ENTRY_BYTES, trace: Callable[[str], None] = lambda _: None
    ) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._trace = trace
        self._counter = count()
        # One change at a time, in the order they were asked for: a removal is not overtaken by an older write.
        self._order = asyncio.Lock()

    async def open(self) -> None:
        """Make the directory where it is missing, and remove what a killed writer left.

        A directory that cannot be made or read is told in the log, and the cache goes without.

        :raise ServiceError: where others can write to the directory: what they put there would be believed.
        """
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        try:
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            require_private(self.directory)
            for path in self.directory.glob(".*.tmp"):
                with suppress(OSError):
                    _remove_unless_written(path)
        except OSError as error:
            log.warning("cache directory %s cannot be used: %s", self.directory, error)

    def path_of(self, binary: str) -> Path:
        """The file for a binary's path: its name for humans, and a hash of the path."""
        name = re.sub(r"[^\w.+-]", "_", Path(binary).name)[:64]
        return self.directory / f"{name}-{sha256(binary.encode(errors='surrogateescape')).hexdigest()[:16]}.cache"

    async def read(self, binary: str) -> tuple[Learned, Capabilities] | None:
        """The entry for a binary, or None.  Never raises; what cannot be trusted is set aside."""
        return await uncancelled(self._read(binary))

    async def _read(self, binary: str) -> tuple[Learned, Capabilities] | None:
        path = self.path_of(binary)
        try:
            data = await self._read_file(path)
            checked = await asyncio.to_thread(_check, data, binary)
            return None if checked is None else (checked[0], await _load(data[checked[1] :]))
        except FileNotFoundError:
            return None
        except (OSError, _UntrustedError) as error:
            if isinstance(error, OSError) and error.errno in _OURS:
                log.warning("cache entry %s cannot be read now: %s", path, error)
                return None
            await asyncio.to_thread(self._set_aside, path, error)
            return None

    async def write(self, learned: Learned, capabilities: Capabilities) -> bool:
        """Write the entry for ``learned.fingerprint.path``; False, with a log line, where the disk will not have it.

        On any failure the entry that was there stays, and no temporary file does.  A write that began is finished
        before a cancellation goes on, as the thread that writes cannot be stopped.
        """
        async with self._order:
            return await uncancelled(self._write(learned, capabilities))

    async def _write(self, learned: Learned, capabilities: Capabilities) -> bool:
        path = self.path_of(learned.fingerprint.path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(self._counter)}.tmp")
        try:
            data = await asyncio.to_thread(_compose, learned, await dump_gently(capabilities))
            if len(data) > self._max_bytes:
                log.warning("cache entry %s would have %d bytes and is not written", path, len(data))
                return False
            await self._write_file(path, temporary, data)
        except OSError as error:
            log.warning("cache entry %s cannot be written: %s", path, error)
            return False
        finally:
            with suppress(OSError):
                await asyncio.to_thread(temporary.unlink, missing_ok=True)
        return True

    async def remove(self, binary: str) -> None:
        """Remove the entry for a binary that is gone.  Never raises."""
        async with self._order:
            with suppress(OSError):
                await asyncio.to_thread(self.path_of(binary).unlink, missing_ok=True)

    async def _read_file(self, path: Path) -> bytes:
        async with aiofiles.open(path, "rb", opener=_open_plain) as file:
            data: bytes = await file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise _UntrustedError(f"it is larger than {self._max_bytes} bytes")
        return data

    async def _write_file(self, path: Path, temporary: Path, data: bytes) -> None:
        async with aiofiles.open(temporary, "xb", opener=_create_private) as file:
            await asyncio.to_thread(self._trace, "opened")
            await file.write(data)
            await file.flush()
            await asyncio.to_thread(self._trace, "written")
            await asyncio.to_thread(os.fsync, file.fileno())
            await asyncio.to_thread(self._trace, "synced")
            await asyncio.to_thread(self._rename, temporary, path)  # while the lock is held

    def _rename(self, temporary: Path, path: Path) -> None:
        temporary.replace(path)
        self._trace("renamed")
        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _set_aside(self, path: Path, why: Exception) -> None:
        """One ``.bad`` file for each name: the last one is enough to look into, and disks are finite."""
        try:
            path.replace(path.with_name(f"{path.name}.bad"))
        except OSError as error:
            log.warning("cache entry %s is not used: %s; it cannot be set aside: %s", path, why, error)
        else:
            log.warning("cache entry %s is not used, and set aside as %s.bad: %s", path, path.name, why)


def entry_fault(path: Path) -> str | None:
    """Why the entry in this file cannot be trusted, or None: its form, length and checksum are looked at.  Blocks."""
    try:
        with open(path, "rb", opener=_open_plain) as file:
            data = file.read(MAX_ENTRY_BYTES + 1)
        if len(data) > MAX_ENTRY_BYTES:
            return f"it is larger than {MAX_ENTRY_BYTES} bytes"
        _check_form(data)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except _UntrustedError as error:
        return str(error)
    return None


def _create_private(path: str, flags: int) -> int:
    """Make a file, and hold a lock on it for as long as it is written."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with suppress(OSError):  # Where nothing can be locked, who looks finds a lock as little.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def _remove_unless_written(path: Path) -> None:
    """Remove a temporary file whose writer has died, as its lock has with it: no clock tells as much.

    :raise OSError: where it is being written, or cannot be looked at.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(fd)


def _open_plain(path: str, flags: int) -> int:
    """Open a regular file that is ours; a link, a FIFO, a device, another user's file, or one that others can write to
    is not taken.

    :raise _UntrustedError: where it is none.
    """
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        why = "it is not a regular file"
    elif found.st_uid not in (os.geteuid(), 0):
        why = f"it belongs to user {found.st_uid}"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = f"others can write to it ({stat.S_IMODE(found.st_mode):04o})"
    else:
        return fd
    os.close(fd)
    raise _UntrustedError(why)


def _compose(learned: Learned, capabilities: bytes) -> bytes:
    rest = b"\n".join((learned.model_dump_json().encode(), capabilities))
    return b"%s %d %d %s\n%s" % (_MAGIC, FORMAT, len(rest), sha256(rest).hexdigest().encode(), rest)


async def _load(content: bytes) -> Capabilities:
    """What an entry says of the binary.

    :raise _UntrustedError: where something is wrong.
    """
    try:
        return await load_gently(content)
    except SliceError as error:
        raise _UntrustedError(f"its content has another form: {error}") from error


def _check_form(data: bytes) -> tuple[int, int]:
    """The format, and where the first line ends; of our own format the length and the checksum are right.

    :raise _UntrustedError: where something is wrong.
    """
    end = data.find(b"\n", 0, _MAX_FIRST_LINE)
    first = _FIRST_LINE.fullmatch(data, 0, end) if end > 0 else None
    if first is None:
        raise _UntrustedError("it does not begin as an entry does" if data else "it is empty")
    if int(first[1]) == FORMAT:
        rest = memoryview(data)[end + 1 :]
        if len(rest) != int(first[2]):
            raise _UntrustedError(f"it should have {int(first[2])} bytes after the first line, and has {len(rest)}")
        if sha256(rest).hexdigest().encode() != first[3]:
            raise _UntrustedError("its checksum is wrong")
    return int(first[1]), end


def _check(data: bytes, binary: str) -> tuple[Learned, int] | None:
    """Check from the outside in: the form, the format, the length, the checksum, the head.  And where the rest begins.

    None is an entry of another format or content version: an honest file, written by another prober.

    :raise _UntrustedError: where something is wrong.
    """
    form, end = _check_form(data)
    if form != FORMAT:
        log.info("cache entry of %s has format %d, not %d: the binary is asked anew", binary, form, FORMAT)
        return None
    head_end = data.find(b"\n", end + 1)
    try:
        learned = Learned.model_validate_json(data[end + 1 : head_end])
        if learned.fingerprint.path != binary:
            raise _UntrustedError(f"it is about {learned.fingerprint.path}")
        if not learned.fingerprint.interview.startswith(own_version()):
            log.info("cache entry of %s was made by prober %s", binary, learned.fingerprint.interview)
            return None
        return learned, head_end + 1
    except ValidationError as error:
        raise _UntrustedError(f"its head has another form: {str(error).splitlines()[0]}") from error
