"""The id of the request that is being answered: in each line that is logged meanwhile, and in the answer."""

from __future__ import annotations

import itertools
import os
import re
from contextvars import ContextVar

#: That of the request that this task works for, also where it goes on behind the answer (an interview).
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="")

#: The header, as it is asked for.
HEADER = b"x-request-id"

#: What of a client's own is taken: it comes into logs and headers of others.
_HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Gives each request an id: the client's own where it is short and harmless, else one that no other has."""

    def __init__(self) -> None:
        self._prefix = f"{os.urandom(4).hex()}-"
        self._numbers = itertools.count(1)

    def take(self, given: str = "") -> str:
        """The id of a request that came with this one."""
        if given and _HARMLESS.fullmatch(given):
            return given
        return self._prefix + hex(next(self._numbers))[2:]
