"""Working for a client: which binary of the catalog a domain or an argv is for, and a worker that does the rest.

Reading a domain takes a millisecond for an everyday one, and seconds for one that was made to; how long, its size does
not tell (two kilobytes can hold the event loop for 200 ms).  So nothing of it is done here but to remember answers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import ref

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.find import FoundFile
from prober.errors import BinaryFailedError, UnknownBinaryError
from prober.service.messages import Response
from prober.service.problems import ToldError
from prober.service.questions import ArgvBody, ArgvQuestion, DomainQuestion, WorkAsker
from prober.service.remembered import Remembered
from prober.service.workers.pool import WorkerPool
from prober.service.workers.wire import WorkerFrame

T = TypeVar("T")

#: How many bytes of questions and answers are remembered, of domains and of argvs.
_MOST_REMEMBERED = 2 << 20

#: How often a worker says which binary it needs before the catalog's answer is one that it can use.
_ROUNDS = 3

#: libvirt's name of an architecture where QEMU has another.
_TARGETS = {"i686": "i386", "armv7l": "arm", "armv6l": "arm", "ppc64le": "ppc64"}

#: Where a domain most likely names its binary and its architecture, in so many of its first bytes (to look for it takes
#: less than a millisecond, whatever is there).  A worker that reads it otherwise says so.
_FIRST_EMULATOR, _FIRST_ARCH, _FIRST_WORD = 65536, 16384, 4096
_EMULATOR = re.compile(rb"<emulator>([^<>&\s]{1,1024})</emulator>")
_ARCH = re.compile(rb"<type\s[^<>]{0,200}?\barch=['\"]([A-Za-z0-9_]{1,32})['\"]")

#: And the first word of an argv, in JSON and in a shell's language.
_WORD = re.compile(rb"\s*+(?:\[\s*\"([^\"\\]{1,1024})\"|([\w/.+-]{1,1024})(?=\s|$))")

#: The name of a binary and the architecture, as a domain has them.
Wanted = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer that was given, and all that it depends on beside the question."""

    wanted: Wanted
    found: FoundFile
    capabilities: ref[Capabilities]
    answer: bytes


class Translator:
    """Has domains translated and argvs checked with the binaries of a catalog, and remembers the answers for who asks
    the same again.

    A domain is started again and again, and comes to the same argv until its binary or itself changes; the host is read
    once.  ``most`` is how many bytes a domain may have.
    """

    def __init__(self, catalog: Catalog, pool: WorkerPool, *, most: int) -> None:
        self._catalog = catalog
        self._pool = pool
        self._most = most
        self._given: Remembered[DomainQuestion | ArgvQuestion, _Given] = Remembered(_MOST_REMEMBERED)

    async def translate(self, question: DomainQuestion, asker: WorkAsker) -> bytes:
        """The translation, as JSON: by the named binary, else the domain's ``<emulator>``, else one of its arch.

        :raise ToldError: where ``monitor`` cannot be a socket, or ``incoming`` no address; where it is not readable as
            XML; where it is refused.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        :raise BusyError: where too much is asked at once.
        :raise WorkError: where it takes too long, or too much memory.
        """
        return await self._answer(question, asker)

    async def check_argv(self, question: ArgvQuestion, asker: WorkAsker) -> bytes:
        """Hold an argv against a binary of the catalog: the ``named`` one, else the one that the argv begins with.

        :raise ToldError: where the argv cannot be read.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        :raise BusyError: where too much is asked at once.
        :raise WorkError: where it takes too long, or too much memory.
        """
        return await self._answer(question, asker)

    async def split(self, argv: ArgvBody, asker: WorkAsker) -> tuple[str, ...]:
        """The words of an argv.

        :raise ToldError: where it cannot be read.
        :raise BusyError: where too much is asked at once.
        """
        frame = await self._pool.ask({"do": "words", "declared": argv.declared}, argv.text, asker)
        return tuple(json.loads(good_answer(frame)))

    async def _answer(self, question: DomainQuestion | ArgvQuestion, asker: WorkAsker) -> bytes:
        given = self._given.find(question)
        if given is not None:
            # The catalog looks whether the binary is what it was.
            found, capabilities = await self._choose(question, given.wanted)
            if given.capabilities() is capabilities and given.found == found:
                return given.answer
        return await self._work(question, asker)

    def _put(self, question: DomainQuestion | ArgvQuestion) -> tuple[Mapping[str, Any], bytes, Wanted]:
        """How a worker is asked, and the binary that is most likely meant."""
        assume = question.assume_unknown_present
        if isinstance(question, ArgvQuestion):
            text, declared = question.body
            return {"do": "check", "declared": declared, "assume": assume}, text, _guess_argv(text)
        head = {
            "do": "translate",
            "most": self._most,
            "monitor": question.monitor,
            "incoming": question.incoming,
            "assume": assume,
            "wishes": question.wishes,
        }
        return head, question.xml, _guess_domain(question.xml)

    async def _work(self, question: DomainQuestion | ArgvQuestion, asker: WorkAsker) -> bytes:
        """Ask a worker, with the binary that is most likely meant; it says where it is another one."""
        head, body, wanted = self._put(question)
        chosen = _at_once(self._choose(question, wanted))
        for _ in range(_ROUNDS):
            told = {**head, "named": question.named is not None, "guessed": _guessed(question, wanted)}
            found, capabilities = chosen or (None, None)
            if found is not None:
                told |= {"path": found.path, "paths": found.paths, "is_recording": found.kind == "recording"}
            frame = await self._pool.ask(told, body, asker, capabilities)
            if "wants" not in frame.head:
                answer = good_answer(frame)
                assert found is not None
                assert capabilities is not None
                given = _Given(wanted, found, ref(capabilities), answer)
                self._given.keep(question, given, len(body) + len(answer))
                return answer
            emulator, arch = frame.head["wants"]
            wanted = (emulator, arch)
            chosen = await self._choose(question, wanted)
        raise AssertionError("a worker wants what it was given")

    async def _choose(self, question: DomainQuestion | ArgvQuestion, wanted: Wanted) -> tuple[FoundFile, Capabilities]:
        if isinstance(question, DomainQuestion):
            return await _choose_for_domain(self._catalog, question.named, wanted)
        return await _choose_for_argv(self._catalog, question.named, wanted[0] or "")


