"""The routes of the API: what answers each, and what it takes and gives."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from prober.service.problems import MEDIA_TYPE

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_MEANINGS = {
    400: "A wrong parameter, fact or XML document",
    404: "No such binary, type or command",
    413: "The body is too large",
    415: "The body is declared as something that cannot be read here",
    422: "The domain is refused; `refusals` has every reason",
    503: "The binary could not be asked; the reason is remembered",
}


@dataclass(frozen=True)
class Route:
    """One method of one path (``/v1/binaries/{id}``); ``declaration`` is what FastAPI is told of it."""

    method: str
    path: str
    handler: Handler
    declaration: dict[str, Any]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its path matches, each parameter a group of its name."""
        return compile_path(self.path)[0]


@dataclass
class Routes:
    """All of them, in the order in which they are tried."""

    every: list[Route] = field(default_factory=list)

    def get(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declares what answers a GET."""
        return self._add("GET", path, declaration)

    def post(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declares what answers a POST."""
        return self._add("POST", path, declaration)

    def _add(self, method: str, path: str, declaration: dict[str, Any]) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.every.append(Route(method, path, handler, declaration))
            return handler

        return add


def declared(
    summary: str,
    model: type[BaseModel] | None,
    *parameters: dict[str, Any],
    errors: tuple[int, ...] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What a route takes and gives, for FastAPI's decorators."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    problems = {status: {"description": _MEANINGS[status], "content": content} for status in sorted({400, *errors})}
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        extra["requestBody"] = body
    good: dict[str, Any] = {"description": "OK"} if model is None else {"description": "OK", "model": model}
    return {
        "summary": summary,
        "responses": {200: good, **problems},
        "response_model": None,
        "response_class": Response,
        "openapi_extra": extra,
    }
