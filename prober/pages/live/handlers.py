"""Who answers the page: each of its routes, behind the guard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from prober.errors import ProberError, ServiceError
from prober.pages.assets import LIVE_SCRIPTS, LIVE_STYLES, asset, templates
from prober.pages.live.asking import UiService
from prober.pages.live.guard import MOST_TOKEN, UiGuard
from prober.pages.live.routes import FORWARDED, OPEN, UI_ROUTES
from prober.pages.packed import sound_text
from prober.service.application import Application
from prober.service.messages import BodyTooLargeError, Handler, Request, Response
from prober.service.metrics.tally import Tally
from prober.service.peers import NOBODY
from prober.service.problems import RequestError, problem_of
from prober.service.requests import read_truth
from prober.service.watching import answer_in_steps, wants_steps

#: What a domain or a line may have at most (bytes), as the service has it.
MOST_BODY = 1 << 20

#: A piece of a large answer (bytes).
_PIECE = 1 << 16

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

#: Above each answer.
SECURITY_HEADERS = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), clipboard-read=()"),
)
_FRESH = ("cache-control", "no-store")


def static_name(name: str) -> str:
    """What a file of the package is called in an address: a name, and no path."""
    return name.replace("/", "-")


class _Pieces:
    """A large answer, piece by piece: whoever reads slowly holds nothing up."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        piece = self._body[self._at : self._at + _PIECE]
        if not piece:
            raise StopAsyncIteration
        self._at += len(piece)
        return piece

    async def aclose(self) -> None:
        """Nobody reads on.  May be called twice."""
        self._body = b""


class UiHandlers:
    """The answers, by the names of the routes."""

    def __init__(self, asking: UiService, guard: UiGuard, title: str) -> None:
        self._asking = asking
        self._guard = guard
        self._static = _read_static()
        self._page = (
            templates()
            .get_template("page.html")
            .render(
                title=sound_text(title),
                policy="",
                scripts=(),
                styles=(),
                script_names=[static_name(name) for name in LIVE_SCRIPTS],
                style_names=[static_name(name) for name in LIVE_STYLES],
            )
            .encode()
        )

    def by_name(self) -> Mapping[str, Handler]:
        """Each handler."""
        own: dict[str, Handler] = {
            "page": self.page,
            "static": self.static,
            "session": self.session,
            "book": self.book,
            "entries": self.entries,
            "check": self.check,
            "news": self.news,
        }
        return {name: _by_gateway(handler) for name, handler in (own | dict.fromkeys(FORWARDED, self.forward)).items()}

    async def page(self, _: Request) -> Response:
        """The page itself."""
        return Response(200, self._page, "text/html; charset=utf-8")

    async def static(self, request: Request) -> Response:
        """One of the files that were read at the start; nothing is looked for by what a browser sends."""
        found = self._static.get(request.places["name"])
        if found is None:
            raise RequestError(404, "there is no such file")
        return Response(200, *found)

    async def session(self, request: Request) -> Response:
        """A cookie and a key for the token."""
        token = (await _body(request, MOST_TOKEN)).decode("utf-8", "replace")
        cookie, key = self._guard.exchange(token)
        return _json({"key": key})._replace(headers=(("set-cookie", cookie),))

    async def book(self, _: Request) -> Response:
        """All that is known."""
        body = await self._asking.make_book()
        return Response(200, b"", stream=_Pieces(body))

    async def entries(self, _: Request) -> Response:
        """The entries of the service."""
        return _json(await self._asking.entries())

    async def news(self, request: Request) -> Response:
        """What changed."""
        return _json(await self._asking.changes(request))

    async def check(self, request: Request) -> Response:
        """What is said of what was typed."""
        assume, body = read_truth(request, "assume"), await _body(request, MOST_BODY)
        return _json(await self._asking.check(request, body, assume=assume))

    async def forward(self, request: Request) -> Response:
        """What the service says to a click, and with which status: a refusal is an answer, and no fault of the page."""
        assert request.route is not None
        query, body = dict(request.query), await _body(request, MOST_BODY)
        if assume := query.pop("assume", ""):
            query["assume_unknown_present"] = assume
        to = FORWARDED[request.route.name]

        async def answer() -> Response:
            status, value = await self._asking.forward(to, request, query, body)
            return Response(status, json.dumps(value).encode())

        if wants_steps(request):
            return await answer_in_steps(answer, lambda error: problem_of(_of_gateway(error)))
        status, value = await self._asking.forward(to, request, query, body)
        return _json({"status": status, "value": value})


class UiApplication(Application):
    """Answers the page; whoever else asks is told no."""

    def __init__(self, handlers: UiHandlers, guard: UiGuard, tally: Tally) -> None:
        super().__init__(UI_ROUTES, handlers.by_name(), NOBODY, tally, hint="open the page at /")
        self._guard = guard

    async def answer(self, request: Request) -> Response:
        """The answer, with what a browser is to keep to."""
        try:
            self._guard.require_place(request)
            if not _is_open(request.path):
                self._guard.require_session(request)
        except ProberError as error:
            response = problem_of(error)._replace(close=True)
        else:
            response = await super().answer(request)
        fresh = () if response.stream is not None else (_FRESH,)
        return response._replace(headers=(*response.headers, *SECURITY_HEADERS, *fresh))


def _by_gateway(handler: Handler) -> Handler:
    """What is wrong with the service is no fault of ours (502)."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ServiceError as error:
            raise _of_gateway(error) from error

    return answer


def _of_gateway(error: ProberError) -> ProberError:
    return RequestError(502, error.message, hint=error.hint) if isinstance(error, ServiceError) else error


def _is_open(path: str) -> bool:
    return any(path == route.path or (route.path.endswith("}") and path.startswith("/static/")) for route in OPEN)


def _read_static() -> dict[str, tuple[bytes, str]]:
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
    return {
        static_name(name): (asset(name).encode(), kinds[name.rpartition(".")[2]])
        for name in (*LIVE_SCRIPTS, *LIVE_STYLES)
    }


async def _body(request: Request, most: int) -> bytes:
    try:
        return await request.read(most)
    except BodyTooLargeError:
        raise RequestError(413, f"the body is larger than {most} bytes") from None


def _json(value: Any) -> Response:
    return Response(200, json.dumps(value).encode())
