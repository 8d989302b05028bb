"""Two machines that stand at the same time: where a guest is, and where it is to go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from prober.errors import ExitedError
from prober.proof.start import Standing
from prober.qemu.asking import ask_all
from prober.qemu.box.forms import Form
from prober.qemu.questions import Question
from prober.qemu.recording import Exchange
from prober.rehearsal.stage import DEFAULT_STAGE, NotStanding, Scene, StageLimits, on_stage

T = TypeVar("T")

SideName = Literal["source", "destination"]


class SideEnded(Exception):
    """A machine of the pair ended while it was talked to.  Whoever rehearses catches it."""

    def __init__(self, side: SideName, error: ExitedError) -> None:
        super().__init__(str(error))
        self.side: SideName = side
        self.error = error


class SideNotStanding(Exception):
    """A machine of the pair does not stand.  Whoever rehearses catches it."""

    def __init__(self, side: SideName, why: NotStanding) -> None:
        super().__init__(str(why))
        self.side: SideName = side
        self.why = why


class PairSide:
    """One machine of a pair."""

    def __init__(self, name: SideName, scene: Scene, standing: Standing) -> None:
        self.name: SideName = name
        self.scene = scene
        self.standing = standing

    async def ask_all(self, questions: Sequence[Question]) -> list[Exchange]:
        """The answers, in the order of the questions; an error of QEMU's is an answer.

        :raise SideEnded: when the QEMU ended.
        :raise QemuError: for all else that it does wrong.
        """
        return await self.guarded(ask_all(self.standing.session, questions))

    async def guarded(self, asking: Awaitable[T]) -> T:
        """What comes of asking this machine.

        :raise SideEnded: when the QEMU ended.
        :raise QemuError: for all else that it does wrong.
        """
        try:
            return await asking
        except ExitedError as error:
            raise SideEnded(self.name, error) from error

    async def ask(self, question: Question) -> Exchange:
        """One answer, as :meth:`ask_all` has it."""
        (answer,) = await self.ask_all([question])
        return answer

    async def hand_over(self, name: str, descriptor: int) -> Exchange:
        """Have QEMU know a descriptor by a name (``getfd``); it has a copy of its own."""
        self.standing.session.attach(descriptor)
        return await self.ask(Question("getfd", {"fdname": name}))


@asynccontextmanager
async def side_by_side(
    source: Scene, destination: Scene, *, limits: StageLimits = DEFAULT_STAGE, form: Form | None = None
) -> AsyncIterator[tuple[PairSide, PairSide]]:
    """Both machines, started at the same time; both are gone when the block ends, in whatever way.

    :raise SideNotStanding: where one of them does not stand.
    :raise QemuError: as :func:`~prober.rehearsal.stage.on_stage` does.
    """
    holders = [_Holder("source", source, limits, form), _Holder("destination", destination, limits, form)]
    try:
        first, second = [await holder.stood for holder in holders]
        yield first, second
    finally:
        for holder in holders:
            holder.end()
        await asyncio.gather(*(holder.task for holder in holders), return_exceptions=True)


class _Holder:
    """A task that keeps one machine on its stage: what is entered in a task is left in the same one."""

    def __init__(self, name: SideName, scene: Scene, limits: StageLimits, form: Form | None) -> None:
        self.stood: asyncio.Future[PairSide] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self.task = asyncio.ensure_future(self._hold(name, scene, limits, form))

    async def _hold(self, name: SideName, scene: Scene, limits: StageLimits, form: Form | None) -> None:
        try:
            async with on_stage(scene, limits=limits, form=form) as standing:
                self.stood.set_result(PairSide(name, scene, standing))
                await self._over.wait()
        except NotStanding as why:
            self._fail(SideNotStanding(name, why))
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        if not self.stood.done():
            self.stood.set_exception(error)

    def end(self) -> None:
        """Let it go; one that does not stand yet is broken off."""
        if self.stood.done():
            if not self.stood.cancelled():
                self.stood.exception()  # seen, so that nobody warns about it
            self._over.set()
        else:
            self.stood.cancel()
            self.task.cancel()
