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
from prober.qemu.bundled import RECORDING_ENDS, as_path, named_recording

#: Tried in this order where nobody is named: the installed service's socket, and that of `make run`.
DEFAULT_SOCKETS = (Path("/run/prober/prober.sock"), Path("run/prober.sock"))

#: What names who answers where no option does.
SOCKET_VARIABLE, REPLIES_VARIABLE = "PROBER_SOCKET", "PROBER_REPLIES"

_WHO_ELSE = "name one with --socket, a QEMU with --binary, or a recording with --replies"


def choose(
    socket: Path | None,
    binary: str | None,
    replies: Path | None,
    settings: Path | None = None,
    root: Path | None = None,
) -> Answerer:
    """Who the options name, or else the environment.

    ``settings`` is the host's file for what is translated here, ``root`` the directory of another system that the
    binary is started in.

    :raise UsageError: where the options exclude one another.
    :raise ServiceError: where nobody is named and no service's socket is in its usual places.
    """
    if (socket, binary, replies) == (None, None, None):
        socket, replies = _told_by_environment()
    if root is not None and (binary is None or socket is not None):
        raise UsageError("--root goes with --binary alone", hint="it is where that QEMU is started in")
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root} is no directory")
    if replies is not None:
        if socket is not None or binary is not None:
            raise UsageError("--replies goes with neither --socket nor --binary", hint="choose one who answers")
        return _recorded(replies, settings)
    if binary is not None and socket is None:
        return _interviewed(binary if root is not None else find_program(binary), settings, root)
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
    Any other is a recording that comes with prober, where one has that name, or else an id of the service.

    :raise ServiceError: where the service that is to be asked cannot be.
    :raise UsageError: where it is neither a file nor can be an id, as there is no service.
    """
    path = as_path(name)
    is_recording = name.endswith(RECORDING_ENDS) or named_recording(path) != path
    is_file = is_recording or "/" in name or path.is_file()
    if socket is not None or not is_file:
        remote = Remote(socket or find_socket() or _no_such(name), name)
        if not is_file or remote.has_binary():
            return remote
    if is_recording or not os.access(path, os.X_OK):
        return _recorded(path)
    return _interviewed(name)


def find_served(name: str, socket: Path | None) -> Remote | None:
    """The binary of a service that a word names; None where it names none.

    The service on ``socket`` is asked, where one is given; else one that is in its usual places, for what can be no
    program of this host.

    :raise ServiceError: where the service that is to be asked cannot be.
    """
    if socket is None:
        import shutil  # Late: it takes two milliseconds.

        if "/" in name or Path(name).exists() or shutil.which(name):
            return None
        socket = find_socket()
    if socket is None:
        return None
    remote = Remote(socket, name)
    return remote if remote.has_binary() else None


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


def find_program(name: str, or_else: str = "a recording by --replies") -> str:
    """The path of a QEMU: a name without a slash is looked up as a shell does, and then here.  ``or_else`` is what may
    be named instead, in words.

    Only who types a command has this; what a client names to a service is one that the service knows.

    :raise UsageError: where there is none.
    """
    if "/" in name:
        return name
    import shutil  # Late: it takes two milliseconds, and a service is asked without.

    found = shutil.which(name) or (name if Path(name).exists() else None)
    if found is None:
        raise UsageError(f"no program {name!r} is in PATH", hint=f"name a QEMU by its path, or {or_else}")
    return found


def _told_by_environment() -> tuple[Path | None, Path | None]:
    """The socket or the recording that the environment names.

    :raise UsageError: where it names both.
    """
    socket, replies = (os.environ.get(name) for name in (SOCKET_VARIABLE, REPLIES_VARIABLE))
    if socket and replies:
        raise UsageError(
            f"{SOCKET_VARIABLE} and {REPLIES_VARIABLE} are both set", hint="unset one, or name who answers by an option"
        )
    return Path(socket) if socket else None, Path(replies) if replies else None


def choose_socket(socket: Path | None) -> Path:
    """The socket of the service that is asked, where nobody else can be: this one, that of the environment, or where a
    service usually is.

    :raise ServiceError: where none is named, and there is none.
    """
    return socket or _default_socket("name one with --socket; `prober serve` runs one")


def find_socket() -> Path | None:
    """That of the service that the environment names, or of one in its usual places; None where there is none."""
    told = os.environ.get(SOCKET_VARIABLE)
    return Path(told) if told else next((path for path in _usual_sockets() if path.is_socket()), None)


def _usual_sockets() -> tuple[Path, ...]:
    """An ordinary user's own service is asked where the host has none."""
    if os.geteuid() == 0:
        return DEFAULT_SOCKETS
    from prober.host.own_places import own_socket

    return (DEFAULT_SOCKETS[0], own_socket(), *DEFAULT_SOCKETS[1:])


def _default_socket(hint: str) -> Path:
    if (path := find_socket()) is not None:
        return path
    places = " or ".join(str(path) for path in _usual_sockets())
    raise ServiceError(f"no service is running on {places}", hint=hint)
