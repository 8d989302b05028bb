"""What a client asks that is worked on: a domain, or an argv, to be translated, checked or proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from prober.capabilities import Capabilities
from prober.errors import BusyError
from prober.translate.wishes import NO_WISHES, Wishes


class WorkAsker:
    """For whom something is worked on: his user (-1 where the kernel did not tell), and whether he still waits."""

    def __init__(self, uid: int = -1, is_gone: Callable[[], bool] = lambda: False) -> None:
        self.uid = uid
        self.is_gone = is_gone


class DomainQuestion(NamedTuple):
    """What a client asks of a domain.

    ``named`` is the binary, where it is not for the domain to say, ``monitor`` the path of a QMP socket that QEMU shall
    make, ``incoming`` where the guest's state comes from, and ``wishes`` how else it is to be translated.
    """

    xml: bytes
    named: str | None
    monitor: str | None
    incoming: str | None
    assume_unknown_present: bool
    wishes: Wishes = NO_WISHES


class DomainsQuestion(NamedTuple):
    """Of which domains a client asks what they may have: of this machine, type and architecture, each None where it is
    left to the binary."""

    machine: str | None = None
    virttype: str | None = None
    arch: str | None = None
    assume_unknown_present: bool = False


class ArgvBody(NamedTuple):
    """The words of an argv as they came: the body, and the media type that it was declared as."""

    text: bytes
    declared: str


class ArgvQuestion(NamedTuple):
    """What a client asks of an argv: ``named`` is the binary, where it is not the argv's first word."""

    body: ArgvBody
    named: str | None
    assume_unknown_present: bool


class ProofQuestion(NamedTuple):
    """What a client asks to have proven by the binary ``ident``: an ``argv``, or without one a domain's ``xml``.

    ``anyway`` starts what the check refuses, too; ``monitor``, ``incoming`` and ``wishes`` are as of a
    :class:`DomainQuestion`.
    """

    ident: str
    argv: ArgvBody | None = None
    xml: bytes = b""
    monitor: str | None = None
    incoming: str | None = None
    anyway: bool = False
    assume_unknown_present: bool = False
    wishes: Wishes = NO_WISHES


class PlugQuestion(NamedTuple):
    """Devices that a client wants to have plugged in with the binary ``ident``: the ``body`` says what, and into
    what."""

    ident: str
    body: bytes
    anyway: bool = False
    assume_unknown_present: bool = False
    driven: bool = False


class MoveQuestion(NamedTuple):
    """A guest that is to go from the binary ``ident`` to the one ``to``: lines (``argv``), or without them a domain's
    ``xml``; ``both_ways``, and back again."""

    ident: str
    to: str
    argv: ArgvBody | None = None
    xml: bytes = b""
    driven: bool = False
    both_ways: bool = False
    anyway: bool = False
    assume_unknown_present: bool = False


class SaveQuestion(NamedTuple):
    """A domain's guest whose state is to be kept, with the binary ``ident``."""

    ident: str
    xml: bytes
    driven: bool = False
    assume_unknown_present: bool = False


class LoadQuestion(NamedTuple):
    """A state file that the binary ``ident`` is to take."""

    ident: str
    file: bytes
    assume_unknown_present: bool = False


RehearsalQuestion: TypeAlias = PlugQuestion | MoveQuestion | SaveQuestion | LoadQuestion


class ProofWorker(Protocol):
    """Who has lines proven and guests rehearsed.  May raise :class:`~prober.errors.ProberError`."""

    async def prove(self, question: ProofQuestion, asker: WorkAsker) -> bytes:
        """The proof, as JSON."""
        ...

    async def rehearse(self, question: RehearsalQuestion, asker: WorkAsker) -> bytes:
        """What came of a rehearsal, as JSON."""
        ...

    async def close(self) -> None:
        """Stop all that is under way.  May be called twice."""
        ...


class DomainTranslator(Protocol):
    """Who translates domains, and takes lines apart.  Each method may raise :class:`~prober.errors.ProberError`."""

    async def translate(self, question: DomainQuestion, asker: WorkAsker) -> bytes:
        """The translation, as JSON."""
        ...

    async def split(self, argv: ArgvBody, asker: WorkAsker) -> tuple[str, ...]:
        """The words of an argv."""
        ...

    async def work_out(
        self, head: Mapping[str, Any], body: bytes, asker: WorkAsker, caps: Capabilities | None = None
    ) -> bytes:
        """What a worker makes of a question that is about one binary, or none."""
        ...


def stopping() -> BusyError:
    """Why nothing is begun any more, nor brought to its end."""
    return BusyError("the service is being stopped", hint="ask again when it is back")
