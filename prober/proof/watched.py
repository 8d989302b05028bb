"""Steps of a proof or a rehearsal as they happen, for whoever watches one.

Who asks has them told (:func:`watch_steps`) in his task and in all that it starts; who works tells them
(:func:`tell_step`), and nothing comes of it where nobody watches.  A step says less than the answer does that comes in
the end: names and numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

#: What happens: ``translated`` a domain is a line; ``checked`` (``number`` findings); ``remembered`` what was proven
#: before; ``shared`` with somebody who asks the same just now; ``waits`` for its turn; ``begins``; ``made ready``
#: (``number`` things of the host have a stand-in); ``started`` (``what``: the form of the box); ``driven`` (``number``
#: devices); ``read back`` (``number`` values); ``command`` of QMP (``what`` with its ``outcome``); ``taken out`` (the
#: same); ``sent`` (``number`` bytes of state); ``way back``: what follows is about the other direction.
StepName: TypeAlias = Literal[
    "translated",
    "checked",
    "remembered",
    "shared",
    "waits",
    "begins",
    "made ready",
    "started",
    "driven",
    "read back",
    "command",
    "taken out",
    "sent",
    "way back",
]

#: Which of two machines it is about; empty where there is one, or it is about both.
StepSide: TypeAlias = Literal["", "source", "destination"]

#: The most characters of a text.
_MOST = 200


class WorkStep(BaseModel):
    """One step; what its ``name`` comes with stands at :data:`StepName`.

    ``seconds`` are since the question was taken, as whoever hands the step on counts them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: StepName
    side: StepSide = ""
    what: str = Field(default="", max_length=_MOST)
    outcome: str = Field(default="", max_length=_MOST)
    number: int | None = None
    seconds: float = 0.0


StepWatcher: TypeAlias = Callable[[WorkStep], None]

_WATCHER: ContextVar[StepWatcher | None] = ContextVar("step_watcher", default=None)
_HIDE: ContextVar[Callable[[str], str]] = ContextVar("step_hide", default=lambda text: text)


def watch_steps(watcher: StepWatcher) -> None:
    """Have the steps of all that this task does from now on, and starts, told to ``watcher``, which must not fail."""
    _WATCHER.set(watcher)


def step_watcher() -> StepWatcher | None:
    """Who watches what this task does."""
    return _WATCHER.get()


@contextmanager
def hidden_in_steps(hide: Callable[[str], str]) -> Iterator[None]:
    """Have ``hide`` take out of each step of this block what is told to nobody."""
    token = _HIDE.set(hide)
    try:
        yield
    finally:
        _HIDE.reset(token)


def tell_step(
    name: StepName, *, side: StepSide = "", what: str = "", outcome: str = "", number: int | None = None
) -> None:
    """This happens now."""
    watcher = _WATCHER.get()
    if watcher is not None:
        # Hidden first: of what is cut off nothing would be found.
        what = _HIDE.get()(what)[:_MOST]
        watcher(WorkStep(name=name, side=side, what=what, outcome=outcome[:_MOST], number=number))
