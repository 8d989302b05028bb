"""Looking at the processes of one interview while they are asked: what each runs (:mod:`prober.qemu.ran`)."""

from __future__ import annotations

import asyncio

from prober.errors import ProtocolError
from prober.qemu.box.judged import read_judged
from prober.qemu.gathering import Gathering
from prober.qemu.ran import Ran
from prober.qemu.session import Session


class Looks:
    """Begins with the interview.  A look is taken in a thread, beside the questions."""

    def __init__(self) -> None:
        self._gathering = Gathering()
        self._tasks: set[asyncio.Task[None]] = set()

    async def look_at(self, session: Session) -> None:
        """Note what a process runs now; one that dies meanwhile is as good as not looked at."""
        try:
            judged = await asyncio.to_thread(read_judged, session.judged_pid, session.box)
        except ProtocolError as error:
            self._gathering.note_unseen(error.message)
        else:
            self._gathering.add(judged)

    def look_soon(self, session: Session) -> None:
        """The process has loaded something now, and may not live to its end."""
        self._tasks.add(asyncio.create_task(self.look_at(session)))

    async def finish(self) -> Ran:
        """All that was seen, when the last look is over."""
        await asyncio.gather(*self._tasks)
        return await asyncio.to_thread(self._gathering.finish)

    async def give_up(self) -> None:
        """End what is still looked at."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
