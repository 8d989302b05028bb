"""Errors that cross from the prover to the service: told by their kind, and made again."""

from __future__ import annotations

from collections.abc import Mapping

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
    UsageError,
)
from prober.service.prover.frames import Complaint

#: By their kind; any other is the prover's own failure, also that it does not know who asks.
_ERRORS: Mapping[str, type[ProberError]] = {
    ExitedError.kind: QemuError,
    **{
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
    },
}


def complaint_of(error: ProberError) -> Complaint:
    """What is said of an error."""
    return Complaint(kind=error.kind, message=error.message, hint=error.hint)


def error_of(complaint: Complaint) -> ProberError:
    """The error that was told of; of an :class:`ExitedError` its words alone have crossed, so it is a QemuError."""
    return _ERRORS.get(complaint.kind, ProverError)(complaint.message, hint=complaint.hint)
