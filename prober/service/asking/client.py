"""The client that waits for its answers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from prober.capabilities import Capabilities, Evidence
from prober.capabilities.changes import AnswerChange
from prober.capabilities.entry import Entry
from prober.commandline.report import ArgvReport
from prober.errors import ProberError, UsageError
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
from prober.service.client import TIMEOUT_S, Client
from prober.service.replies import Health, Readiness
from prober.translate.plug_models import PlugTranslation
from prober.translate.translation import Translation

#: How long (seconds) between two tries to reach a service that is away.
_RETRY_S = 0.2


class ServiceClient:
    """Asks the service on a unix socket, and gets models back; a context manager, or closed by hand.

    Its connection is kept, and made anew where the service was started again: for ``patience`` seconds a service that
    is away is waited for.  ``timeout`` (seconds) is for one question and its answer.  Whatever the service refuses, or
    cannot do, is raised as the error that it tells of (:mod:`prober.errors`); a :class:`~prober.errors.ServiceError`
    where there is no service.  One client is for one thread: to another one that asks meanwhile it says so
    (:class:`~prober.errors.UsageError`).  A process that is forked has a connection of its own.
    """

    def __init__(self, socket: str | os.PathLike[str], *, timeout: float = TIMEOUT_S, patience: float = 10.0) -> None:
        self._client = Client(socket, timeout=timeout)
        self._timeout = timeout
        self._patience = patience
        #: Whoever has it asks.
        self._turn = threading.Lock()
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        self._client.close()

    def health(self) -> Health:
        """Whether the service works, its version, and how many binaries are in which state."""
        return self._ask(questions.ask_health())

    def ready(self) -> Readiness:
        """That each binary has an answer, or a failure that is remembered.

        :raise ServiceError: where it is not ready yet.
        """
        return self._ask(questions.ask_ready())

    def binaries(self) -> list[Entry]:
        """All entries of the catalog, as they are now."""
        return self._ask(questions.ask_binaries()).binaries

    def binary(self, ident: str) -> Entry:
        """One entry, by id; waits for its interview.

        :raise UnknownBinaryError: where there is none.
        """
        return self._ask(questions.ask_binary(ident))

    def refresh(self, ident: str) -> Entry:
        """Have a binary asked again; for root, the service's own user and its ``admin_group``.

        :raise ForbiddenError: for others.
        """
        return self._ask(questions.ask_refresh(ident))

    def supports(self, ident: str, fact: str) -> Evidence:
        """What a binary says of a fact, by QEMU's own name.

        :raise UsageError: where it is no name of a fact.
        """
        return self._ask(questions.ask_supports(ident, fact))

    def types(self, ident: str) -> TypeList:
        """The QOM types of a binary."""
        return self._ask(questions.ask_types(ident))

    def type(self, ident: str, typename: str) -> TypeReply:
        """One QOM type and its properties.

        :raise UsageError: where there is none.
        """
        return self._ask(questions.ask_type(ident, typename))

    def machines(self, ident: str) -> MachineList:
        """The machines of a binary."""
        return self._ask(questions.ask_machines(ident))

    def cpus(self, ident: str) -> CpuList:
        """The CPU models of a binary."""
        return self._ask(questions.ask_cpus(ident))

    def commands(self, ident: str) -> CommandList:
        """The QMP commands and events of a binary."""
        return self._ask(questions.ask_commands(ident))

    def command(self, ident: str, command: str) -> CommandReply:
        """One QMP command and its arguments.

        :raise UsageError: where there is none.
        """
        return self._ask(questions.ask_command(ident, command))

    def capabilities(self, ident: str) -> Capabilities:
        """All that is known of a binary: some megabytes."""
        return self._ask(questions.ask_capabilities(ident))

    def domcapabilities(
        self,
        ident: str,
        *,
        machine: str | None = None,
        virttype: str | None = None,
        arch: str | None = None,
        assume_unknown_present: bool = False,
    ) -> DomainCapabilities:
        """What domains may have, in the form of libvirt's domain capabilities."""
        return self._ask(questions.ask_domcapabilities(ident, machine, virttype, arch, assume_unknown_present))

    def labels(self, ident: str) -> LabelList:
        """Labels of a Kubernetes node that has the binary."""
        return self._ask(questions.ask_labels(ident))

    def host(self) -> HostFacts:
        """What the host's kernel and CPU add to each QEMU."""
        return self._ask(questions.ask_host())

    def translate(self, xml: str | bytes, binary: str | None = None, *, asking: Asking = PLAIN) -> Translation:
        """The command line for a domain; ``binary`` is an id or path, without it the domain's own emulator.

        :raise RefusedError: with every reason.
        :raise UnreadableDomainError: where it is no XML.
        """
        return self._ask(questions.ask_translate(xml, binary, asking))

    def check_argv(
        self, words: Sequence[str], binary: str | None = None, *, assume_unknown_present: bool = False
    ) -> ArgvReport:
        """What a binary would make of a command line, binary first; without ``binary`` the line's own."""
        return self._ask(questions.ask_check_argv(words, binary, assume_unknown_present))

    def prove(
        self, ident: str, what: str | bytes | Sequence[str], *, anyway: bool = False, asking: Asking = PLAIN
    ) -> Proof:
        """What the binary itself makes of the words of an argv, or of a domain's XML (a text); it is started for it.

        :raise RefusedError: where a domain is refused by the check.
        :raise ProverError: where it gave no verdict.
        """
        return self._ask(questions.ask_prove(ident, what, anyway, asking))

    def plug(
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
        return self._ask(rehearsals.ask_plug(ident, domain, devices, unplug, rehearsing))

    def plug_line(
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
        return self._ask(rehearsals.ask_plug_line(ident, words, commands, rehearsing))

    def plug_commands(
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
        return self._ask(rehearsals.ask_plug_commands(ident, domain, devices, unplug, assume_unknown_present))

    def migrate(
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
        return self._ask(rehearsals.ask_migrate(ident, to, what, to_words, both_ways, rehearsing))

    def keep_state(self, ident: str, xml: str | bytes, *, rehearsing: Rehearsing = UNDRIVEN) -> StateKept:
        """The state of a domain's guest that never ran, as a file (``file``, in base64).

        :raise RefusedError: where the domain is refused.
        :raise ProverError: where it gave no verdict.
        """
        return self._ask(rehearsals.ask_keep_state(ident, xml, rehearsing))

    def load_state(self, ident: str, file: bytes, *, assume_unknown_present: bool = False) -> Migration:
        """What a binary makes of the state that is in a file.

        :raise StateFileError: where the file is none.
        :raise ProverError: where it gave no verdict.
        """
        return self._ask(rehearsals.ask_load_state(ident, file, assume_unknown_present))

    def events(self, since: str | None = None, *, wait: float = WAIT_S) -> Iterator[AnswerChange | ChangesLost]:
        """Each change in what is known of the binaries, as it comes, from the one behind ``since`` or else from now on.

        It goes on over a restart of the service, and does not end; where something may be missing a
        :class:`~prober.service.asking.questions.ChangesLost` is told first.  ``wait`` (seconds, up to 60, and
        half of the client's ``timeout``) is how long one question waits.
        """
        wait = wait_within(wait, self._timeout)
        last = since if since is not None else self._ask(questions.ask_changes(None, 0)).id
        while True:
            news = self._ask(questions.ask_changes(last, wait))
            last = news.id
            yield from told_by(news)

    def _ask(self, question: ServiceQuestion[M]) -> M:
        self._adopt()
        if not self._turn.acquire(blocking=False):
            # Two on one connection would get each other's answers.
            raise UsageError("this client is asking already, in another thread", hint="make one for each thread")
        try:
            return self._wait_for(question)
        finally:
            self._turn.release()

    def _adopt(self) -> None:
        """Be of this process: the connection of the one that forked it is its own."""
        if self._pid != os.getpid():
            self._pid, self._turn = os.getpid(), threading.Lock()
            self._client.close()

    def _wait_for(self, question: ServiceQuestion[M]) -> M:
        url, until = question.url(), time.monotonic() + self._patience
        while True:
            try:
                if question.route.method == "GET":
                    reply = self._client.get(url)
                else:
                    reply = self._client.post(url, question.body, question.kind or "application/xml")
            except ProberError as error:
                if not is_away(error) or time.monotonic() > until:
                    raise
                time.sleep(_RETRY_S)
            else:
                return question.read(reply)
