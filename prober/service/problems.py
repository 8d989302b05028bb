"""Errors as clients see them: ``application/problem+json`` (RFC 9457), with a hint and never a traceback."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from prober.commandline.brief import MOST_OF_AN_ANSWER, cut, within_an_answer
from prober.commandline.refusal import Place, Refusal
from prober.errors import (
    BinaryFailedError,
    BusyError,
    FactError,
    FleetError,
    ForbiddenError,
    ProberError,
    ProverError,
    QemuError,
    RefusedError,
    StateFileError,
    UnknownBinaryError,
    UnknownNameError,
    UnreadableDomainError,
    UsageError,
    WorkError,
)
from prober.service.messages import Response

#: After how many seconds to ask again where too much was asked at once: a line takes a tenth of one.
RETRY_S = 1

MEDIA_TYPE = "application/problem+json"

#: The status of each error, the most special class first.
_STATUS: tuple[tuple[type[ProberError], int], ...] = (
    (UnknownBinaryError, 404),
    (UnknownNameError, 404),
    (FactError, 400),
    (UnreadableDomainError, 400),
    (UsageError, 400),
    (ForbiddenError, 403),
    (RefusedError, 422),
    (StateFileError, 422),
    (BinaryFailedError, 503),
    (BusyError, 503),
    (WorkError, 503),
    (QemuError, 503),
    (ProverError, 503),
    (FleetError, 503),
    (ProberError, 500),
)


class Problem(BaseModel):
    """An error.  ``type`` names its kind (``urn:prober:KIND``), ``title`` the status in words.

    ``detail`` says what is wrong, ``hint`` what would help.  ``refusals`` are all reasons why a domain is refused,
    ``line`` is where an XML document could not be read (1-based); ``device`` is the number of the device whose XML
    that is, from 1, where some were to be plugged in.  ``waiting`` are the ids of the binaries
    without which the service is not ready.
    """

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    line: int | None = None
    device: int | None = None
    refusals: list[Refusal] | None = None
    waiting: list[str] | None = None


class RequestError(UsageError):
    """A request is wrong in a way that HTTP has a status for."""

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class ToldError(ProberError):
    """An error that a worker has made into a response already.

    ``met`` is the kind of the error that the worker met, and ``is_usage`` whether that was a question asked wrongly.
    """

    def __init__(
        self, response: Response, message: str, *, hint: str = "", met: str = "error", is_usage: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.response = response
        self.met = met
        self.is_usage = is_usage


def problem_of(error: ProberError) -> Response:
    """The response that tells a client of an error."""
    if isinstance(error, ToldError):
        return error.response
    status = error.status if isinstance(error, RequestError) else next(s for c, s in _STATUS if isinstance(error, c))
    more: dict[str, Any] = {}
    detail = error.message
    if isinstance(error, RefusedError):
        reasons = [item for item in error.refusals if isinstance(item, Refusal)]
        detail = f"the domain is refused for {len(reasons)} reason{'s' if len(reasons) > 1 else ''}"
        more = {"refusals": [item.model_dump(mode="json") for item in _told(reasons)]}
    elif isinstance(error, UnreadableDomainError) and error.line:
        more = {"line": error.line}
    if isinstance(error, RefusedError | UnreadableDomainError) and error.device:
        more["device"] = error.device
    response = problem(status, detail, hint=error.hint, kind=error.kind, **more)
    return response._replace(retry_s=RETRY_S) if isinstance(error, BusyError) else response


def _told(reasons: list[Refusal]) -> list[Refusal]:
    """As many as an answer has room for; a last one says how many more there are."""
    told = within_an_answer(reasons)
    left = reasons[len(told) :]
    if left:
        place = Place(line=left[0].place.line, path="/")
        message = f"and {len(left)} more, for which an answer has no room"
        told.append(Refusal(place=place, message=message, rule="domain/more"))
    return told


def too_large(number: int) -> Response:
    """What is answered in the place of an answer of so many bytes, which is more than any has."""
    said = f"the answer would have {number} bytes, and none has more than {MOST_OF_AN_ANSWER}"
    return problem(413, said, hint="Linux starts no program with a word of more than 128 KiB")


def problem(status: int, detail: str, *, hint: str = "", kind: str = "", allow: str = "", **more: Any) -> Response:
    """A problem as a response; the connection is closed where a body may be left unread."""
    said = {
        "type": f"urn:prober:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"hint": hint} if hint else {}),
        **more,
    }
    content = json.dumps(said).encode()
    if len(content) > MOST_OF_AN_ANSWER:
        content = json.dumps(cut(said)).encode()
    return Response(status, content, MEDIA_TYPE, allow, close=status in (408, 413, 415))
