"""What can be asked of the service, each as a value: its route, what it brings, and the model that comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from prober.capabilities import Capabilities, Evidence
from prober.capabilities.changes import AnswerChange
from prober.capabilities.entry import Entry
from prober.commandline.parse import refuse_no_line
from prober.commandline.report import ArgvReport
from prober.errors import ProberError, ServiceError, UsageError
from prober.export.domcapabilities import DomainCapabilities
from prober.host.facts import HostFacts
from prober.proof.models import Proof
from prober.service import routes
from prober.service.answers import CommandList, CommandReply, CpuList, LabelList, MachineList, TypeList, TypeReply
from prober.service.asking.problems import problem_error
from prober.service.client import Reply
from prober.service.replies import MOST_WAIT_S, BinaryList, ChangeList, Health, Readiness
from prober.service.routes import Route
from prober.translate.translation import Translation
from prober.translate.wishes import NO_WISHES, Wishes

M = TypeVar("M", bound=BaseModel)

#: How long (seconds) one question for changes waits for the next.
WAIT_S = 30.0


class ChangesLost(BaseModel):
    """Some changes may be missing, as the service was started again, or too many came: look at everything anew.

    ``id`` is the id of the last change that the service knows.
    """

    id: str


@dataclass(frozen=True)
class ServiceQuestion(Generic[M]):
    """One question: a ``route`` with its parameters and body, and the ``model`` of its answer."""

    route: Route
    model: type[M]
    places: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    kind: str = ""

    def url(self) -> str:
        """What is asked for: the path with its parameters, and the query, both quoted.

        :raise UsageError: where one of them is no Unicode.
        """
        try:
            return self.route.url(self.places, self.query)
        except UnicodeEncodeError as error:
            raise _no_unicode(error) from error

    def request(self) -> bytes:
        """The whole request, as it is sent over a unix socket.

        :raise UsageError: as :meth:`url` does.
        """
        head = f"{self.route.method} {self.url()} HTTP/1.1\r\nHost: localhost\r\n"
        if self.route.method == "POST":
            kind = self.kind or "application/xml"
            head += f"Content-Type: {kind}\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n".encode() + self.body

    def read(self, reply: Reply) -> M:
        """The answer.

        :raise ProberError: the one that the service tells of; a :class:`ServiceError` where the answer is not of its
            model, as that of a service of another version may be.
        """
        if not reply.ok:
            raise problem_error(reply.status, reply.value)
        try:
            return self.model.model_validate(reply.value)
        except ValidationError as error:
            told = f"the answer to {self.route.path} is not what prober {self.model.__name__} is"
            raise ServiceError(told, hint="is the service of the same version?") from error


def _of(route: Route, model: type[M], ident: str, **places: str) -> ServiceQuestion[M]:
    return ServiceQuestion(route, model, {"id": ident, **places})


def query_of(**given: str | bool | None) -> dict[str, str]:
    """The parameters that say something, as a query has them."""
    told = {name: "true" if value is True else value for name, value in given.items() if value not in (None, False)}
    return {name: value for name, value in told.items() if isinstance(value, str)}


def ask_health() -> ServiceQuestion[Health]:
    """Whether the service works."""
    return ServiceQuestion(routes.HEALTH, Health)


def ask_ready() -> ServiceQuestion[Readiness]:
    """Whether each binary has an answer."""
    return ServiceQuestion(routes.READY, Readiness)


def ask_binaries() -> ServiceQuestion[BinaryList]:
    """All entries of the catalog."""
    return ServiceQuestion(routes.BINARIES, BinaryList)


def ask_binary(ident: str) -> ServiceQuestion[Entry]:
    """One entry, after its interview."""
    return _of(routes.BINARY, Entry, ident)


def ask_refresh(ident: str) -> ServiceQuestion[Entry]:
    """A new interview."""
    return _of(routes.REFRESH, Entry, ident)


def ask_supports(ident: str, fact: str) -> ServiceQuestion[Evidence]:
    """What a binary says of a fact."""
    return ServiceQuestion(routes.SUPPORTS, Evidence, {"id": ident}, {"fact": fact})


def ask_types(ident: str) -> ServiceQuestion[TypeList]:
    """The QOM types."""
    return _of(routes.TYPES, TypeList, ident)


def ask_type(ident: str, typename: str) -> ServiceQuestion[TypeReply]:
    """One type and its properties."""
    return _of(routes.TYPE, TypeReply, ident, typename=typename)


def ask_machines(ident: str) -> ServiceQuestion[MachineList]:
    """The machines."""
    return _of(routes.MACHINES, MachineList, ident)


def ask_cpus(ident: str) -> ServiceQuestion[CpuList]:
    """The CPU models."""
    return _of(routes.CPUS, CpuList, ident)


def ask_commands(ident: str) -> ServiceQuestion[CommandList]:
    """The QMP commands and events."""
    return _of(routes.COMMANDS, CommandList, ident)


def ask_command(ident: str, command: str) -> ServiceQuestion[CommandReply]:
    """One QMP command and its arguments."""
    return _of(routes.COMMAND, CommandReply, ident, command=command)


def ask_capabilities(ident: str) -> ServiceQuestion[Capabilities]:
    """All that is known of a binary."""
    return _of(routes.CAPABILITIES, Capabilities, ident)


def ask_domcapabilities(
    ident: str, machine: str | None, virttype: str | None, arch: str | None, assume: bool
) -> ServiceQuestion[DomainCapabilities]:
    """What domains may have."""
    query = query_of(machine=machine, virttype=virttype, arch=arch, assume_unknown_present=assume)
    return ServiceQuestion(routes.DOMCAPABILITIES, DomainCapabilities, {"id": ident}, query)


def ask_labels(ident: str) -> ServiceQuestion[LabelList]:
    """Labels of a Kubernetes node."""
    return _of(routes.LABELS, LabelList, ident)


def ask_host() -> ServiceQuestion[HostFacts]:
    """What the host's kernel and CPU add."""
    return ServiceQuestion(routes.HOST, HostFacts)


