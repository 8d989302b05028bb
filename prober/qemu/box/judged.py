"""The process that answers QMP, as this host's kernel knows it: what it runs, and which files it has mapped.

It may be a grandchild in a box, or behind a wrapper script.  Who it is, is told by the kernel with what it sends
(``SCM_CREDENTIALS``, unix(7)), in the numbers of our own namespace.  The paths that ``/proc`` shows are those of the
box; each is translated to the host's, and held by device and inode against what the process really has.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from dataclasses import dataclass

from prober.errors import ProtocolError
from prober.qemu.box.model import Box

#: struct ucred of <bits/socket.h>: pid, uid, gid.
_CREDENTIALS = struct.Struct("=iII")

_MAX_MAPS = 8 << 20
_MAX_FILES = 4096

#: ``address perms offset device inode path`` (proc(5)); a path of a file begins with a slash.
_MAPPED = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+) +(/.*)$", re.MULTILINE)
_GONE = " (deleted)"
_ESCAPED = re.compile(r"\\(\d{3})")


@dataclass(frozen=True)
class MappedFile:
    """A file that a process executes or has mapped.

    ``path`` is where it is on the host, None where the host has no such file (memory, a file that was replaced or
    removed, another file under its name): then it is not known what it is.  ``inside`` is the path as the process has
    it.  ``device`` and ``inode`` are of the file that the process has.
    """

    path: str | None
    inside: str
    device: int
    inode: int


@dataclass(frozen=True)
class Judged:
    """What a process runs: ``exe`` is the program, ``files`` all that is mapped, the program too, by ``inside``."""

    pid: int
    exe: MappedFile
    files: tuple[MappedFile, ...]

    @property
    def unknown(self) -> tuple[MappedFile, ...]:
        """The mapped files that are none of the host's, so that nothing can depend on them."""
        return tuple(file for file in self.files if file.path is None)


def ask_for_credentials(qmp: socket.socket) -> None:
    """Have the kernel tell who sends on the other end, from now on.  Before the process is started.

    :raise OSError: where it does not.
    """
    qmp.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def sender_of(qmp: socket.socket) -> int | None:
    """The process that sent what can be read next, which stays to be read; None where the other end is closed.

    Numbers are those of our own namespace; 0 is a process that it does not have.

    :raise BlockingIOError: where there is nothing yet.
    """
    data, ancillary, _, _ = qmp.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_PEEK)
    for level, kind, words in ancillary:
        if data and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_CREDENTIALS.unpack(words[: _CREDENTIALS.size])[0])
    return None


def read_judged(pid: int, box: Box | None = None) -> Judged:
    """What this process runs now.  Blocks for a few milliseconds.

    More may be mapped later: QEMU loads a module when a type of it is asked for.

    :raise ProtocolError: where the process is gone, may not be looked at, or has mapped more than any QEMU.
    """
    try:
        # The directory stays that of this very process, whoever gets its number next.
        directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ProtocolError(f"process {pid} cannot be looked at: {error.strerror}") from error
    try:
        exe = os.readlink("exe", dir_fd=directory)
        found = os.stat("exe", dir_fd=directory)
        program = _on_host(exe, found.st_dev, found.st_ino, box)
        files = tuple(_mapped(directory, program, box))
        os.readlink("exe", dir_fd=directory)  # Of one that died meanwhile nothing was found, and that tells nothing.
        return Judged(pid, program, files)
    except OSError as error:
        raise ProtocolError(f"process {pid} cannot be looked at: {error.strerror}") from error
    finally:
        os.close(directory)


def _mapped(directory: int, program: MappedFile, box: Box | None) -> list[MappedFile]:
    with os.fdopen(os.open("maps", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory), "rb") as file:
        text = file.read(_MAX_MAPS + 1)
    lines = set(_MAPPED.findall(text))  # each file is mapped some five times
    named = {(int(inode), _unescaped(path.decode(errors="surrogateescape"))) for inode, path in lines}
    if len(text) > _MAX_MAPS or len(named) > _MAX_FILES:
        raise ProtocolError("the process has mapped more files than any QEMU")
    files = {program.inside: program}
    for inode, inside in sorted(named, key=lambda one: one[1]):
        if inside not in files:
            files[inside] = _one(directory, inside, inode, box)
    return [files[inside] for inside in sorted(files)]


def _one(directory: int, inside: str, inode: int, box: Box | None) -> MappedFile:
    """A mapped file.  Its device comes of ``stat``: that in ``maps`` is another on btrfs and overlayfs."""
    try:
        if box is None or box.shares_paths:
            found = os.stat(inside)  # noqa: PTH116 - of a hundred, of which a Path would be half of the time
        else:
            found = os.stat(f"root/{inside.lstrip('/')}", dir_fd=directory)
    except OSError:
        return MappedFile(None, inside, -1, inode)
    if found.st_ino != inode:
        return MappedFile(None, inside, -1, inode)
    return _on_host(inside, found.st_dev, found.st_ino, box)


def _on_host(inside: str, device: int, inode: int, box: Box | None) -> MappedFile:
    if inside.endswith(_GONE):
        return MappedFile(None, inside, device, inode)
    # In a chroot as well /proc shows the paths as we have them: only another mount namespace has its own.
    path = inside if box is None or box.shares_paths else box.host_path(inside)
    try:
        found = None if path is None else os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        found = None
    same = found is not None and (found.st_dev, found.st_ino) == (device, inode)
    return MappedFile(path if same else None, inside, device, inode)


def _unescaped(path: str) -> str:
    """``maps`` writes a line break as ``\\012``."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), path)
