"""What a client asks that is worked on: a domain, or an argv."""

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


class Worker(Protocol):
    """Who works on the questions.  Each method may raise :class:`~prober.errors.ProberError`."""

    async def translate(self, question: DomainQuestion) -> bytes:
        """The translation, as JSON."""
        ...

    async def check_argv(self, question: ArgvQuestion) -> bytes:
        """What is found of an argv, as JSON."""
        ...

    async def read_host(self) -> None:
        """Read what the host brings along, where that was not done yet."""
        ...
