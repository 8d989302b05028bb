"""The handlers of a reader: each takes a request and gives the answer, in bytes that are ready.

The name of a method is that of its route (:mod:`prober.service.fleet.routes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

import prober
from prober.commandline.brief import MOST_OF_AN_ANSWER
from prober.errors import FleetError
from prober.fleet.baseline import baseline
from prober.fleet.can import can, why
from prober.fleet.census import HostsAnswer, builds, hosts, supports
from prober.fleet.counting import MOST_NAMES
from prober.fleet.drift import drift
from prober.fleet.judging import FleetJudge, FleetQuestion
from prober.fleet.known import Where
from prober.fleet.reader import StoreReader
from prober.fleet.targets import targets
from prober.fleet.upgrade import build_called, upgrade
from prober.service.application import Application
from prober.service.events import Listening
from prober.service.fleet import families
from prober.service.fleet.lanes import FleetKnown, Lanes, Question
from prober.service.fleet.replies import FleetChangeList, FleetChangeLog, FleetHealth
from prober.service.fleet.routes import ROUTES
from prober.service.messages import ClientGoneError, Request, Response, as_json
from prober.service.metrics.families import LISTENERS
from prober.service.metrics.scraping import Scraping
from prober.service.metrics.tally import Sample, Tally
from prober.service.peers import NOBODY
from prober.service.problems import RETRY_S, RequestError, problem
from prober.service.requests import read_domains, read_number, read_truth, read_xml
from prober.service.routes import DESCRIPTION

#: So many hosts are named where it is not said how many.
_NAMED = 20
_LISTED = 100

#: What helps where not all is known yet.
_SOON = "ask again in a second"


def create_fleet_app(handlers: FleetHandlers, tally: Tally) -> Application:
    """The application of a reader."""
    routes = (*ROUTES, DESCRIPTION)
    answering = {route.name: getattr(handlers, route.name) for route in routes}
    return Application(routes, answering, NOBODY, tally)


class FleetHandlers:
    """What answers the routes.  Each method may raise :class:`~prober.errors.ProberError`."""

    def __init__(self, reader: StoreReader, lanes: Lanes, changes: FleetChangeLog, tally: Tally, max_body: int) -> None:
        self._reader = reader
        self._lanes = lanes
        self._most = max_body
        self._listening = Listening(changes, FleetChangeList.of, "changes of the fleet")
        self._scraping = Scraping(tally)
        self._description = b""
        tally.add_source(self._samples)

    async def can(self, request: Request) -> Response:
        """Who can run a domain."""
        where, names, after = self._page(request, _NAMED)
        ask = await self._domain(request, assumes=True)
        return await self._answer(
            request, lambda known: can(known.fleet, known.judge, ask(known.judge), where, names=names, after=after)
        )

    async def why(self, request: Request) -> Response:
        """Why one host cannot."""
        ask = await self._domain(request, assumes=True)
        host = request.places["host"]
        return await self._answer(request, lambda known: why(known.fleet, known.judge, ask(known.judge), host))

    async def targets(self, request: Request) -> Response:
        """Where a guest may go."""
        where, names, after = self._page(request, _NAMED)
        source = _needed(request, "from", "HOST")
        ask = await self._domain(request, assumes=False)
        return await self._answer(
            request,
            lambda known: targets(known.fleet, known.judge, ask(known.judge), source, where, names=names, after=after),
        )

    async def upgrade(self, request: Request) -> Response:
        """What an upgrade breaks."""
        old, new = _needed(request, "from", "BUILD"), _needed(request, "to", "BUILD")
        assume = read_truth(request, "assume_unknown_present")
        self._require_ready()
        domains = await read_domains(request, self._most, request.query.get("name", "domain"))

        def asked(known: FleetKnown) -> Iterator[tuple[str, FleetQuestion]]:
            for name, xml in domains:
                if not known.is_wanted():
                    raise ClientGoneError
                yield name, FleetQuestion(xml, any_emulator=True, assume_unknown_present=assume)

        return await self._answer(
            request,
            lambda known: upgrade(
                known.fleet, build_called(known.fleet, old), build_called(known.fleet, new), asked(known)
            ),
            takes_long=True,
        )

    async def baseline(self, request: Request) -> Response:
        """What all have."""
        where, target = _where(request), request.query.get("target", "x86_64")
        return await self._answer(request, lambda known: baseline(known.fleet, where, target=target))

    async def supports(self, request: Request) -> Response:
        """Who has a fact."""
        where, fact = _where(request), _needed(request, "fact", "TYPE.PROPERTY")
        return await self._answer(request, lambda known: supports(known.fleet, fact, where))

    async def drift(self, request: Request) -> Response:
        """Who differs."""
        where, label = _where(request), request.query.get("by", "")
        return await self._answer(request, lambda known: drift(known.fleet, where, label=label))

    async def hosts(self, request: Request) -> Response:
        """A page of the hosts."""
        where, most, after = self._page(request, _LISTED)
        return await self._answer(request, lambda known: _page_of_hosts(known, where, most, after))

    async def builds(self, request: Request) -> Response:
        """The builds."""
        where = _where(request)
        return await self._answer(request, lambda known: builds(known.fleet, where))

    async def changes(self, request: Request) -> Response:
        """Changes since an id."""
        return await self._listening.answer(request)

    async def events(self, request: Request) -> Response:
        """Changes as they come."""
        return self._listening.stream(request)

    async def health(self, _: Request) -> Response:
        """That the reader answers, and what it knows."""
        return as_json(self._health("ok"))

    async def ready(self, _: Request) -> Response:
        """That all that the store has is known, or why not."""
        if not_yet := self._not_yet():
            return problem(503, not_yet, hint=_SOON, kind="not-ready")._replace(retry_s=RETRY_S)
        return as_json(self._health("ready"))

    async def get_metrics(self, request: Request) -> Response:
        """All that is counted."""
        return await self._scraping.answer(request)

    async def describe(self, _: Request) -> Response:
        """The description of the routes."""
        self._description = self._description or await asyncio.to_thread(_describe)
        return Response(200, self._description)

    def _health(self, status: str) -> FleetHealth:
        reader = self._reader
        return FleetHealth(
            status=status,
            version=prober.__version__,
            away=None if reader.away is None else reader.away.message,
            as_of=reader.as_of,
            hosts=len(reader.fleet.hosts),
            silent=len(reader.fleet.silent),
            builds=len(reader.fleet.builds),
            damaged=len(reader.damaged),
        )

    def _not_yet(self) -> str:
        """Why nothing can be answered yet; empty once all that the store has is known."""
        if self._reader.caught_up.is_set():
            return ""
        away = self._reader.away
        return "what the store has is not known yet" + ("" if away is None else f": {away.message}")

    def _require_ready(self) -> None:
        if not_yet := self._not_yet():
            raise FleetError(not_yet, hint=_SOON)

    async def _answer(self, request: Request, question: Question, *, takes_long: bool = False) -> Response:
        self._require_ready()
        return Response(200, await self._lanes.answer(request, question, takes_long=takes_long))

    async def _domain(self, request: Request, *, assumes: bool) -> Callable[[FleetJudge], FleetQuestion]:
        """What reads the domain that is asked about: in a thread, as it takes milliseconds."""
        any_emulator = read_truth(request, "any_emulator")
        assume = assumes and read_truth(request, "assume_unknown_present")
        self._require_ready()
        xml = await read_xml(request, self._most)
        return lambda judge: judge.question(xml, any_emulator, assume)

    def _page(self, request: Request, usual: int) -> tuple[Where, int, str]:
        """Of which hosts, how many are named, and after which one."""
        return _where(request), read_number(request, "limit", usual, MOST_NAMES), request.query.get("after", "")

    def _samples(self) -> Iterable[Sample]:
        reader, fleet = self._reader, self._reader.fleet
        silent = len(fleet.silent)
        yield Sample(families.HOSTS, ("heard",), len(fleet.hosts) - silent)
        yield Sample(families.HOSTS, ("silent",), silent)
        yield Sample(families.BUILDS, (), len(fleet.builds))
        yield Sample(families.DAMAGED, (), len(reader.damaged))
        yield Sample(families.AWAY, (), int(reader.away is not None))
        yield Sample(families.AS_OF, (), reader.as_of)
        yield Sample(families.BEATS, (), reader.beats)
        yield Sample(families.WAITING, (), self._lanes.waiting)
        yield Sample(families.TRANSLATIONS, (), self._lanes.translations)
        yield Sample(LISTENERS, (), self._listening.listeners)


def _describe() -> bytes:
    # Imported by whoever asks for this first.
    from prober.service.fleet.openapi import describe_reader

    return describe_reader()


def _page_of_hosts(known: FleetKnown, where: Where, most: int, after: str) -> HostsAnswer:
    """As many as are asked for, or as fit into an answer."""
    answer = hosts(known.fleet, where, most=most, after=after)
    while most > 1 and len(answer.model_dump_json()) * 4 > MOST_OF_AN_ANSWER * 3:
        most //= 2
        answer = hosts(known.fleet, where, most=most, after=after)
    return answer


def _where(request: Request) -> Where:
    return Where.parse(request.query.get("where"))


def _needed(request: Request, name: str, form: str) -> str:
    """:raise RequestError: (400) where it is not given."""
    value = request.query.get(name)
    if not value:
        raise RequestError(400, f"{name} is not given", hint=f"add {name}={form}")
    return value
