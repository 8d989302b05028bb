"""The errors that a service tells of, as errors again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prober.errors import (
    BinaryFailedError,
    BusyError,
    ConfinementError,
    FactError,
    FleetError,
    ForbiddenError,
    ProberError,
    ProverError,
    QemuError,
    QemuTimeoutError,
    RefusedError,
    ServiceError,
    StateFileError,
    UnknownBinaryError,
    UnknownNameError,
    UnreadableDomainError,
    UsageError,
)

#: Those that the service tells of by their kind (``urn:prober:KIND``); any other is its own failure.
_ERRORS: dict[str, type[ProberError]] = {
    cls.kind: cls
    for cls in (
        UsageError,
        FactError,
        FleetError,
        UnknownBinaryError,
        UnknownNameError,
        BinaryFailedError,
        BusyError,
        ConfinementError,
        ForbiddenError,
        ProverError,
        QemuError,
        QemuTimeoutError,
        StateFileError,
    )
}


def problem_error(status: int, value: Any) -> ProberError:
    """The error that an answer tells of (RFC 9457); a :class:`ServiceError` where that is none of ours."""
    problem: Mapping[str, Any] = value if isinstance(value, dict) else {}
    message, hint = str(problem.get("detail", f"the service answered {status}")), str(problem.get("hint") or "")
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if kind == RefusedError.kind:
        return _refused(problem.get("refusals"), _number(problem.get("device")))
    if kind == UnreadableDomainError.kind:
        error = UnreadableDomainError(message, hint=hint, line=_number(problem.get("line")))
        error.device = _number(problem.get("device"))
        return error
    return _ERRORS.get(kind, ServiceError)(message, hint=hint)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _refused(refusals: Any, device: int) -> ProberError:
    # Imported late: this takes pydantic, and most that is asked is answered.
    from pydantic import TypeAdapter, ValidationError

    from prober.commandline.refusal import Refusal

    try:
        read = TypeAdapter(list[Refusal]).validate_python(refusals)
    except ValidationError:
        read = []
    if not read:
        return ServiceError("the service refused the domain and did not say why")
    return RefusedError(read, device=device)
