"""The client that is awaited."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from prober.capabilities import Capabilities, Evidence
from prober.capabilities.changes import AnswerChange
from prober.capabilities.entry import Entry
from prober.commandline.report import ArgvReport
from prober.errors import ProberError
from prober.export.domcapabilities import DomainCapabilities
from prober.host.facts import HostFacts
from prober.proof.models import Proof
from prober.rehearsal.keeping import StateKept
from prober.rehearsal.models import Migration
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.told import MigrationList
from prober.service.answers import CommandList, CommandReply, CpuList, LabelList, MachineList, TypeList, TypeReply
from prober.service.asking import questions, rehearsals
from prober.service.asking.questions import (
    PLAIN,
    WAIT_S,
    Asking,
    ChangesLost,
    M,
    ServiceQuestion,
    is_away,
    told_by,
    wait_within,
)
from prober.service.asking.rehearsals import UNDRIVEN, Rehearsing
from prober.service.asking.wire import AskingSocket
from prober.service.client import TIMEOUT_S, Reply, explain_failure, strange_answer
from prober.service.replies import Health, Readiness
from prober.translate.plug_models import PlugTranslation
from prober.translate.translation import Translation

#: How long (seconds) between two tries to reach a service that is away, and to connect to one that is very busy.
_RETRY_S, _BUSY_S = 0.2, 0.02

#: So many questions are on their way at once; the service has as many listeners at most, and fewer of one user.
_AT_ONCE = 64


class AsyncServiceClient:
    """Asks the service on a unix socket without blocking the event loop; otherwise as
    :class:`~prober.service.asking.client.ServiceClient`.

    Several questions may be under way at once, each over a connection of its own, of which there are at most 64; these
    are kept for the next ones.  A question whose task is cancelled is given up, and its connection closed.  One client
    is for one thread.
    """

    def __init__(self, socket: str | os.PathLike[str], *, timeout: float = TIMEOUT_S, patience: float = 10.0) -> None:
        self._path = os.fspath(socket)
        self._timeout = timeout
        self._patience = patience
        self._pid = os.getpid()
        #: Connections on which nothing is under way.
        self._idle: list[AskingSocket] = []
        #: How often it was closed: a connection that was made before is not kept.
        self._closings = 0
        #: Of which event loop the room is.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections: those that are kept at once, those of questions under way with their answers.  The
        next question opens another."""
        self._closings += 1
        while self._idle:
            self._idle.pop().close()

    async def health(self) -> Health:
        """Whether the service works, its version, and how many binaries are in which state."""
        return await self._ask(questions.ask_health())

    async def ready(self) -> Readiness:
        """That each binary has an answer, or a failure that is remembered.

        :raise ServiceError: where it is not ready yet.
        """
        return await self._ask(questions.ask_ready())

    async def binaries(self) -> list[Entry]:
        """All entries of the catalog, as they are now."""
        return (await self._ask(questions.ask_binaries())).binaries

    async def binary(self, ident: str) -> Entry:
        """One entry, by id; waits for its interview.

        :raise UnknownBinaryError: where there is none.
        """
        return await self._ask(questions.ask_binary(ident))

    async def refresh(self, ident: str) -> Entry:
        """Have a binary asked again; for root, the service's own user and its ``admin_group``.

        :raise ForbiddenError: for others.
        """
        return await self._ask(questions.ask_refresh(ident))

    async def supports(self, ident: str, fact: str) -> Evidence:
        """What a binary says of a fact, by QEMU's own name.

        :raise UsageError: where it is no name of a fact.
        """
        return await self._ask(questions.ask_supports(ident, fact))

    async def types(self, ident: str) -> TypeList:
        """The QOM types of a binary."""
        return await self._ask(questions.ask_types(ident))

    async def type(self, ident: str, typename: str) -> TypeReply:
        """One QOM type and its properties.

        :raise UsageError: where there is none.
        """
        return await self._ask(questions.ask_type(ident, typename))

    async def machines(self, ident: str) -> MachineList:
        """The machines of a binary."""
        return await self._ask(questions.ask_machines(ident))

    async def cpus(self, ident: str) -> CpuList:
        """The CPU models of a binary."""
        return await self._ask(questions.ask_cpus(ident))

    async def commands(self, ident: str) -> CommandList:
        """The QMP commands and events of a binary."""
        return await self._ask(questions.ask_commands(ident))

    async def command(self, ident: str, command: str) -> CommandReply:
        """One QMP command and its arguments.

        :raise UsageError: where there is none.
        """
        return await self._ask(questions.ask_command(ident, command))

    async def capabilities(self, ident: str) -> Capabilities:
        """All that is known of a binary: some megabytes."""
        return await self._ask(questions.ask_capabilities(ident))

    async def domcapabilities(
        self,
        ident: str,
        *,
        machine: str | None = None,
        virttype: str | None = None,
        arch: str | None = None,
        assume_unknown_present: bool = False,
    ) -> DomainCapabilities:
        """What domains may have, in the form of libvirt's domain capabilities."""
        return await self._ask(questions.ask_domcapabilities(ident, machine, virttype, arch, assume_unknown_present))

    async def labels(self, ident: str) -> LabelList:
        """Labels of a Kubernetes node that has the binary."""
        return await self._ask(questions.ask_labels(ident))

    async def host(self) -> HostFacts:
        """What the host's kernel and CPU add to each QEMU."""
        return await self._ask(questions.ask_host())

    async def translate(self, xml: str | bytes, binary: str | None = None, *, asking: Asking = PLAIN) -> Translation:
        """The command line for a domain; ``binary`` is an id or path, without it the domain's own emulator.

        :raise RefusedError: with every reason.
        :raise UnreadableDomainError: where it is no XML.
        """
        return await self._ask(questions.ask_translate(xml, binary, asking))

    async def check_argv(
        self, words: Sequence[str], binary: str | None = None, *, assume_unknown_present: bool = False
    ) -> ArgvReport:
        """What a binary would make of a command line, binary first; without ``binary`` the line's own."""
        return await self._ask(questions.ask_check_argv(words, binary, assume_unknown_present))

    async def prove(
        self, ident: str, what: str | bytes | Sequence[str], *, anyway: bool = False, asking: Asking = PLAIN
    ) -> Proof:
        """What the binary itself makes of the words of an argv, or of a domain's XML (a text); it is started for it.

        :raise RefusedError: where a domain is refused by the check.
        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(questions.ask_prove(ident, what, anyway, asking))

    async def plug(
        self,
        ident: str,
        domain: str,
        devices: Sequence[str] = (),
        *,
        unplug: Sequence[str] = (),
        rehearsing: Rehearsing = UNDRIVEN,
    ) -> PlugRehearsal:
        """What comes of ``devices`` (XML) that are plugged into the guest of a ``domain`` (XML), and of those of the
        aliases ``unplug`` that are taken out; its machine is started for it, and never runs.

        :raise RefusedError: where the domain or a device is refused by the check.
        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(rehearsals.ask_plug(ident, domain, devices, unplug, rehearsing))

    async def plug_line(
        self,
        ident: str,
        words: Sequence[str],
        commands: Sequence[Mapping[str, Any]],
        *,
        rehearsing: Rehearsing = UNDRIVEN,
    ) -> PlugRehearsal:
        """The same of QMP ``commands`` (``execute``, ``arguments``) and the machine of an argv.

        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(rehearsals.ask_plug_line(ident, words, commands, rehearsing))

    async def plug_commands(
        self,
        ident: str,
        domain: str,
        devices: Sequence[str] = (),
        *,
        unplug: Sequence[str] = (),
        assume_unknown_present: bool = False,
    ) -> PlugTranslation:
        """The QMP commands that plug devices in, and take them out; nothing is started.

        :raise RefusedError: where the domain or a device is refused.
        """
        return await self._ask(rehearsals.ask_plug_commands(ident, domain, devices, unplug, assume_unknown_present))

    async def migrate(
        self,
        ident: str,
        to: str,
        what: str | bytes | Sequence[str],
        *,
        to_words: Sequence[str] = (),
        both_ways: bool = False,
        rehearsing: Rehearsing = UNDRIVEN,
    ) -> MigrationList:
        """What becomes of a domain's guest (XML, a text), or of the machine of an argv, that goes to the binary ``to``,
        and with ``both_ways`` of one that comes from there; ``to_words`` is the argv there, where it is another.

        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(rehearsals.ask_migrate(ident, to, what, to_words, both_ways, rehearsing))

    async def keep_state(self, ident: str, xml: str | bytes, *, rehearsing: Rehearsing = UNDRIVEN) -> StateKept:
        """The state of a domain's guest that never ran, as a file (``file``, in base64).

        :raise RefusedError: where the domain is refused.
        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(rehearsals.ask_keep_state(ident, xml, rehearsing))

    async def load_state(self, ident: str, file: bytes, *, assume_unknown_present: bool = False) -> Migration:
        """What a binary makes of the state that is in a file.

        :raise StateFileError: where the file is none.
        :raise ProverError: where it gave no verdict.
        """
        return await self._ask(rehearsals.ask_load_state(ident, file, assume_unknown_present))

    async def events(
        self, since: str | None = None, *, wait: float = WAIT_S
    ) -> AsyncIterator[AnswerChange | ChangesLost]:
        """Each change in what is known of the binaries, as it comes, from the one behind ``since`` or else from now on.

        It goes on over a restart of the service, and does not end; where something may be missing a
        :class:`~prober.service.asking.questions.ChangesLost` is told first.  ``wait`` (seconds, up to 60, and
        half of the client's ``timeout``) is how long one question waits.
        """
        wait = wait_within(wait, self._timeout)
        last = since if since is not None else (await self._ask(questions.ask_changes(None, 0))).id
        while True:
            news = await self._ask(questions.ask_changes(last, wait))
            last = news.id
            for one in told_by(news):
                yield one

    async def _ask(self, question: ServiceQuestion[M]) -> M:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            try:
                reply = await self._fetch(question)
            except ProberError as error:
                if not is_away(error) or loop.time() > until:
                    raise
                await asyncio.sleep(_RETRY_S)
            else:
                return question.read(reply)

    async def _fetch(self, question: ServiceQuestion[M]) -> Reply:
        """The answer, whatever it tells.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        request = question.request()
        self._adopt()
        try:
            async with self._room, asyncio.timeout(self._timeout):
                status, body = await self._exchange(request)
        except OSError as error:
            raise explain_failure(error, self._path, self._timeout) from error
        try:
            return Reply(status, json.loads(body))
        except (ValueError, RecursionError) as error:
            raise strange_answer(self._path, "is not JSON") from error

    def _adopt(self) -> None:
        """Be of this event loop, and of this process: what is kept of another one is its own."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            while self._idle:
                self._idle.pop().close()
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._room = loop, asyncio.Semaphore(_AT_ONCE)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        while self._idle:
            # A connection that was idle may have been closed meanwhile, perhaps as the service was started anew.
            try:
                return await self._send(self._idle.pop(), request)
            except ConnectionError:
                continue
        made = AskingSocket(self._path)
        try:
            while not made.is_connected():  # noqa: ASYNC110 - nobody tells when there is room
                await asyncio.sleep(_BUSY_S)
        except BaseException:
            made.close()
            raise
        return await self._send(made, request)

    async def _send(self, connection: AskingSocket, request: bytes) -> tuple[int, bytes]:
        """Ask, and keep the connection where the answer came whole."""
        keeps, closings = False, self._closings
        try:
            status, body, closes = await connection.exchange(request)
            keeps = not closes and closings == self._closings
            return status, body
        finally:
            if keeps:
                self._idle.append(connection)
            else:
                connection.close()
