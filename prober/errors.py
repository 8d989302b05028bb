"""Every error that prober raises on purpose, in one tree.

    ProberError
    ├── QemuError               one QEMU process did not do what was asked of it
    │   ├── LaunchError             it could not be started at all
    │   ├── ConfinementError        it cannot be confined here, and was not started
    │   ├── ExitedError             it ended, by itself or by a signal, while it was being asked
    │   ├── QemuTimeoutError        it did not greet, reply or finish within its limit
    │   ├── LimitError              it sent more than it may
    │   └── ProtocolError           what it sent is not QMP
    ├── RecordingError          a recording cannot be read or written
    ├── UsageError              the request itself is wrong
    │   ├── FactError               a fact's name cannot be read
    │   ├── UnknownBinaryError      the catalog has no such binary
    │   ├── UnknownNameError        the binary has nothing of this name
    │   └── UnreadableDomainError   the domain XML is not readable as XML at all
    ├── BinaryFailedError       the catalog knows the binary, and its interview failed
    ├── RefusedError            a domain was understood, and is refused (carries the refusals)
    ├── ForbiddenError          who asks may not have it done
    ├── OutputError             the answer cannot be written
    ├── StateFileError          a guest's state cannot be read from a file, or kept in one
    ├── BusyError               too much is asked at once; the same question later will be answered
    ├── WorkError               a question was begun and not brought to its end: too long, too large, a worker died
    ├── FleetError              the fleet: a record, a build or a store is not as it has to be
    │   └── StoreError              the store of a fleet cannot be reached, or will not have it
    │       └── StoreConflictError      somebody else wrote there meanwhile
    └── ServiceError            the service cannot be reached, or cannot do its work
        ├── SettingsError           what it is told cannot be read, or is wrong (carries all problems)
        └── ProverError             it cannot reach the one who proves lines for it, or that one failed

Errors of the libraries below (``qemu.qmp``, ``OSError``, pydantic, lxml) are mapped to these at one
boundary each and stay reachable as ``__cause__``.  Text for users is in ``message``; ``hint`` says what
would help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class ProberError(Exception):
    """The root: ``message`` says what is wrong, ``hint`` what would help (empty where nothing would).

    ``may_pass`` is whether the same may go well later with nothing changed but the moment: as the host was short of
    something, or something stood still.
    """

    #: A short name of the kind, as the service and ``--json`` show it.
    kind: ClassVar[str] = "error"

    may_pass: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # As it is, and not made anew of its message: some take other things than that.
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(cls: type[ProberError], args: tuple[Any, ...], state: dict[str, Any]) -> ProberError:
    """An error that was pickled or copied."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class QemuError(ProberError):
    """A QEMU process did not do what was asked of it.  ``stderr`` is the end of what it printed."""

    kind = "qemu"

    def __init__(self, message: str, *, hint: str = "", stderr: str = "") -> None:
        super().__init__(message, hint=hint)
        self.stderr = stderr


class LaunchError(QemuError):
    """QEMU could not be started: no such file, not executable, not a program, no process to be had (which may pass)."""

    kind = "launch"


class ConfinementError(QemuError):
    """QEMU cannot be confined here, and so it was not started: no bubblewrap, and the kernel lets us do too little."""

    kind = "confinement"


class ExitedError(QemuError):
    """QEMU ended while it was being asked.

    ``returncode`` is its exit status, or minus the number of the signal that ended it.
    """

    kind = "exited"
    may_pass = True  # It may have been killed, or have found no memory or thread.

    def __init__(self, message: str, *, returncode: int, hint: str = "", stderr: str = "") -> None:
        super().__init__(message, hint=hint, stderr=stderr)
        self.returncode = returncode


class QemuTimeoutError(QemuError):
    """QEMU did not greet, reply or finish in time."""

    kind = "timeout"
    may_pass = True


class LimitError(QemuError):
    """QEMU sent more bytes than one reply, or one interview, may have."""

    kind = "limit"


class ProtocolError(QemuError):
    """What QEMU sent is not QMP: no greeting, wrong JSON, a reply of the wrong form."""

    kind = "protocol"


class RecordingError(ProberError):
    """A recording cannot be read or written."""

    kind = "recording"


class UsageError(ProberError):
    """The request itself is wrong."""

    kind = "usage"


class FactError(UsageError):
    """A fact's name cannot be read."""

    kind = "fact"


class UnknownBinaryError(UsageError):
    """The catalog has no such binary."""

    kind = "unknown-binary"


class UnknownNameError(UsageError):
    """The binary has nothing of this name."""

    kind = "unknown-name"


class UnreadableDomainError(UsageError):
    """The domain XML cannot be read as XML: malformed, too large, too deep, with a DTD.

    ``line`` is 1-based, 0 where no line can be named.  ``device`` is as in :class:`RefusedError`.
    """

    kind = "unreadable-domain"

    def __init__(self, message: str, *, hint: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.device = 0


class BinaryFailedError(ProberError):
    """The catalog knows this binary, and its interview failed; the reason is remembered."""

    kind = "binary-failed"


class RefusedError(ProberError):
    """A domain is refused.  ``refusals`` holds every reason, in the order of the XML.

    ``device`` is the number of the device whose own XML that is, from 1, where some were to be plugged in; 0 else.
    """

    kind = "refused"

    #: ``prober.commandline.refusal.Refusal``, a model of a floor above this one.
    refusals: tuple[Any, ...]

    def __init__(self, refusals: Sequence[object], *, device: int = 0) -> None:
        first, more = refusals[0], len(refusals) - 1
        super().__init__(f"{first}" + (f" (and {more} more)" if more else ""))
        self.refusals = tuple(refusals)
        self.device = device


class ForbiddenError(ProberError):
    """Who asks may not have it done."""

    kind = "forbidden"


class OutputError(ProberError):
    """The command's answer cannot be written where it is to go: no room on the disk, nothing is open there."""

    kind = "output"


class StateFileError(ProberError):
    """What was to be a guest's state is none, is cut or damaged, or is larger than a file may be."""

    kind = "state-file"


class BusyError(ProberError):
    """Too much is asked at once; the same question later will be answered."""

    kind = "busy"


class WorkError(ProberError):
    """A question was begun and not brought to its end: it takes too long or too much memory, or its worker died."""

    kind = "work"
    may_pass = True


class ServiceError(ProberError):
    """The service cannot be reached, or cannot do its work."""

    kind = "service"


class SettingsError(ServiceError):
    """The settings cannot be read, or are wrong.  ``problems`` holds each as a sentence: place, key, reason, hint."""

    kind = "settings"

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class ProverError(ServiceError):
    """The service cannot reach the process that proves lines for it, or that one failed; no verdict was given."""

    kind = "prover"


class FleetError(ProberError):
    """Something of the fleet is not as it has to be: a host's record, a build, a question about them."""

    kind = "fleet"


class StoreError(FleetError):
    """The store of a fleet cannot be reached, or will not have what it is given."""

    kind = "store"
    may_pass = True


class StoreConflictError(StoreError):
    """Somebody else wrote there meanwhile."""

    kind = "store-conflict"
