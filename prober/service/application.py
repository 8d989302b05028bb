"""The application: FastAPI, a short way past it, and what becomes of errors."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from prober.capabilities.catalog import Catalog
from prober.errors import ProberError
from prober.service.problems import RequestError, problem, problem_of
from prober.service.requests import ClientGoneError, read_query

_SUPPORTS = re.compile(r"/v1/binaries/([^/]+)/supports")


class Application(FastAPI):
    """FastAPI, with a short way to the questions that are asked all the time.

    Its routing, dependency solving and layers take 70 µs to 150 µs, several times what ``supports`` needs for its
    answer.  The routes are declared all the same: for ``/openapi.json``, and for every other method.
    """

    def __init__(self, catalog: Catalog, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._catalog = catalog
        #: What answers a POST to each path, by the short way.
        self.answers: dict[str, Callable[[Request], Awaitable[Response]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._short_way(scope, receive)
        if answer is None:
            await super().__call__(scope, receive, send)
            return
        try:
            response = await answer
        except ProberError as error:
            response = problem_of(error)
        except ClientGoneError:
            response = _gone()
        except Exception:
            # As with FastAPI: the client is told so much, and uvicorn logs it whole.
            await _fault(scope["method"], scope["path"])(scope, receive, send)
            raise
        await response(scope, receive, send)

    def _short_way(self, scope: Scope, receive: Receive) -> Awaitable[Response] | None:
        if scope["type"] != "http":
            return None
        if scope["method"] == "POST" and scope["path"] in self.answers:
            return self.answers[scope["path"]](Request(scope, receive))
        if scope["method"] == "GET" and (match := _SUPPORTS.fullmatch(scope["path"])):
            return answer_supports(self._catalog, match[1], scope["query_string"])
        return None


async def answer_supports(catalog: Catalog, ident: str, query: bytes) -> Response:
    """The evidence for the fact that the query names.

    :raise ProberError: whatever stands in the way.
    """
    asked = read_query(query, "fact").get("fact")
    if not asked:
        raise RequestError(400, "no fact is asked for", hint="add ?fact=TYPE.PROPERTY")
    return as_json((await catalog.capabilities(ident)).supports(asked))


def add_error_handlers(app: FastAPI) -> None:
    """What is answered where a handler raises."""

    @app.exception_handler(ProberError)
    async def on_prober_error(_: Request, error: ProberError) -> Response:
        return problem_of(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        hint = "the routes are in /openapi.json" if error.status_code in (404, 405) else ""
        response = problem(error.status_code, f"{request.method} {request.url.path[:200]}: {error.detail}", hint=hint)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientGoneError)
    async def on_client_gone(_: Request, __: ClientGoneError) -> Response:
        return _gone()

    @app.exception_handler(Exception)
    async def on_fault(request: Request, _: Exception) -> Response:
        # Starlette raises it again afterwards, so uvicorn logs it whole.
        return _fault(request.method, request.url.path)


def _gone() -> Response:
    return problem(408, "the request did not come to its end")


def _fault(method: str, path: str) -> Response:
    return problem(500, f"{method} {path[:200]}: a fault in prober itself", hint="see its log")


def as_json(model: BaseModel) -> Response:
    """A model as an answer."""
    return Response(model.model_dump_json(by_alias=True), media_type="application/json")
