"""Where an answer comes from: a running service, a QEMU binary, or a recording.

All three answer the same questions, in the JSON forms of the service's HTTP API, so no command asks which one it has.
The modules behind a source are imported when it is made: asking the service takes none of the machinery of the
others, which would cost more than the whole question.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from prober.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from prober.capabilities.capabilities import Capabilities

#: Tried in this order where no source is named: the installed service's socket, and that of `make run`.
DEFAULT_SOCKETS = (Path("/run/prober/prober.sock"), Path("run/prober.sock"))

#: How the name of a recording ends, mostly.
_RECORDING_ENDS = (".replies", ".replies.xz")

Json = dict[str, Any]

#: What is listed, as a human calls it.
NOUNS = {"machines": "machines", "cpus": "CPU models"}


class Source(Protocol):
    """One QEMU that answers.  Every method may raise :class:`~prober.errors.ProberError`."""

    def name(self) -> str:
        """Which QEMU it is, and its version, for a human."""
        ...

    def supports(self, fact: str) -> Json:
        """The evidence for a fact (an :class:`~prober.capabilities.Evidence` as JSON)."""
        ...

    def translate(self, xml: bytes, *, monitor: str | None, incoming: str | None, assume_unknown_present: bool) -> Json:
        """The translation of a domain (a :class:`~prober.translate.translation.Translation` as JSON).

        :raise RefusedError: with every :class:`~prober.commandline.refusal.Refusal`.
        """
        ...

    def check_argv(self, words: list[str], *, assume_unknown_present: bool) -> Json:
        """What is found of an argv (an :class:`~prober.commandline.report.ArgvReport` as JSON)."""
        ...

    def summaries(self) -> list[Json]:
        """A summary of each QEMU behind this source."""
        ...

    def types(self) -> Json:
        """The concrete and abstract QOM types with their parents."""
        ...

    def type(self, name: str) -> Json:
        """One type with its properties."""
        ...

    def machines(self) -> list[Json]:
        """The machines."""
        ...

    def cpus(self) -> list[Json]:
        """The CPU models."""
        ...

    def commands(self) -> Json:
        """The QMP commands and events."""
        ...

    def command(self, name: str) -> Json:
        """One QMP command with the members of its arguments, unfolded."""
        ...

    def capabilities(self) -> Capabilities:
        """All that is known, for what is worked out here."""
        ...


def choose(socket: Path | None, binary: str | None, replies: Path | None, settings: Path | None = None) -> Source:
    """The source that the options name.  ``settings`` is the host's file for what is translated here.

    :raise UsageError: where the options exclude one another.
    :raise ServiceError: where none is named and no service's socket is in its usual places.
    """
    if replies is not None:
        if socket is not None or binary is not None:
            raise UsageError("--replies goes with neither --socket nor --binary", hint="choose one who answers")
        from prober.cli.local import recorded

        return recorded(replies, settings)
    if binary is not None and socket is None:
        from prober.cli.local import interviewed

        return interviewed(binary, settings)
    if settings is not None:
        raise UsageError(
            "a service has settings of its own",
            hint="--settings goes with --binary or --replies, and with `prober serve`",
        )
    from prober.cli.remote import Remote

    return Remote(socket or _default_socket(), binary)


def choose_either(name: str, socket: Path | None) -> Source:
    """The source that one word names: a program, a recording, or a binary of a service by its id or path.

    The service on ``socket`` is asked first, where one is given.  A word with a slash, of a file that is there, or
    that ends as the name of a recording does, is a file: one that can be run is a program, unless its name ends so.
    Any other is an id of the service.

    :raise ServiceError: where the service that is to be asked cannot be.
    """
    from prober.cli.local import interviewed, recorded

    path = Path(name)
    is_recording = name.endswith(_RECORDING_ENDS)
    is_file = is_recording or "/" in name or path.is_file()
    if socket is not None or not is_file:
        from prober.cli.remote import Remote

        remote = Remote(socket or _default_socket(), name)
        if not is_file or remote.has_binary():
            return remote
    if is_recording or not os.access(path, os.X_OK):
        return recorded(path)
    return interviewed(name)


def _default_socket() -> Path:
    for path in DEFAULT_SOCKETS:
        if path.is_socket():
            return path
    places = " or ".join(str(path) for path in DEFAULT_SOCKETS)
    raise ServiceError(
        f"no service is running on {places}",
        hint="name one with --socket, a QEMU with --binary, or a recording with --replies",
    )
