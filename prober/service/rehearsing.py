"""Rehearsing for a client: what his domains come to, and then whoever has QEMUs.

Imported late, with :mod:`prober.service.proving`.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from prober.capabilities.catalog import Catalog
from prober.guest.cards.name import compare_card_names
from prober.proof.watched import tell_step
from prober.rehearsal.keeping import StateSaved
from prober.rehearsal.models import Migration
from prober.rehearsal.pair import SideName
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.statefile import open_state
from prober.rehearsal.told import MigrationTold, refused_by
from prober.service.bodies import PinnedLine, PlugWork, TwoLines
from prober.service.prover.judge import Judge, Known
from prober.service.prover.tasks import LoadTask, MoveTask, PlugTask, RehearsalAsked, Rehearsed, SaveTask
from prober.service.questions import (
    DomainQuestion,
    DomainTranslator,
    LoadQuestion,
    MoveQuestion,
    PlugQuestion,
    RehearsalQuestion,
    SaveQuestion,
    WorkAsker,
)
from prober.service.startable import find_startable, require_text
from prober.translate.translation import Translation

M = TypeVar("M", bound=BaseModel)

#: A text of so many bytes takes longer to be read than a thread costs.
_SMALL = 65536

#: So many bytes are written as text in one turn of the event loop; a multiple of 3.
_PIECE = 3 << 18


class ServiceRehearsing:
    """Rehearses with the binaries of a catalog; ``translator`` has domains worked at, ``judge`` has QEMUs."""

    def __init__(self, catalog: Catalog, translator: DomainTranslator, judge: Judge, most: int) -> None:
        """``most`` is how many bytes a domain may have."""
        self._catalog = catalog
        self._translator = translator
        self._judge = judge
        self._most = most

    async def rehearse(self, question: RehearsalQuestion, asker: WorkAsker) -> bytes:
        """What came of it, as JSON.

        :raise RequestError: 409 where an entry is a recording, 400 where a word cannot be one of an argv.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where that could not be asked.
        :raise RefusedError: with all refusals of a domain.
        :raise StateFileError: where a state cannot be read, or not be kept.
        :raise ProberError: as :meth:`prober.service.prover.judge.Judge.rehearse` does.
        """
        match question:
            case PlugQuestion():
                return await self._plug(question, asker)
            case MoveQuestion():
                return await self._move(question, asker)
            case SaveQuestion():
                return await self._save(question, asker)
            case LoadQuestion():
                return await self._load(question, asker)

    async def _plug(self, question: PlugQuestion, asker: WorkAsker) -> bytes:
        known = await find_startable(self._catalog, question.ident)
        head = {"do": "plug", "assume": question.assume_unknown_present, "anyway": question.anyway}
        work = await _parse(PlugWork, await self._work(head, question.body, asker, known))
        require_text(work.request.words)
        if work.translation is not None:
            tell_step("translated")
        request = work.request.model_copy(update={"driven": question.driven})
        told, _ = await self._judge.rehearse([known], RehearsalAsked(PlugTask(request=request)))
        assert isinstance(told, PlugRehearsal)
        return told.model_copy(update={"translation": work.translation}).model_dump_json().encode()

    async def _move(self, question: MoveQuestion, asker: WorkAsker) -> bytes:
        knowns = [await find_startable(self._catalog, one) for one in (question.ident, question.to)]
        if question.argv is None:
            told = await self._move_domain(question, knowns, asker)
        else:
            body, declared = question.argv
            lines = await self._translator.work_out({"do": "lines", "declared": declared}, body, asker)
            both = await _parse(TwoLines, lines)
            there, back = (knowns[0], both.argv), (knowns[1], both.to_argv)
            told = [await self._moved(question, *way) for way in _told_ways(question, there, back)]
        return b'{"migrations":[' + b",".join(one.model_dump_json().encode() for one in told) + b"]}"

    async def _moved(
        self, question: MoveQuestion, here: tuple[Known, tuple[str, ...]], there: tuple[Known, tuple[str, ...]]
    ) -> MigrationTold:
        require_text((*here[1], *there[1]))
        task = MoveTask(
            words=here[1],
            to_words=there[1],
            driven=question.driven,
            anyway=question.anyway,
            assume_unknown_present=question.assume_unknown_present,
        )
        told, _ = await self._judge.rehearse([here[0], there[0]], RehearsalAsked(task))
        assert isinstance(told, Migration)
        return MigrationTold(file="", migration=told)

    async def _move_domain(self, question: MoveQuestion, knowns: list[Known], asker: WorkAsker) -> list[MigrationTold]:
        """The guest keeps the machine that it has where it runs, also on its way back."""
        lines: list[tuple[Known, PinnedLine]] = []
        for known in knowns:
            head = {"do": "pin", "assume": question.assume_unknown_present}
            head["machine"] = lines[0][1].machine if lines else None
            lines.append((known, await _parse(PinnedLine, await self._work(head, question.xml, asker, known))))
            if not lines[-1][1].refusals:
                tell_step("translated", side="destination" if lines[1:] else "source")
        return [await self._move_pinned(question, *way) for way in _told_ways(question, lines[0], lines[1])]

    async def _move_pinned(
        self, question: MoveQuestion, here: tuple[Known, PinnedLine], there: tuple[Known, PinnedLine]
    ) -> MigrationTold:
        sides: tuple[tuple[SideName, PinnedLine], ...] = (("source", here[1]), ("destination", there[1]))
        for side, line in sides:
            if line.refusals:
                return refused_by("", side, line.refusals, here[0].subject(), there[0].subject())
        told = await self._moved(question, (here[0], here[1].argv), (there[0], there[1].argv))
        return told.model_copy(
            update={"cards": tuple(compare_card_names(here[1].cards, there[1].cards)), "names": here[1].cards}
        )

    async def _save(self, question: SaveQuestion, asker: WorkAsker) -> bytes:
        known = await find_startable(self._catalog, question.ident)
        assume = question.assume_unknown_present
        asked = DomainQuestion(question.xml, question.ident, None, None, assume)
        argv = (await _parse(Translation, await self._translator.translate(asked, asker))).argv
        require_text(argv)
        xml = question.xml.decode(errors="replace")
        task = SaveTask(words=argv, xml=xml, driven=question.driven, assume_unknown_present=assume)
        return await _kept(await self._judge.rehearse([known], RehearsalAsked(task)))

    async def _load(self, question: LoadQuestion, asker: WorkAsker) -> bytes:
        """The file is hostile: here its sizes and its checksum alone are looked at, and a worker reads its head."""
        known = await find_startable(self._catalog, question.ident)
        head, _ = await asyncio.to_thread(open_state, question.file)
        asked = {"do": "state", "assume": question.assume_unknown_present}
        argv = tuple(json.loads(await self._work(asked, head, asker, known)))
        require_text(argv)
        task = LoadTask(words=argv, assume_unknown_present=question.assume_unknown_present)
        told, _ = await self._judge.rehearse([known], RehearsalAsked(task, question.file))
        return told.model_dump_json().encode()

    async def _work(self, head: Mapping[str, Any], body: bytes, asker: WorkAsker, known: Known) -> bytes:
        told = {**head, "most": self._most, "path": known.path, "paths": [known.path], "is_recording": False}
        return await self._translator.work_out(told, body, asker, known.capabilities)


_W = TypeVar("_W")


def _told_ways(question: MoveQuestion, here: _W, there: _W) -> Iterator[tuple[_W, _W]]:
    """Each way that the guest is to go; the one back is told as it begins."""
    yield here, there
    if question.both_ways:
        tell_step("way back")
        yield there, here


async def _parse(model: type[M], text: bytes) -> M:
    """What a worker says, read in a thread where it is long."""
    if len(text) <= _SMALL:
        return model.model_validate_json(text)
    return await asyncio.to_thread(model.model_validate_json, text)


async def _kept(rehearsed: Rehearsed) -> bytes:
    """What came of keeping a state, with the file in it, written piece by piece with others' turns between."""
    told, file = rehearsed
    assert isinstance(told, StateSaved)
    pieces = [told.model_dump_json().encode()[:-1], b',"file":"']
    for place in range(0, len(file), _PIECE):
        pieces.append(b64encode(file[place : place + _PIECE]))
        await asyncio.sleep(0)
    return b"".join([*pieces, b'"}'])
