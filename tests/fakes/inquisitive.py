"""A QEMU that tries what it is not to do, and tells in its version what it sees and what it got done.

Standard library only, and in one file: it is copied to where a box shows it.  What it may find is in ``places``, the
last argument of :func:`main`.
"""

import ctypes
import errno
import json
import os
import resource
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

#: <linux/prctl.h>
_PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS = 21, 39
_IO_URING_SETUP = 425

_LIMITS = ("CORE", "CPU", "NOFILE", "NPROC", "FSIZE")

Places = dict[str, Any]


def see() -> dict[str, Any]:
    """What it is started with."""
    return {
        "descriptors": {fd: _kind(fd) for fd in range(1024) if _kind(fd)},
        "environment": dict(os.environ),
        "directory": os.getcwd(),
        "user": [os.geteuid(), os.getegid(), os.getgroups()],
        "limits": {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] for name in _LIMITS},
        "no_new_privs": _libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        "seccomp": _libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0),
        "capabilities": _capabilities(),
    }


def _kind(fd: int) -> str:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return ""
    kinds = ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "pipe"), (stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"))
    return next((name for test, name in kinds if test(mode)), "other")


def _capabilities() -> int:
    """The effective and the permitted ones (capget(2), version 3)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    _libc.capget(header, data)
    return data[0] | data[1] | data[3] | data[4]


def attempts(places: Places) -> Iterator[tuple[str, Callable[[], object]]]:
    """What it tries, each by its name; what raises no OSError is done."""
    secret, cache, entry = places["secret"], places["cache"], places["entry"]
    yield "read a file of the host", lambda: _read(secret)
    yield "read /etc/passwd", lambda: _read("/etc/passwd")
    yield "list the cache", lambda: os.listdir(cache)
    yield "read an entry of the cache", lambda: _read(entry)
    yield "write where everybody may", lambda: _create(places["open"])
    yield "write to the cache", lambda: _create(cache)
    yield "write to an entry", lambda: open(entry, "a").close()
    yield "truncate an entry", lambda: os.truncate(entry, 0)
    yield "empty an entry by opening it", lambda: os.close(os.open(entry, os.O_RDONLY | os.O_TRUNC))
    yield "remove an entry", lambda: os.unlink(entry)
    yield "rename an entry", lambda: os.rename(entry, entry + ".bad")
    yield "let others into the cache", lambda: os.chmod(cache, 0o777)
    yield "give the cache away", lambda: os.chown(cache, os.getuid(), os.getgid())
    yield "touch the cache", lambda: os.utime(cache)
    yield "mark the cache", lambda: os.setxattr(cache, "user.mark", b"1")
    yield "connect over TCP", lambda: socket.create_connection(("127.0.0.1", places["port"]), 2)
    yield "connect to a socket's path", lambda: _connect(places["socket"])
    yield "connect to an abstract socket", lambda: _connect("\0" + places["abstract"])
    yield "open a vsock", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    yield "open a packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    yield "signal the service", lambda: os.kill(_service(), 0)
    yield "read the service's memory", lambda: _read_memory(places["address"])
    yield "read the service's environment", lambda: _read(f"/proc/{_service()}/environ")
    yield "use io_uring", _use_uring
    yield "become root", lambda: os.setresuid(0, 0, 0) if os.geteuid() else _raise(errno.EPERM)
    yield "raise a limit", _raise_limit
    for directory in places["directories"]:
        yield f"write to {directory}", lambda directory=directory: _create(directory, places["mark"])  # type: ignore[misc]


def _read(path: str) -> None:
    with open(path) as file:
        file.read()


def _create(directory: str, name: str = "left-behind") -> None:
    with open(os.path.join(directory, name), "x") as file:
        file.write("1")


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(address)


def _service() -> int:
    """Who started it; in a namespace of its own nobody of the host's has a number."""
    parent = os.getppid()
    if parent <= 2:
        _raise(errno.ESRCH)
    return parent


def _read_memory(address: int) -> None:
    buffer = ctypes.create_string_buffer(8)
    here, there = struct.pack("PN", ctypes.addressof(buffer), 8), struct.pack("PN", address, 8)
    one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
    if _libc.process_vm_readv(_service(), here, one, there, one, none) < 0:
        _raise(ctypes.get_errno())


def _use_uring() -> None:
    parameters = ctypes.create_string_buffer(120)
    if _libc.syscall(_IO_URING_SETUP, 1, parameters) < 0:
        _raise(ctypes.get_errno())


def _raise_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard + 1))


def _raise(code: int) -> None:
    raise OSError(code, os.strerror(code))


def _done(places: Places) -> Iterator[str]:
    for name, attempt in attempts(places):
        try:
            attempt()
        except (OSError, ValueError):
            continue
        yield name


def main(places: Places) -> None:
    """Speak enough QMP for an interview."""
    if sys.argv[-1:] == ["help"]:
        sys.exit("qemu: Help is not available for this option")
    told = json.dumps({**see(), "done": list(_done(places))})
    version = {"qemu": {"major": 9, "minor": 8, "micro": 7}, "package": told}
    answers: dict[str, Any] = {
        "qmp_capabilities": {},
        "query-version": version,
        "query-commands": [{"name": name} for name in ("query-commands", "query-version", "query-target")],
        "query-target": {"arch": "x86_64"},
    }
    _send({"QMP": {"version": {**version, "package": ""}, "capabilities": []}})
    decoder, buffer = json.JSONDecoder(), ""
    while data := os.read(0, 65536):
        buffer += data.decode()
        while buffer := buffer.lstrip():
            try:
                request, end = decoder.raw_decode(buffer)
            except ValueError:
                break
            buffer = buffer[end:]
            found = request["execute"] in answers
            body = {"return": answers[request["execute"]]} if found else {"error": {"class": "CommandNotFound"}}
            if not found:
                body["error"]["desc"] = "not found"
            _send({**body, **({"id": request["id"]} if "id" in request else {})})


def _send(value: object) -> None:
    line = json.dumps(value).encode() + b"\r\n"
    while line:
        line = line[os.write(1, line) :]
