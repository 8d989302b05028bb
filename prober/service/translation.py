"""Working for a client: which binary of the catalog a domain or an argv is for, and then the pure pipeline.

Imported late (:mod:`prober.service.late`): it takes a quarter of a second, and other questions are answered before.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import ref

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.find import FoundFile
from prober.commandline.report import check_argv
from prober.errors import UnknownBinaryError
from prober.service.hosts import HostKeeper
from prober.service.questions import ArgvQuestion, DomainQuestion
from prober.service.remembered import Remembered
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.xml.document import XmlLimits

T = TypeVar("T")

#: Up to this size (bytes) a domain is worked on where it is: a thread costs more than it helps others.
_SMALL = 65536

#: How many bytes of domains and answers are remembered.
_MOST_REMEMBERED = 2 << 20

#: And an argv up to this number of words.
_FEW = 500

#: libvirt's name of an architecture where QEMU has another.
_TARGETS = {"i686": "i386", "armv7l": "arm", "armv6l": "arm", "ppc64le": "ppc64"}


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer that was given, and all that it depends on beside the question."""

    emulator: str | None
    arch: str | None
    binary: str
    capabilities: ref[Capabilities]
    answer: bytes


class Translator:
    """Translates domains with the binaries of a catalog, and remembers the answers for who asks the same again.

    A domain is started again and again, and comes to the same argv until its binary or itself changes; the host is read
    once.  ``host`` is the file with the host's settings, ``most`` how many bytes a domain may have.
    """

    def __init__(self, catalog: Catalog, host: Path | None, *, most: int) -> None:
        self._catalog = catalog
        self._hosts = HostKeeper(host)
        self._most = most
        self._given: Remembered[DomainQuestion, _Given] = Remembered(_MOST_REMEMBERED)

    async def translate(self, question: DomainQuestion) -> bytes:
        """The translation, as JSON: by the named binary, else the domain's ``<emulator>``, else one of its arch.

        :raise UsageError: where ``monitor`` cannot be a socket, or ``incoming`` no address.
        :raise UnreadableDomainError: where it is not readable as XML.
        :raise RefusedError: with all refusals.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        """
        given = self._given.find(question)
        if given is not None:
            # The catalog looks whether the binary is what it was.
            found, capabilities = await _choose(self._catalog, question.named, given.emulator, given.arch)
            binary = _program(found, given.emulator, capabilities.target)
            if given.capabilities() is capabilities and given.binary == binary:
                return given.answer
        given = await self._translate(question)
        self._given.keep(question, given, len(question.xml) + len(given.answer))
        return given.answer

    async def _translate(self, question: DomainQuestion) -> _Given:
        small = len(question.xml) <= _SMALL
        domain = await _run(partial(read_domain, question.xml, XmlLimits(bytes=self._most)), small)
        found, capabilities = await _choose(self._catalog, question.named, domain.emulator, domain.arch)
        binary = _program(found, domain.emulator, capabilities.target)
        work = partial(
            translate,
            domain,
            capabilities,
            binary=binary,
            monitor=question.monitor,
            incoming=question.incoming,
            host=await self._hosts.get(),
            assume_unknown_present=question.assume_unknown_present,
        )
        translation = await _run(work, small)
        answer = translation.model_dump_json(by_alias=True).encode()
        return _Given(domain.emulator, domain.arch, binary, ref(capabilities), answer)

    async def check_argv(self, question: ArgvQuestion) -> bytes:
        """Hold an argv against a binary of the catalog: the ``named`` one, else the one that the argv begins with.

        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        """
        words, named = question.words, question.named
        try:
            _, capabilities = await self._catalog.use(named if named is not None else words[0])
        except UnknownBinaryError as error:
            if named is not None or not self._catalog.entries():
                raise
            raise UnknownBinaryError(error.message, hint=f"{error.hint}; name one of these with ?binary=") from error
        work = partial(check_argv, words, capabilities, assume_unknown_present=question.assume_unknown_present)
        report = await _run(work, sum(map(len, words)) <= _SMALL and len(words) <= _FEW)
        return report.model_dump_json(by_alias=True).encode()

    async def read_host(self) -> None:
        """Read what the host brings along, where that was not done yet.

        :raise ServiceError: where its file cannot be read or understood.
        """
        await self._hosts.get()


async def _run(work: Callable[[], T], small: bool) -> T:
    return work() if small else await asyncio.to_thread(work)


async def _choose(
    catalog: Catalog, named: str | None, emulator: str | None, arch: str | None
) -> tuple[FoundFile, Capabilities]:
    if named is not None:
        return await catalog.use(named)
    if emulator is None:
        target = arch or os.uname().machine
        return await catalog.use((await catalog.find_for_target(_TARGETS.get(target, target))).id)
    try:
        return await catalog.use(emulator)
    except UnknownBinaryError as error:
        hint = f"{error.hint}; name one of these with ?binary=" if catalog.entries() else error.hint
        raise UnknownBinaryError(f"<emulator> {emulator[:200]!r} is not in the catalog", hint=hint) from error


def _program(found: FoundFile, emulator: str | None, target: str) -> str:
    """What stands first in argv: the binary, by the name that the domain has for it.

    A recording is no program: there it is the domain's own emulator, or where QEMU usually is.
    """
    if found.kind == "recording":
        return emulator or f"/usr/bin/qemu-system-{target}"
    return emulator if emulator is not None and emulator in found.paths else found.path
