"""What may be started for a client: a binary of the catalog, with words that a program can be started with."""

from __future__ import annotations

from collections.abc import Sequence

from prober.capabilities.catalog import Catalog
from prober.service.problems import RequestError
from prober.service.prover.judge import Known


async def find_startable(catalog: Catalog, ident: str) -> Known:
    """The binary of an entry.

    :raise RequestError: 409 where the entry is a recording.
    :raise UnknownBinaryError: where the catalog has no such binary.
    :raise BinaryFailedError: where that could not be asked.
    """
    found, known = await catalog.know(ident)
    if found.kind == "recording":
        hint = "check-argv and translate work with a recording; to prove a line takes the binary itself"
        raise RequestError(409, f"{ident[:200]} is a recording, which cannot be started", hint=hint)
    return Known(found.path, known.capabilities, known.fingerprint)


def require_text(words: Sequence[str]) -> None:
    """:raise RequestError: (400) where a word is none that a program can be started with."""
    for position, word in enumerate(words):
        if "\0" in word:
            raise RequestError(400, f"word {position} of the command line has a NUL in it")
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise RequestError(400, f"word {position} of the command line is not UTF-8") from error
