"""Asking the service, in threads: its client waits.  What it says is worked out there as well.

Whatever the service says is held against its model before the page gets it: a service of another version, or who has
its place, cannot say what the page has no form for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ValidationError

import prober
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.entry import Entry
from prober.commandline.report import ArgvReport
from prober.domain.domain import Domain
from prober.errors import BusyError, ProberError, RecordingError, ServiceError
from prober.host.host import Host
from prober.pages.cells import outline_of, remarks
from prober.pages.gather import BookMaker
from prober.pages.hidden import hide_secrets
from prober.pages.live.leaving import LeavingClient
from prober.pages.live.routes import Forwarded
from prober.pages.models import DomainCell, Remark
from prober.pages.packed import book_text
from prober.proof.watched import WorkStep, step_watcher
from prober.service.client import Client, Reply
from prober.service.messages import Request
from prober.service.problems import Problem
from prober.service.replies import BinaryList, ChangeList
from prober.service.requests import words_of
from prober.service.routes import BINARIES, CAPABILITIES, CHANGES, CHECK_ARGV, DESCRIPTION, TRANSLATE
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from prober.translate.uses import Uses

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

#: So many questions are under way at once, of which so many may wait for changes.
_AT_ONCE, MOST_WAITING = 16, 8


class _Description(BaseModel):
    """What the service can be asked: its paths alone are looked at."""

    paths: dict[str, Any]


class _Known(NamedTuple):
    """Of which answer it is, what the QEMU has, and what it makes of each domain."""

    answer: object
    caps: Capabilities
    cells: list[tuple[DomainCell, Uses | None]]


class UiService:
    """Asks the service on a socket.  ``domains`` are those of the matrix: the name of each file, and its XML."""

    def __init__(self, socket: Path, domains: Sequence[tuple[str, bytes]], title: str) -> None:
        self.socket = socket
        self._domains = domains
        self._title = title
        self._under_way = 0
        self._making = asyncio.Lock()
        #: What is known of each entry, by its id.
        self._known: dict[str, _Known] = {}
        #: The last book, and of which answers that is.
        self._made: tuple[list[object], str] | None = None

    async def run(
        self, work: Callable[[LeavingClient], T], request: Request | None = None, *, most: int = _AT_ONCE
    ) -> T:
        """Have a thread ask; where that many do already, it is too much.  Where the ``request`` that it is for is given
        up, the question is as well.

        :raise BusyError: where too much is under way.
        :raise ProberError: as the work does.
        """
        if self._under_way >= most:
            raise BusyError(f"{most} questions are under way already", hint="try again later")
        loop, client = asyncio.get_running_loop(), LeavingClient(self.socket)
        done: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: BaseException | None) -> None:
            self._under_way -= 1
            if done.cancelled():
                return
            if error is None:
                done.set_result(value)  # type: ignore[arg-type]  # None is one of T where the work gives none
            else:
                done.set_exception(error)

        def ask() -> None:
            value, error = None, None
            try:
                with client:
                    value = work(client)
            except Exception as caught:  # noqa: BLE001 - it is raised where it is waited for
                error = caught
            with suppress(RuntimeError):  # The loop has ended, and nobody waits.
                loop.call_soon_threadsafe(settle, value, error)

        self._under_way += 1
        if request is not None:
            request.on_gone = client.leave
            if request.is_gone:
                client.leave()
        # No pool: its threads are waited for at the end, and one may wait for the service for a minute.
        try:
            Thread(target=ask, name="ui", daemon=True).start()
        except RuntimeError as error:  # There can be no more threads.
            self._under_way -= 1
            raise BusyError("no thread can be had to ask the service", hint="try again later") from error
        return await done

    async def make_book(self) -> bytes:
        """The book of all entries that are known, as JSON; one after the other, as it takes a second.

        :raise ServiceError: where the service does not answer as it should.
        """
        async with self._making:
            return (await self.run(self._make_book)).encode()

    async def entries(self) -> dict[str, Any]:
        """The entries as the service lists them, and the paths that it can be asked.

        :raise ServiceError: where the service does not answer as it should.
        """

        def work(client: Client) -> dict[str, Any]:
            paths = list(_told(client.ask(DESCRIPTION), _Description).paths)
            told = _told(client.ask(BINARIES), BinaryList).model_dump(mode="json")
            return {**told, "paths": paths, "prober": prober.__version__}

        return await self.run(work)

    async def changes(self, request: Request) -> dict[str, Any]:
        """What changed, as the service tells it."""
        query = dict(request.query)

        def work(client: Client) -> dict[str, Any]:
            return _told(client.ask(CHANGES, query=query), ChangeList).model_dump(mode="json")

        return await self.run(work, request, most=MOST_WAITING)

    async def check(self, request: Request, body: bytes, *, assume: bool) -> dict[str, Any]:
        """What is said of a domain, or of a command line, for one entry.

        :raise ServiceError: where the service does not answer as it should.
        """
        ident = request.query["binary"]

        def work(client: Client) -> dict[str, Any]:
            query = {"binary": ident, **({"assume_unknown_present": "true"} if assume else {})}
            if body.lstrip()[:1] == b"<":
                return self._check_domain(client, ident, body, query)
            return _check_line(client, body, query)

        return await self.run(work, request)

    async def forward(
        self, to: Forwarded, request: Request, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """What the service answers to a question of the page, whatever it is, and its status.

        Where somebody watches (:func:`~prober.proof.watched.watch_steps`) he is told the steps that the service tells.

        :raise ServiceError: where the service does not answer as it should.
        """
        ident = query.pop("binary")
        url = to.path.format(id=quote(ident, safe="")) + (f"?{urlencode(query)}" if query else "")
        kind = request.header(b"content-type").partition(";")[0].strip() or "text/plain"

        loop, watcher = asyncio.get_running_loop(), step_watcher()

        def hear(told: Any) -> None:
            if watcher is not None:
                loop.call_soon_threadsafe(watcher, _told(Reply(200, told), WorkStep))

        def work(client: LeavingClient) -> tuple[int, dict[str, Any]]:
            reply = client.post(url, body, kind) if watcher is None else client.watch(url, body, kind, hear)
            value = _told(reply, to.model).model_dump(mode="json", by_alias=True) if reply.ok else _problem(reply)
            return reply.status, value

        return await self.run(work, request)

    def _make_book(self, client: Client) -> str:
        entries = _told(client.ask(BINARIES), BinaryList).binaries
        known = [(entry, found) for entry in entries if (found := self._know(client, entry)) is not None]
        known.sort(key=lambda one: (one[1].caps.version.numbers, one[0].path))
        answers: list[object] = [found.answer for _, found in known]
        if self._made is not None and self._made[0] == answers:
            return self._made[1]
        maker = BookMaker()
        for entry, found in known:
            maker.add_qemu(entry.path, found.caps, entry.id)
        for number, (name, xml) in enumerate(self._domains):
            text, hide = hide_secrets(xml.decode("utf-8", "replace"))
            maker.add_domain(name, text, [hide(found.cells[number]) for _, found in known])
        told = book_text(maker.make(self._title, f"prober {prober.__version__}, live from {self.socket}"))
        # Of entries that have gone nothing is kept: a service may go on for months, with ever new ones.
        self._known = {entry.id: found for entry, found in known}
        self._made = answers, told
        return told

    def _know(self, client: Client, entry: Entry) -> _Known | None:
        """What is known of an entry, with what it makes of the domains; None where nothing is known yet.

        All domains of one entry, and then the next: the service's workers know a few at a time.
        """
        if entry.state != "ready":
            return None
        ident, answer = entry.id, (entry.id, entry.asked_at, entry.version, entry.path)
        kept = self._known.get(ident)
        if kept is not None and kept.answer == answer:
            return kept
        reply = client.ask(CAPABILITIES, {"id": ident})
        if not reply.ok:
            return None
        caps = _told(reply, Capabilities)
        cells = [_cell(client, caps, xml, {"binary": ident}) for _, xml in self._domains]
        known = self._known[ident] = _Known(answer, caps, cells)
        return known

    def _check_domain(self, client: Client, ident: str, xml: bytes, query: dict[str, str]) -> dict[str, Any]:
        known = self._known.get(ident)
        cell, _ = _cell(client, None if known is None else known.caps, xml, query)
        return {"kind": "domain", "cell": cell}


def _cell(
    client: Client, caps: Capabilities | None, xml: bytes, query: dict[str, str]
) -> tuple[DomainCell, Uses | None]:
    """What the service says of a domain; the guest's buses, and what it uses, are worked out here."""
    cell = _as_cell(client.ask(TRANSLATE, query=query, body=xml))
    domain = _read(xml)
    if domain is None or caps is None:
        return cell, None
    try:
        buses, uses, argv = outline_of(domain, caps, Host())
        return cell._replace(buses=buses, argv=cell.argv or argv), uses
    except RecordingError:
        return cell, None


