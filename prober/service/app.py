"""The handlers of the API: each takes a request and gives the answer, in bytes that are ready.

What a request may have is in the row of its route (:mod:`prober.service.routes`), whose name is that of the method
here.  A route without a method asks what one binary has; :mod:`prober.service.answers` has its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import prober
from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.facts import nearest
from prober.capabilities.gently import json_gently
from prober.service.application import Application, bounded_answer, refused_answer
from prober.service.events import Listening
from prober.service.late import Late
from prober.service.messages import Handler, Request, Response, as_json
from prober.service.metrics.families import LISTENERS
from prober.service.metrics.scraping import Scraping
from prober.service.metrics.tally import Sample, Tally
from prober.service.peers import ROOT, Admitted
from prober.service.problems import RETRY_S, RequestError, problem
from prober.service.questions import (
    ArgvQuestion,
    DomainQuestion,
    DomainsQuestion,
    LoadQuestion,
    MoveQuestion,
    PlugQuestion,
    ProofQuestion,
    SaveQuestion,
    WorkAsker,
)
from prober.service.replies import BinaryList, ChangeList, Health, Readiness
from prober.service.requests import (
    read_argv_body,
    read_json_body,
    read_line,
    read_state_body,
    read_truth,
    read_wishes,
    read_xml,
)
from prober.service.routes import COMMAND, DESCRIPTION, LABELS, MIGRATE, PLUG, PROVE, ROUTES, TYPE, Route
from prober.service.watching import answer_in_steps, wants_steps
from prober.translate.wishes import NO_WISHES

#: How many binaries that have no answer are named in a sentence.
_FEW = 5


def create_app(catalog: Catalog, late: Late, *, admins: Admitted = ROOT, tally: Tally | None = None) -> Application:
    """The application.  The catalog is entered by the caller, before the first request; ``admins`` may do more.

    ``tally`` is what it counts in, and tells of.
    """
    tally = tally or Tally(ROUTES)
    handlers = Handlers(catalog, late, tally)
    routes = (*ROUTES, DESCRIPTION)
    answering = {route.name: getattr(handlers, route.name, None) or handlers.about_one(route) for route in routes}
    return Application(routes, answering, admins, tally)


class Handlers:
    """What answers the routes.  Each method may raise :class:`~prober.errors.ProberError`."""

    def __init__(self, catalog: Catalog, late: Late, tally: Tally) -> None:
        self._catalog = catalog
        self._late = late
        self._listening = Listening(catalog.changes, ChangeList.of, "changes of the answers about QEMU binaries")
        self._scraping = Scraping(tally)
        self._tally = tally
        tally.add_source(lambda: [Sample(LISTENERS, (), self._listening.listeners)])

    @property
    def _most(self) -> int:
        return self._late.settings.max_body

    async def get_supports(self, request: Request) -> Response:
        """The evidence of a fact."""
        fact = request.query.get("fact")
        if not fact:
            raise RequestError(400, "no fact is asked for", hint="add ?fact=TYPE.PROPERTY")
        return as_json((await self._capabilities(request)).supports(fact))

    async def get_health(self, _: Request) -> Response:
        """That the service answers, and how its binaries are."""
        states = Counter(entry.state for entry in await self._catalog.list_entries())
        return as_json(Health(status="ok", version=prober.__version__, binaries=dict(states)))

    async def get_metrics(self, request: Request) -> Response:
        """All that is counted."""
        return await self._scraping.answer(request)

    async def get_ready(self, _: Request) -> Response:
        """That each binary has an answer or a failure that is remembered, or which have not."""
        entries = await self._catalog.list_entries()
        waiting = [entry.id for entry in entries if entry.state not in ("ready", "failed")]
        if not waiting:
            states = Counter(entry.state for entry in entries)
            return as_json(Readiness(status="ready", binaries=dict(states)))
        said = f"{len(waiting)} of {len(entries)} binaries have no answer yet: {', '.join(waiting[:_FEW])}"
        response = problem(503, said, hint="ask again in a second", kind="not-ready", waiting=waiting)
        return response._replace(retry_s=RETRY_S)

    async def get_binaries(self, _: Request) -> Response:
        """All entries, as they are now."""
        return as_json(BinaryList(binaries=[entry.brief() for entry in await self._catalog.list_entries()]))

    async def get_binary(self, request: Request) -> Response:
        """One entry, once it is known."""
        return as_json(await self._catalog.find(request.places["id"]))

    async def refresh_binary(self, request: Request) -> Response:
        """One entry, asked again."""
        return as_json(await self._catalog.refresh(request.places["id"]))

    async def get_events(self, request: Request) -> Response:
        """Changes as they come."""
        return self._listening.stream(request)

    async def get_changes(self, request: Request) -> Response:
        """Changes since an id."""
        return await self._listening.answer(request)

    async def get_type(self, request: Request) -> Response:
        """One type, which the binary knows."""
        caps, name = await self._capabilities(request), request.places["typename"]
        abstract = name in (caps.abstract_types or {})
        if not abstract and name not in (caps.types or {}) and name not in caps.properties:
            raise _no_type(caps, name[:200])
        return await self._tell(TYPE, request, caps)

    async def get_capabilities(self, request: Request) -> Response:
        """All that is known of a binary: half a megabyte, which takes longer than others should wait."""
        return Response(200, await json_gently(await self._capabilities(request)))

    async def get_command(self, request: Request) -> Response:
        """One QMP command.  Of some the arguments unfold to thousands of members."""
        return await self._by_worker(COMMAND, request)

    async def get_domcapabilities(self, request: Request) -> Response:
        """What domains may have, with the firmware of the service's host."""
        query = request.query
        asked = DomainsQuestion(
            query.get("machine"),
            query.get("virttype"),
            query.get("arch"),
            read_truth(request, "assume_unknown_present"),
        )
        caps, entry = await self._capabilities(request), await self._catalog.find(request.places["id"])
        return Response(200, await self._late.tell_domains(asked, entry, caps, _asker(request)))

    async def get_labels(self, request: Request) -> Response:
        """Labels of a node.  The name of a build is worked out of all of it."""
        return await self._by_worker(LABELS, request)

    async def translate(self, request: Request) -> Response:
        """The translation of a domain."""
        assume = read_truth(request, "assume_unknown_present")
        xml = await read_xml(request, self._most)
        query = request.query
        asked = DomainQuestion(
            xml, query.get("binary"), query.get("monitor"), query.get("incoming"), assume, read_wishes(request)
        )
        return Response(200, await self._late.translate(asked, _asker(request)))

    async def check_argv(self, request: Request) -> Response:
        """What is found of an argv."""
        assume = read_truth(request, "assume_unknown_present")
        asked = ArgvQuestion(await read_argv_body(request, self._most), request.query.get("binary"), assume)
        return Response(200, await self._late.check_argv(asked, _asker(request)))

    async def prove(self, request: Request) -> Response:
        """What the binary itself makes of a line, or of what a domain comes to."""
        query = request.query
        anyway, assume = read_truth(request, "anyway"), read_truth(request, "assume_unknown_present")
        argv, xml = await read_line(request, self._most)
        monitor, incoming = query.get("monitor"), query.get("incoming")
        wishes = read_wishes(request)
        if argv is not None and (monitor is not None or incoming is not None):
            raise RequestError(400, "monitor and incoming are for a domain; an argv has them in its words")
        if argv is not None and wishes._replace(strict=False) != NO_WISHES:
            raise RequestError(400, "how a domain is to be translated is not for an argv")
        ident = request.places["id"]
        asked = ProofQuestion(ident, argv, xml, monitor, incoming, anyway, assume, wishes)
        return await self._watched(PROVE, request, lambda: self._late.prove(asked, _asker(request)))

    async def plug(self, request: Request) -> Response:
        """What comes of devices, or commands, that are plugged into a machine."""
        question = await self._plug_question(request)
        return await self._watched(PLUG, request, lambda: self._late.rehearse(question, _asker(request)))

    async def plug_commands(self, request: Request) -> Response:
        """The commands that devices of a domain come to."""
        return Response(200, await self._late.plug_commands(await self._plug_question(request), _asker(request)))

    async def _plug_question(self, request: Request) -> PlugQuestion:
        told = [read_truth(request, name) for name in ("anyway", "assume_unknown_present", "driven")]
        return PlugQuestion(request.places["id"], await read_json_body(request, self._most), *told)

    async def migrate(self, request: Request) -> Response:
        """What becomes of a guest that goes to another binary."""
        to = request.query.get("to")
        if not to:
            raise RequestError(400, "it is not said where the guest is to go", hint="add ?to=ID")
        names = ("driven", "both_ways", "anyway", "assume_unknown_present")
        told = [read_truth(request, name) for name in names]
        argv, xml = await read_line(request, self._most)
        asked = MoveQuestion(request.places["id"], to, argv, xml, *told)
        return await self._watched(MIGRATE, request, lambda: self._late.rehearse(asked, _asker(request)))

    async def keep_state(self, request: Request) -> Response:
        """The state of a guest."""
        told = [read_truth(request, name) for name in ("driven", "assume_unknown_present")]
        asked = SaveQuestion(request.places["id"], await read_xml(request, self._most), *told)
        return Response(200, await self._late.rehearse(asked, _asker(request)))

    async def load_state(self, request: Request) -> Response:
        """What a binary makes of a state."""
        assume = read_truth(request, "assume_unknown_present")
        asked = LoadQuestion(request.places["id"], await read_state_body(request), assume)
        return Response(200, await self._late.rehearse(asked, _asker(request)))

    async def get_doctor(self, _: Request) -> Response:
        """What the service sees of its host, and what to do about it."""
        return as_json(await self._late.examine())

    async def get_host(self, _: Request) -> Response:
        """What this host's kernel and CPU add to each QEMU."""
        return as_json(await self._late.look_at_host())

    async def describe(self, _: Request) -> Response:
        """The description of the routes."""
        return Response(200, await self._late.describe())

    def about_one(self, route: Route) -> Handler:
        """Who answers a route that asks what one binary has."""

        async def answer(request: Request) -> Response:
            return await self._tell(route, request, await self._capabilities(request))

        return answer

    async def _watched(self, route: Route, request: Request, work: Callable[[], Awaitable[bytes]]) -> Response:
        """The answer of what takes a while; with its steps for who wants them."""
        if not wants_steps(request):
            return Response(200, await work())

        async def bounded() -> Response:
            return bounded_answer(Response(200, await work()), route)

        return await answer_in_steps(bounded, lambda error: refused_answer(error, request, self._tally))

    async def _capabilities(self, request: Request) -> Capabilities:
        return await self._catalog.capabilities(request.places["id"])

    async def _tell(self, route: Route, request: Request, caps: Capabilities) -> Response:
        return as_json(await self._late.answer_of_one(route, request.places["id"], caps, request.places))

    async def _by_worker(self, route: Route, request: Request) -> Response:
        caps, places = await self._capabilities(request), request.places
        return Response(200, await self._late.answer_by_worker(route, places["id"], caps, places, _asker(request)))


def _asker(request: Request) -> WorkAsker:
    """For whom a request is worked on."""
    return WorkAsker(-1 if request.peer is None else request.peer.uid, lambda: request.is_gone)


def _no_type(caps: Capabilities, name: str) -> RequestError:
    """Why a type is not told of (404)."""
    if caps.types is None:
        return RequestError(404, f"{name!r} was never asked about, nor was the list of types")
    near = nearest(name, caps.types)
    return RequestError(404, f"no type is named {name!r}", hint=f"did you mean {', '.join(near)}?" if near else "")
