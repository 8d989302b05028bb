"""Which of those who can answer does: what the options name.

Who it is is imported when it is chosen: asking the service takes none of the machinery of the others, which would cost
more than the whole question.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from prober.cli.answerer import Answerer
from prober.cli.remote import Remote
from prober.errors import ServiceError, UsageError

#: Tried in this order where nobody is named: the installed service's socket, and that of `make run`.
DEFAULT_SOCKETS = (Path("/run/prober/prober.sock"), Path("run/prober.sock"))

#: How the name of a recording ends, mostly.
_RECORDING_ENDS = (".replies", ".replies.xz")

_WHO_ELSE = "name one with --socket, a QEMU with --binary, or a recording with --replies"


def choose(
    socket: Path | None,
    binary: str | None,
    replies: Path | None,
    settings: Path | None = None,
    root: Path | None = None,
) -> Answerer:
    """Who the options name.  ``settings`` is the host's file for what is translated here, ``root`` the directory of
    another system that the binary is started in.

    :raise UsageError: where the options exclude one another.
    :raise ServiceError: where nobody is named and no service's socket is in its usual places.
    """
    if root is not None and (binary is None or socket is not None):
        raise UsageError("--root goes with --binary alone", hint="it is where that QEMU is started in")
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root} is no directory")
    if replies is not None:
        if socket is not None or binary is not None:
            raise UsageError("--replies goes with neither --socket nor --binary", hint="choose one who answers")
        return _recorded(replies, settings)
    if binary is not None and socket is None:
        return _interviewed(binary, settings, root)
    if settings is not None:
        raise UsageError(
            "a service has settings of its own",
            hint="--settings goes with --binary or --replies, and with `prober serve`",
        )
    return Remote(socket or _default_socket(_WHO_ELSE), binary)


def choose_either(name: str, socket: Path | None) -> Answerer:
    """Who one word names: a program, a recording, or a binary of a service by its id or path.

    The service on ``socket`` is asked first, where one is given.  A word with a slash, of a file that is there, or
    that ends as the name of a recording does, is a file: one that can be run is a program, unless its name ends so.
    Any other is an id of the service.

    :raise ServiceError: where the service that is to be asked cannot be.
    :raise UsageError: where it is neither a file nor can be an id, as there is no service.
    """
    path = Path(name)
    is_recording = name.endswith(_RECORDING_ENDS)
    is_file = is_recording or "/" in name or path.is_file()
    if socket is not None or not is_file:
        remote = Remote(socket or find_socket() or _no_such(name), name)
        if not is_file or remote.has_binary():
            return remote
    if is_recording or not os.access(path, os.X_OK):
        return _recorded(path)
    return _interviewed(name)


def _no_such(name: str) -> NoReturn:
    raise UsageError(
        f"there is no file {name!r} here, and no service that could have a binary of this id",
        hint="name a QEMU or a recording by its path, or a service with --socket",
    )


def _recorded(path: Path, settings: Path | None = None) -> Answerer:
    from prober.cli.local import recorded

    return recorded(path, settings)


def _interviewed(binary: str, settings: Path | None = None, root: Path | None = None) -> Answerer:
    from prober.cli.local import interviewed

    return interviewed(binary, settings, root)


def choose_socket(socket: Path | None) -> Path:
    """The socket of the service that is asked, where nobody else can be: this one, or where a service usually is.

    :raise ServiceError: where none is named, and there is none.
    """
    return socket or _default_socket("name one with --socket; `prober serve` runs one")


def find_socket() -> Path | None:
    """That of a service in one of its usual places; None where there is none."""
    return next((path for path in DEFAULT_SOCKETS if path.is_socket()), None)


def _default_socket(hint: str) -> Path:
    if (path := find_socket()) is not None:
        return path
    places = " or ".join(str(path) for path in DEFAULT_SOCKETS)
    raise ServiceError(f"no service is running on {places}", hint=hint)