def _as_cell(reply: Reply) -> DomainCell:
    if reply.ok:
        told = _told(reply, Translation)
        return DomainCell("yes", notes=remarks(told.notes), argv=told.argv)
    problem = _told(reply, Problem, ok=False)
    if problem.refusals:
        return DomainCell("no", remarks(problem.refusals))
    verdict = "unreadable" if reply.status == 400 else "not asked"
    return DomainCell(verdict, (Remark(problem.line or 0, "/", problem.detail, problem.hint or ""),))


def _read(xml: bytes) -> Domain | None:
    """The domain; None where there is none to speak of, which the service tells."""
    try:
        return read_domain(xml)
    except ProberError:
        return None


def _check_line(client: Client, body: bytes, query: dict[str, str]) -> dict[str, Any]:
    reply = client.ask(CHECK_ARGV, query=query, body=body, kind="text/plain")
    if not reply.ok:
        return {"kind": "line", "problem": _problem(reply)}
    report = _told(reply, ArgvReport).model_dump(mode="json", by_alias=True)
    return {"kind": "line", "report": report, "words": words_of(body, "text/plain")}


def _problem(reply: Reply) -> dict[str, Any]:
    """Why there is no answer, as the page has it."""
    return _told(reply, Problem, ok=False).model_dump(mode="json", exclude_none=True)


def _told(reply: Reply, model: type[M], *, ok: bool = True) -> M:
    """What an answer tells.

    :raise ServiceError: where it is an error and nobody asked for one (``ok``), or of another form.
    """
    if ok and not reply.ok:
        problem = _told(reply, Problem, ok=False)
        raise ServiceError(problem.detail, hint=problem.hint or "")
    try:
        return model.model_validate(reply.value)
    except ValidationError as error:
        said = f"what the service answers has another form than this page knows ({model.__name__.lstrip('_')})"
        raise ServiceError(said, hint="are both of one version of prober?") from error
