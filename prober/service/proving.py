"""Proving for a client: which line it is that is to be proven, and then whoever has a QEMU judge it.

Imported late (:mod:`prober.service.late`): most services never prove anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prober.capabilities.catalog import Catalog
from prober.proof.hotplug import with_translation
from prober.proof.subject import LineRequest
from prober.proof.watched import tell_step
from prober.service.prover.judge import Judge
from prober.service.questions import DomainQuestion, DomainTranslator, ProofQuestion, RehearsalQuestion, WorkAsker
from prober.service.rehearsing import ServiceRehearsing
from prober.service.startable import find_startable, require_text
from prober.translate.translation import Translation

#: A line of so many characters takes longer to be read than a thread costs.
_SMALL = 65536


class Proving:
    """Proves lines and domains, and rehearses, with the binaries of a catalog; ``translator`` translates, ``judge``
    judges.  ``most`` is how many bytes a domain may have."""

    def __init__(self, catalog: Catalog, translator: DomainTranslator, judge: Judge, most: int) -> None:
        self._catalog = catalog
        self._translator = translator
        self._judge = judge
        self._rehearsing = ServiceRehearsing(catalog, translator, judge, most)

    async def prove(self, question: ProofQuestion, asker: WorkAsker) -> bytes:
        """The proof, as JSON; of a domain with its translation.

        :raise RequestError: 409 where the entry is a recording, 400 where a word cannot be one of an argv.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        :raise RefusedError: with all refusals of a domain.
        :raise ProberError: as :meth:`prober.service.prover.judge.Judge.judge` does.
        """
        words: Sequence[str] = ()
        if question.argv is not None:
            words = await self._translator.split(question.argv, asker)
        known = await find_startable(self._catalog, question.ident)
        translation = None
        if question.argv is None:
            translation = await self._translate(question, asker)
            words = translation.argv
            tell_step("translated")
        require_text(words)
        request = LineRequest(tuple(words), question.anyway, question.assume_unknown_present)
        proof = await self._judge.judge(known, request)
        if translation is not None:
            proof = with_translation(proof, translation)
        return proof.model_dump_json(by_alias=True).encode()

    async def rehearse(self, question: RehearsalQuestion, asker: WorkAsker) -> bytes:
        """What came of a rehearsal, as JSON (:meth:`prober.service.rehearsing.ServiceRehearsing.rehearse`)."""
        return await self._rehearsing.rehearse(question, asker)

    async def _translate(self, question: ProofQuestion, asker: WorkAsker) -> Translation:
        assume = question.assume_unknown_present
        asked = DomainQuestion(
            question.xml, question.ident, question.monitor, question.incoming, assume, question.wishes
        )
        told = await self._translator.translate(asked, asker)
        if len(told) <= _SMALL:
            return Translation.model_validate_json(told)
        return await asyncio.to_thread(Translation.model_validate_json, told)

    async def close(self) -> None:
        """Stop all that is under way; nothing of it is left.  May be called twice."""
        await self._judge.close()
