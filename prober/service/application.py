"""The application: which handler answers a request, and what becomes of errors."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from prober.errors import ProberError
from prober.service.openapi import describe
from prober.service.problems import problem, problem_of
from prober.service.requests import ClientGoneError
from prober.service.routes import Handler, Routes

#: Where the routes are described.
_DESCRIPTION = "/openapi.json"


class Application:
    """An ASGI application of these routes, and ``/openapi.json``, which describes them."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self._described: bytes | None = None
        self._describing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "there is nothing else: neither lifespan nor websockets"
        try:
            response = await self._answer(scope, receive)
        except Exception:
            # The client is told so much, and uvicorn logs it whole.
            fault = f"{scope['method']} {scope['path'][:200]}: a fault in prober itself"
            await problem(500, fault, hint="see its log")(scope, receive, send)
            raise
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        found = self._find(scope)
        if isinstance(found, Response):
            return found
        try:
            return await found(Request(scope, receive))
        except ProberError as error:
            return problem_of(error)
        except ClientGoneError:
            return problem(408, "the request did not come to its end")

    def _find(self, scope: Scope) -> Handler | Response:
        """What answers, or why nothing does."""
        path, method = scope["path"], scope["method"]
        allowed: list[str] = []
        if path == _DESCRIPTION:
            if method == "GET":
                return self._describe
            allowed.append("GET")
        for route in self.routes.every:
            match = route.pattern.fullmatch(path)
            if match is None:
                continue
            if route.method == method:
                scope["path_params"] = match.groupdict()
                return route.handler
            allowed.append(route.method)
        status = HTTPStatus.METHOD_NOT_ALLOWED if allowed else HTTPStatus.NOT_FOUND
        response = problem(status, f"{method} {path[:200]}: {status.phrase}", hint=f"the routes are in {_DESCRIPTION}")
        if allowed:
            response.headers["allow"] = ", ".join(allowed)
        return response

    async def _describe(self, _: Request) -> Response:
        async with self._describing:
            if self._described is None:
                self._described = await asyncio.to_thread(describe, self.routes)
        return Response(self._described, media_type="application/json")


def as_json(model: BaseModel) -> Response:
    """A model as an answer."""
    return Response(model.model_dump_json(by_alias=True), media_type="application/json")