def _guessed(question: DomainQuestion | ArgvQuestion, wanted: Wanted) -> list[str | None] | str | None:
    return list(wanted) if isinstance(question, DomainQuestion) else wanted[0]


def good_answer(frame: WorkerFrame) -> bytes:
    """What a worker answers.

    :raise ToldError: where it says why there is none.
    """
    head = frame.head
    if head["status"] == 200:
        return frame.body
    response = Response(
        head["status"], frame.body, head["media"], close=head.get("close", False), retry_s=head.get("retry", 0)
    )
    raise ToldError(
        response,
        head.get("message", "a worker failed"),
        hint=head.get("hint", ""),
        met=head.get("met", "work"),
        is_usage=head.get("is_usage", False),
    )


def _guess_domain(xml: bytes) -> Wanted:
    emulator, arch = _EMULATOR.search(xml, 0, _FIRST_EMULATOR), _ARCH.search(xml, 0, _FIRST_ARCH)
    return emulator and emulator[1].decode("utf-8", "replace"), arch and arch[1].decode()


def _guess_argv(body: bytes) -> Wanted:
    word = _WORD.match(body, 0, _FIRST_WORD)
    return (word and (word[1] or word[2]).decode("utf-8", "replace"), None)


def _at_once(work: Coroutine[Any, Any, T]) -> T | None:
    """What can be said without waiting; None where it takes longer, or cannot be said.

    A guess is worth no interview: whether there is anything to be asked for is not known yet.
    """
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    except (UnknownBinaryError, BinaryFailedError):
        return None
    work.close()
    return None


async def _choose_for_domain(catalog: Catalog, named: str | None, wanted: Wanted) -> tuple[FoundFile, Capabilities]:
    if named is not None:
        return await catalog.use(named)
    emulator, arch = wanted
    if emulator is None:
        target = arch or os.uname().machine
        return await catalog.use((await catalog.find_for_target(_TARGETS.get(target, target))).id)
    try:
        return await catalog.use(emulator)
    except UnknownBinaryError as error:
        hint = f"{error.hint}; name one of these with ?binary=" if catalog.entries() else error.hint
        raise UnknownBinaryError(f"<emulator> {emulator[:200]!r} is not in the catalog", hint=hint) from error


async def _choose_for_argv(catalog: Catalog, named: str | None, first: str) -> tuple[FoundFile, Capabilities]:
    try:
        return await catalog.use(named if named is not None else first)
    except UnknownBinaryError as error:
        if named is not None or not catalog.entries():
            raise
        raise UnknownBinaryError(error.message, hint=f"{error.hint}; name one of these with ?binary=") from error
