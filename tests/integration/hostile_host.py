"""A host that tells whether a line got anywhere: its secret file, its sockets, its directories."""

import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.integration.images import write_image

#: What stands in the secret file, and in nothing else.
SECRET = "only-the-host-may-know-9d2f61"


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Host:
    """What a hostile line may find: files and sockets that everybody may use, and what they were like before.

    ``open_directory`` and all in it may be written by anybody, so that it is not the permissions which hold.  ``boxes``
    is where directories for stand-ins are made.
    """

    open_directory: Path
    boxes: Path
    tcp: socket.socket
    unix: socket.socket
    datagrams: socket.socket
    abstract: socket.socket
    before: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def secret(self) -> Path:
        return self.open_directory / "secret"

    @property
    def script(self) -> Path:
        """A program that leaves a file."""
        return self.open_directory / "script"

    @property
    def fresh(self) -> Path:
        """A file that is not there."""
        return self.open_directory / "fresh"

    @property
    def socket(self) -> Path:
        return self.open_directory / "socket"

    @property
    def datagram_socket(self) -> Path:
        return self.open_directory / "datagrams"

    @property
    def abstract_name(self) -> str:
        return f"prober-test-{self.open_directory.name}"

    @property
    def port(self) -> int:
        """Where somebody listens on 127.0.0.1."""
        return int(self.tcp.getsockname()[1])

    @cached_property
    def free_port(self) -> int:
        """Where nobody listens on 127.0.0.1: below those that the kernel gives to whoever connects (ip(7))."""
        begin = 10_000 + self.port % 20_000
        return next(port for port in range(begin, begin + 2000) if _is_free(port))

    def look(self) -> dict[str, tuple[object, ...]]:
        """All that is in the open directory, with what would change if somebody wrote there."""
        seen: dict[str, tuple[object, ...]] = {}
        for path in (self.open_directory, *self.open_directory.rglob("*")):
            found = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
            seen[str(path)] = (
                found.st_mode,
                found.st_uid,
                found.st_size,
                found.st_mtime_ns,
                found.st_ctime_ns,
                content,
            )
        return seen

    def changes(self) -> list[str]:
        """Paths that are not as they were."""
        now = self.look()
        return sorted(path for path in now.keys() | self.before.keys() if now.get(path) != self.before.get(path))

    def connected(self) -> list[str]:
        """Sockets of the host on which somebody called."""
        return [
            name
            for name, one in (("tcp", self.tcp), ("unix", self.unix), ("abstract", self.abstract))
            if _is_called(one)
        ] + (["datagrams"] if _is_told(self.datagrams) else [])

    def listening(self) -> list[str]:
        """Where somebody listens who did not before."""
        found = []
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", self.free_port)) == 0:
                found.append(f"127.0.0.1:{self.free_port}")
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(f"\0{self.abstract_name}-theirs") == 0:
                found.append("an abstract socket")
        return found


def _is_called(listening: socket.socket) -> bool:
    with suppress(BlockingIOError):
        listening.accept()[0].close()
        return True
    return False


def _is_told(datagrams: socket.socket) -> bool:
    with suppress(BlockingIOError):
        datagrams.recv(1)
        return True
    return False


@contextmanager
def open_host() -> Iterator[Host]:
    """A part of this host that everybody may read, write and call."""
    with ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prober-hostile-", dir="/tmp")))
        made.chmod(0o777)
        boxes = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prober-boxes-", dir="/tmp")))
        boxes.chmod(0o777)
        tcp, unix, datagrams, abstract = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        host = Host(made, boxes, tcp, unix, datagrams, abstract)
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(host.socket))
        datagrams.bind(str(host.datagram_socket))
        abstract.bind(f"\0{host.abstract_name}")
        for one in (tcp, unix, abstract):
            one.listen()
        for one in (tcp, unix, datagrams, abstract):
            one.setblocking(False)
        host.secret.write_bytes(SECRET.encode().ljust(4096, b"\n"))
        host.script.write_text(f"#!/bin/sh\necho run > {made}/run-by-script\n")
        (made / "tree").mkdir()
        (made / "tree" / "inner").write_text(SECRET)
        (made / "config").write_text(f'[chardev "c"]\n  backend = "file"\n  path = "{host.fresh}"\n')
        write_image(made / "empty.qcow2", "qcow2")
        for path, mode in ((host.script, 0o777), (made / "tree", 0o777), (made / "empty.qcow2", 0o666)):
            path.chmod(mode)
        for path in (host.socket, host.datagram_socket, host.secret, made / "tree" / "inner", made / "config"):
            path.chmod(0o666)
        host.before = host.look()
        yield host


def write_overlay(path: Path, backing: Path) -> None:
    """An image of its own with nothing in it, on top of another file (QEMU, ``docs/interop/qcow2.txt``)."""
    write_image(path, "qcow2")
    data, name = bytearray(path.read_bytes()), os.fsencode(backing)
    extension = struct.pack(">II", 0xE2792ACA, 3) + b"raw".ljust(8, b"\0") + bytes(8)
    at = 104 + len(extension)
    data[8:20] = struct.pack(">QI", at, len(name))
    data[104:at] = extension
    data[at : at + len(name)] = name
    path.write_bytes(data)
