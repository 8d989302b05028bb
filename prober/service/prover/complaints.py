"""Errors that cross from the prover to the service: told by their kind, and made again."""

from __future__ import annotations

from prober.errors import (
    BinaryFailedError,
    BusyError,
    ConfinementError,
    ExitedError,
    LaunchError,
    LimitError,
    ProberError,
    ProtocolError,
    ProverError,
    QemuError,
    QemuTimeoutError,
    ServiceError,
    StateFileError,
    UsageError,
)
from prober.service.prover.frames import Complaint

#: By their kind; any other is the prover's own failure, also that it does not know who asks.
_KINDS: tuple[type[ProberError], ...] = (
    BinaryFailedError,
    BusyError,
    ConfinementError,
    LaunchError,
    LimitError,
    ProtocolError,
    QemuError,
    QemuTimeoutError,
    ServiceError,
    StateFileError,
    UsageError,
)
_ERRORS: dict[str, type[ProberError]] = {**{cls.kind: cls for cls in _KINDS}, ExitedError.kind: QemuError}


def complaint_of(error: ProberError) -> Complaint:
    """What is said of an error."""
    return Complaint(kind=error.kind, message=error.message, hint=error.hint)


def error_of(complaint: Complaint) -> ProberError:
    """The error that was told of; of an :class:`ExitedError` its words alone have crossed, so it is a QemuError."""
    return _ERRORS.get(complaint.kind, ProverError)(complaint.message, hint=complaint.hint)
