"""What an agent asks its own host, whoever answers for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from prober.capabilities.capabilities import Capabilities


class LocalQemu(NamedTuple):
    """A QEMU of this host: its id, where it lies, and whether there is an answer (``is_ready``) or one is awaited
    (``is_awaited``); with neither it failed.  While ``mark`` is the same, what is known of it is.
    """

    id: str
    path: str
    mark: str
    is_ready: bool
    is_awaited: bool


class LocalHost(Protocol):
    """The QEMUs of this host.  Whatever cannot be asked now raises :class:`~prober.errors.ServiceError`."""

    def changes(self) -> AsyncGenerator[None, None]:
        """Something at once, and then whenever what is known of a QEMU has changed; without end."""
        ...

    async def qemus(self) -> list[LocalQemu]:
        """All of them, as they are now."""
        ...

    async def capabilities(self, id: str) -> Capabilities | None:
        """What is known of one; None where that is being learnt anew, or there is no such QEMU any more."""
        ...
