"""What a client asks that is worked on: a domain, or an argv, to be translated, checked or proven."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class DomainQuestion(NamedTuple):
    """What a client asks of a domain.

    ``named`` is the binary, where it is not for the domain to say, ``monitor`` the path of a QMP socket that QEMU shall
    make, ``incoming`` where the guest's state comes from.
    """

    xml: bytes
    named: str | None
    monitor: str | None
    incoming: str | None
    assume_unknown_present: bool


class ArgvQuestion(NamedTuple):
    """What a client asks of an argv: ``named`` is the binary, where it is not the argv's first word."""

    words: list[str]
    named: str | None
    assume_unknown_present: bool


class ProofQuestion(NamedTuple):
    """What a client asks to have proven by the binary ``ident``: the ``words`` of an argv, or a domain's ``xml``.

    ``anyway`` starts what the check refuses, too; ``monitor`` and ``incoming`` are as of a :class:`DomainQuestion`.
    """

    ident: str
    words: tuple[str, ...] = ()
    xml: bytes | None = None
    monitor: str | None = None
    incoming: str | None = None
    anyway: bool = False
    assume_unknown_present: bool = False


class ProofWorker(Protocol):
    """Who has lines proven.  May raise :class:`~prober.errors.ProberError`."""

    async def prove(self, question: ProofQuestion) -> bytes:
        """The proof, as JSON."""
        ...

    async def close(self) -> None:
        """Stop all that is under way.  May be called twice."""
        ...


class Worker(Protocol):
    """Who works on the other questions.  Each method may raise :class:`~prober.errors.ProberError`."""

    async def translate(self, question: DomainQuestion) -> bytes:
        """The translation, as JSON."""
        ...

    async def check_argv(self, question: ArgvQuestion) -> bytes:
        """What is found of an argv, as JSON."""
        ...

    async def read_host(self) -> None:
        """Read what the host brings along, where that was not done yet."""
        ...
