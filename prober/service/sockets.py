"""The socket that the service listens on: one given by systemd, or one of its own making.

A socket file outlives a service that was killed.  Such a file is replaced; one on which somebody answers is not, nor
is any other kind of file.  Looking, removing and binding happen under a lock on the directory, so that of two services
that start at once one is told that the other is there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from prober.errors import ServiceError
from prober.service.notify import take_sockets
from prober.service.peers import group_id
from prober.service.settings import ServiceSettings

#: How many may wait to be taken; Linux's own bound (net.core.somaxconn) is the same since 5.4.
BACKLOG = 4096
#: What fits into ``sun_path`` with its closing NUL (unix(7)).
_MAX_PATH = 107


class Listeners(NamedTuple):
    """What is listened on: the socket of the API, and one for ``/metrics`` alone where systemd has one.

    ``is_kept`` is whether the first is systemd's, so that who connects to it waits for the next service.
    """

    api: socket.socket
    metrics: socket.socket | None
    is_kept: bool


@contextmanager
def listening_sockets(settings: ServiceSettings) -> Iterator[Listeners]:
    """The sockets, listening; one of our own making is removed at the end.  Blocks for a moment.

    :raise ServiceError: where they cannot be had: another service is there, no permission, no such group.
    """
    given = take_sockets()
    with ExitStack() as stack:
        if given.metrics is not None:
            stack.enter_context(given.metrics)
        api = stack.enter_context(_own(settings) if given.api is None else given.api)
        yield Listeners(api, given.metrics, given.api is not None)


@contextmanager
def listening_socket(settings: ServiceSettings) -> Iterator[socket.socket]:
    """As :func:`listening_sockets`, for who has but one."""
    with listening_sockets(settings) as found:
        yield found.api


@contextmanager
def _own(settings: ServiceSettings) -> Iterator[socket.socket]:
    with _made(settings) as made:
        ours = settings.socket.lstat()
        try:
            yield made
        finally:
            _remove(settings.socket, ours)


def _made(settings: ServiceSettings) -> socket.socket:
    path = settings.socket
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ServiceError(f"the socket's path is longer than {_MAX_PATH} bytes: {path}")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _locked(path.parent):
            _make_room(path)
            _bind(made, settings)
    except OSError as error:
        made.close()
        hint = "is this the right user?" if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise ServiceError(f"cannot listen on {path}: {error.strerror}", hint=hint) from error
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _make_room(path: Path) -> None:
    """Remove the socket of a dead service.

    :raise ServiceError: where a live one has it, or where it is no socket.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServiceError(f"{path} is there and is not a socket", hint="remove it, or name another socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except (TimeoutError, BlockingIOError):  # Its queue is full: somebody is there.
            pass
    raise ServiceError(f"another service answers on {path}", hint="stop it, or name another socket")


def _bind(made: socket.socket, settings: ServiceSettings) -> None:
    """Nobody can connect before group and mode are right: until then it is its owner's alone, and does not listen."""
    path = settings.socket
    before = os.umask(0o177)
    try:
        made.bind(os.fspath(path))
    finally:
        os.umask(before)
    try:
        if settings.group is not None:
            os.chown(path, -1, group_id(settings.group))
        path.chmod(settings.mode)
        made.listen(BACKLOG)
    except BaseException:
        path.unlink()
        raise


def _remove(path: Path, ours: os.stat_result) -> None:
    """Remove the file if it is still ours: another service may have taken the place."""
    with suppress(OSError), _locked(path.parent):
        now = path.lstat()
        # The socket is still open, so its inode's number cannot have been given to another file.
        if (now.st_dev, now.st_ino) == (ours.st_dev, ours.st_ino):
            path.unlink()