@dataclass(frozen=True)
class Asking:
    """How something is asked.

    ``assume_unknown_present`` takes what the binary was never asked for present, ``monitor`` is the path of a QMP
    socket that QEMU shall make, ``incoming`` where the state of a guest comes from, ``wishes`` what else is wished of a
    translation.
    """

    assume_unknown_present: bool = False
    monitor: str | None = None
    incoming: str | None = None
    wishes: Wishes = NO_WISHES

    def query(self) -> dict[str, str]:
        """It as parameters."""
        told = query_of(
            assume_unknown_present=self.assume_unknown_present, monitor=self.monitor, incoming=self.incoming
        )
        return told | {name: value for name, value in self.wishes.query().items() if value is not None}


#: As it comes.
PLAIN = Asking()


def ask_translate(xml: str | bytes, binary: str | None, asking: Asking) -> ServiceQuestion[Translation]:
    """A command line for a domain."""
    query = asking.query() | query_of(binary=binary)
    return ServiceQuestion(routes.TRANSLATE, Translation, query=query, body=as_bytes(xml), kind="application/xml")


def ask_check_argv(words: Sequence[str], binary: str | None, assume: bool) -> ServiceQuestion[ArgvReport]:
    """What a binary would make of a command line.

    :raise UsageError: where it is one text, or begins with an option.
    """
    refuse_no_line(words)
    query = query_of(binary=binary, assume_unknown_present=assume)
    return ServiceQuestion(
        routes.CHECK_ARGV, ArgvReport, query=query, body=json.dumps(list(words)).encode(), kind="application/json"
    )


def ask_prove(ident: str, what: str | bytes | Sequence[str], anyway: bool, asking: Asking) -> ServiceQuestion[Proof]:
    """What the binary itself makes of the words of an argv, or of a domain's XML (a text)."""
    query = asking.query() | query_of(anyway=anyway)
    if isinstance(what, str | bytes):
        body, kind = as_bytes(what), "application/xml"
    else:
        body, kind = json.dumps(list(what)).encode(), "application/json"
    return ServiceQuestion(routes.PROVE, Proof, {"id": ident}, query, body, kind)


def ask_changes(since: str | None, wait: float) -> ServiceQuestion[ChangeList]:
    """The changes since an id; those that are remembered, without one."""
    query = query_of(since=since, wait=f"{wait:g}" if since is not None and wait else None)
    return ServiceQuestion(routes.CHANGES, ChangeList, query=query)


def told_by(news: ChangeList) -> list[AnswerChange | ChangesLost]:
    """What is told of some news, in order."""
    lost: list[AnswerChange | ChangesLost] = [ChangesLost(id=news.id)] if news.reset else []
    return [*lost, *news.changes]


def is_away(error: ProberError) -> bool:
    """Whether nobody answered, so that asking again may find the service back."""
    return isinstance(error, ServiceError) and isinstance(error.__cause__, FileNotFoundError | ConnectionError)


def wait_within(wait: float, timeout: float) -> float:
    """How long (seconds) one question for changes waits, so that its answer comes within ``timeout``.

    :raise UsageError: where ``wait`` is nothing that may be waited: whoever does not wait would ask without a pause.
    """
    if not 0 < wait <= MOST_WAIT_S:
        raise UsageError(f"wait is {wait!r}", hint=f"give seconds, more than 0 and up to {MOST_WAIT_S:g}")
    return min(wait, timeout / 2)


def as_bytes(text: str | bytes) -> bytes:
    """A text as it is sent.

    :raise UsageError: where it is no Unicode.
    """
    try:
        return text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise _no_unicode(error) from error


def _no_unicode(error: UnicodeEncodeError) -> UsageError:
    said = f"half of a surrogate pair is no character: {error.object[error.start : error.end]!r}"
    return UsageError(said, hint="bytes can be sent as they are, in an XML")
