"""The application: which handler answers a request, and what becomes of errors."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus

from prober.commandline.brief import MOST_OF_AN_ANSWER
from prober.errors import ProberError, UsageError
from prober.service.messages import ClientGoneError, Handler, Request, Response
from prober.service.metrics.tally import Tally
from prober.service.peers import Admitted
from prober.service.problems import ToldError, problem, problem_of, too_large
from prober.service.requests import read_query
from prober.service.routes import DESCRIPTION, ROUTES, Route

log = logging.getLogger(__name__)


class Application:
    """Answers requests by the rows of the routes, of which each has its handler."""

    def __init__(
        self,
        routes: Iterable[Route],
        handlers: Mapping[str, Handler],
        admins: Admitted,
        tally: Tally,
        *,
        hint: str = f"the routes are in {DESCRIPTION.path}",
    ) -> None:
        """``handlers`` are by the names of the routes; ``admins`` may ask for those that are not for everybody.

        ``tally`` counts what is refused, ``hint`` is for who asks for what there is not.

        :raise KeyError: where a route has none.
        """
        #: Another one may be put in its place at any time.
        self.admins = admins
        self._tally = tally
        self._hint = hint
        self._routes = [(_pattern(route.path), route, handlers[route.name]) for route in routes]

    async def answer(self, request: Request) -> Response:
        """The answer, which may be why there is none.

        Whatever else a handler raises is a mistake in prober, and is raised.
        """
        allowed: list[str] = []
        # The connection leaves the body away (RFC 9110, 9.3.2).
        method = "GET" if request.method == "HEAD" else request.method
        for pattern, route, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if route.method != method:
                allowed += ("GET", "HEAD") if route.method == "GET" else (route.method,)
                continue
            request.places, request.route = match.groupdict(), route
            try:
                if route.admin:
                    self.admins.require(request.peer, f"{route.method} {request.path[:200]}")
                request.query = read_query(request.query_string, route)
                return bounded_answer(await handler(request), route)
            except ProberError as error:
                return refused_answer(error, request, self._tally)
            except ClientGoneError:
                return problem(408, "the request did not come to its end")
        return _nobody(request, allowed, self._hint)


def refused_answer(error: ProberError, request: Request, tally: Tally) -> Response:
    """What a client is told of an error, which is counted in ``tally`` and logged."""
    kind, is_usage = error.kind, isinstance(error, UsageError)
    if isinstance(error, ToldError):
        kind, is_usage = error.met, error.is_usage
    tally.refused(kind)
    response = problem_of(error)
    fields = {"event": "refusal", "kind": kind, "status": response.status, "path": request.path}
    level = logging.DEBUG if is_usage else logging.INFO
    log.log(level, "%s %s: %s", request.method, request.path[:200], error.message, extra={"fields": fields})
    return response


def bounded_answer(response: Response, route: Route) -> Response:
    """An answer that is not too large; only what is marked so may have any size."""
    if len(response.body) <= MOST_OF_AN_ANSWER or route.large:
        return response
    return too_large(len(response.body))


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """What the path of a route matches, each of its parameters a group of its name."""
    pieces = re.split(r"{(\w+)}", path)
    return re.compile("".join(f"(?P<{piece}>[^/]+)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces)))


# Here and not when the event loop runs: all together take four milliseconds.
for _route in (*ROUTES, DESCRIPTION):
    _pattern(_route.path)


def _nobody(request: Request, allowed: list[str], hint: str) -> Response:
    """Why nothing answers: there is no such path, or it has other methods."""
    status = HTTPStatus.METHOD_NOT_ALLOWED if allowed else HTTPStatus.NOT_FOUND
    said = f"{request.method} {request.path[:200]}: {status.phrase}"
    return problem(status, said, hint=hint, allow=", ".join(allowed))
