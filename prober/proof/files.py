"""The files of a bench, made in a directory: at the edge, and in a thread of its own, as it blocks."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from prober.errors import LaunchError
from prober.proof.bench import StandInFile

#: How many files are made for one line, and how much is written into them: what is zero is left a hole.
MOST_FILES = 4096
MOST_CONTENT = 64 * 1024**2

#: The largest file, holes and all.
MOST_SIZE = 8 * 1024**4

#: What is zero in a piece of this size becomes a hole.
_PIECE = 4096

#: How many may be connected to a socket that nobody accepts on.
_BACKLOG = 16


def make_files(files: Iterable[StandInFile], directory: Path) -> ExitStack:
    """Make all of them in a directory that is there and empty.  Closing what comes back takes them away again.

    Whoever runs QEMU under another user id may read and write them.  A socket is listened on, and nobody ever accepts,
    until it is closed.

    :raise LaunchError: where they are too many or too large, or one cannot be made.  Nothing is left behind then.
    """
    listed = list(files)
    _check(listed)
    stack, written = ExitStack(), 0
    try:
        for file in listed:
            written += _make_or_raise(file, directory, stack)
            if written > MOST_CONTENT:
                raise LaunchError(f"the stand-ins have more than {MOST_CONTENT} bytes")
    except BaseException:
        stack.close()
        raise
    return stack


def _make_or_raise(file: StandInFile, directory: Path, stack: ExitStack) -> int:
    try:
        return _make(file, directory, stack)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LaunchError(f"cannot make a stand-in: {file.name[:80]!r}: {reason}") from error


def takes_direct_io(directory: Path) -> bool:
    """Whether files there can be opened past the host's cache, as ``cache.direct`` and ``aio=native`` ask for."""
    place = directory / ".direct"
    try:
        os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_DIRECT | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    finally:
        with suppress(OSError):
            place.unlink()
    return True


def _check(files: list[StandInFile]) -> None:
    if len(files) > MOST_FILES:
        raise LaunchError(f"{len(files)} stand-ins are needed, and {MOST_FILES} are the most")
    for file in files:
        if "/" in file.name or file.name in ("", ".", ".."):
            raise LaunchError(f"{file.name[:80]!r} is no name of a file")
        if not 0 <= file.at + len(file.content) <= MOST_SIZE or file.size > MOST_SIZE:
            raise LaunchError(f"a stand-in of {file.size} bytes is too large")


def _make(file: StandInFile, directory: Path, stack: ExitStack) -> int:
    """How many bytes were written."""
    path = directory / file.name
    if file.kind == "directory":
        path.mkdir()
        stack.callback(_remove_directory, path)
        # QEMU may be another user; the directory above is closed to all others.
        path.chmod(0o777 if file.writable else 0o755)
    elif file.kind == "socket":
        _listen(path, stack)
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        stack.callback(_remove, path)
        try:
            os.fchmod(descriptor, 0o666 if file.writable else 0o444)
            return _fill(descriptor, file)
        finally:
            os.close(descriptor)
    return 0


def _fill(descriptor: int, file: StandInFile) -> int:
    """The content where it belongs, with holes for what is zero, and a hole to the end."""
    os.ftruncate(descriptor, max(file.size, file.at + len(file.content)))
    view, nothing, total = memoryview(file.content), bytes(_PIECE), 0
    for begin in range(0, len(view), _PIECE):
        piece = view[begin : begin + _PIECE]
        if piece != nothing[: len(piece)]:
            place = file.at + begin
            total += len(piece)
            while piece:
                written = os.pwrite(descriptor, piece, place)
                piece, place = piece[written:], place + written
    return total


def _listen(path: Path, stack: ExitStack) -> None:
    listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
    # A unix socket's path has 107 bytes at most: through a descriptor, a long path of ours does not matter.
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
    stack.callback(_remove, path)
    path.chmod(0o666)
    listener.listen(_BACKLOG)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _remove_directory(path: Path) -> None:
    """With what QEMU made in it."""
    shutil.rmtree(path, ignore_errors=True)
