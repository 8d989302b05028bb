"""Errors that cross from the prover to the service: told by their kind, and made again."""

from __future__ import annotations

from prober.errors import (
    BinaryFailedError,
    BusyError,
    ConfinementError,
    LaunchError,
    LimitError,
    ProberError,
    ProtocolError,
    QemuError,
    QemuTimeoutError,
    ServiceError,
    UsageError,
)
from prober.service.prover.frames import Complaint

#: By their kind; any other is the prover's own failure.
_ERRORS: dict[str, type[ProberError]] = {
    cls.kind: cls
    for cls in (
        BinaryFailedError,
        BusyError,
        ConfinementError,
        LaunchError,
        LimitError,
        ProtocolError,
        QemuError,
        QemuTimeoutError,
        ServiceError,
        UsageError,
    )
}


def complaint_of(error: ProberError) -> Complaint:
    """What is said of an error."""
    return Complaint(kind=error.kind, message=error.message, hint=error.hint)


def error_of(complaint: Complaint) -> ProberError:
    """The error that was told of; one of a kind that carries more than words is a :class:`QemuError`."""
    return _ERRORS.get(complaint.kind, QemuError)(complaint.message, hint=complaint.hint)
