"""Who asks what next, and what was answered: the interview without the processes.

Two lanes (one process each at a time) take questions here and bring answers back, in any order.  Answers
lead to more questions.  The recording has its own order, which is that of the questions and not that in
which they were answered; so two interviews of one binary give the same recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from prober.errors import ProtocolError
from prober.qemu.questions import (
    LOAD_MODULES,
    OPENING,
    Lane,
    Question,
    Stage,
    basics,
    driver_questions,
    expansions,
    needs_modules,
    opening,
    property_command,
    tcg_part,
    type_questions,
)
from prober.qemu.recording import CRASHED, ErrorReply, Exchange, Part, Recording

#: What is asked once the accelerator and the target are known.
_TOLD_BY = ("query-target", "query-kvm")

#: Called after each answer: stage, how many of its questions are answered, how many there are so far.
Progress = Callable[[str, int, int], None]


class Agenda:
    """The questions of one interview.  Whoever wants to know of new questions adds himself to ``watchers``."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self.watchers: set[Callable[[], None]] = set()
        self._waiting: dict[Lane, deque[Question]] = {lane: deque() for lane in Lane}
        self._last: dict[Lane, deque[Question]] = {lane: deque() for lane in Lane}
        self._last_open = 0
        self._planned: dict[tuple[int, Stage], list[Question]] = {}
        self._answers: dict[Question, Exchange] = {}
        self._for_modules: set[Question] = set()
        self._open: dict[Stage, int] = dict.fromkeys(Stage, 0)
        self._open_in: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._total: dict[Stage, int] = dict.fromkeys(Stage, 0)
        self.crashes: dict[str, str] = {}
        self.kvm = False
        self._has_tcg = True
        self._commands: frozenset[str] = frozenset()
        self._target = ""
        self._accelerator_planned = False
        self._types_planned = False
        self._plan(opening())

    # What the lanes call.

    def take(self, lane: Lane, has_modules: bool = True, *, in_flight: int = 0) -> Question | None:
        """The next question for this lane, or None where it has none for now.

        Where that question needs a process that has loaded its modules, and this one has not, it gets
        :data:`LOAD_MODULES` to ask first, whose answer is not brought back here.  What is asked last goes to a process
        that has no other question ``in_flight``, so that none is lost with it.
        """
        queue = self._queue_for(lane)
        if queue is None or (in_flight and queue[0].last):
            return None
        return LOAD_MODULES if not has_modules and self.needs_modules(queue[0]) else queue.popleft()

    def take_last(self, lane: Lane) -> Question | None:
        """Where only what is asked last is left for this lane: the next of it, to be asked of a fresh process."""
        queue = self._queue_for(lane)
        return queue.popleft() if queue is not None and queue[0].last else None

    def has_for(self, lane: Lane) -> bool:
        """Whether there is a question for this lane now."""
        return self._queue_for(lane) is not None

    def _queue_for(self, lane: Lane) -> deque[Question] | None:
        waiting, last = self._waiting, self._last
        queues = [waiting[lane], waiting[Lane.either]]
        # The answer to any other may be that it has to be asked again, of a process with its modules, if that lives.
        if self._only_last_are_open():
            queues += [last[lane], last[Lane.either]]
        return next(filter(None, queues), None)

    def _only_last_are_open(self) -> bool:
        return self._open_in[Lane.first] + self._open_in[Lane.either] == self._last_open

    def _queue_of(self, question: Question) -> deque[Question]:
        return (self._last if question.last else self._waiting)[question.lane]

    def needs_modules(self, question: Question) -> bool:
        """Whether only a process that has loaded its modules can answer this."""
        return question in self._for_modules or needs_modules(question)

    def ask_with_modules(self, question: Question) -> None:
        """Have this asked once more, of a process that has loaded its modules."""
        self._for_modules.add(question)
        (self._last[question.lane] if question.last else self._waiting[Lane.first]).append(question)
        self._tell()

    def left_to_share(self) -> int:
        """How many questions wait that either lane may ask."""
        return len(self._waiting[Lane.either])

    def is_answered(self, question: Question) -> bool:
        """Whether there is an answer to this, be it that it kills."""
        return question in self._answers

    def leave_out_tcg(self) -> None:
        """This binary was built without TCG: what only a process with TCG can answer is not asked."""
        self._has_tcg = False
        for question in self._waiting[Lane.second]:
            self._planned[question.part, question.stage].remove(question)
            self._open[question.stage] -= 1
            self._total[question.stage] -= 1
            self._open_in[Lane.second] -= 1
        self._waiting[Lane.second].clear()

    def give_back(self, questions: Iterable[Question]) -> None:
        """Questions that were taken and not answered; they are the next to be taken, in their order."""
        for question in reversed(list(questions)):
            self._queue_of(question).appendleft(question)
        self._tell()

    def answered(self, question: Question, exchange: Exchange) -> None:
        """Note an answer, and plan what follows from it.

        :raise ProtocolError: where a reply on which others depend has not the form of QMP.
        """
        self._answers[question] = exchange
        stage = question.stage
        self._open[stage] -= 1
        self._open_in[question.lane] -= 1
        self._last_open -= question.last
        if stage is Stage.basics:
            try:
                self._follow(question, exchange)
            except (TypeError, KeyError, AttributeError) as error:
                raise ProtocolError(f"the reply to {question.command} has not the form that QEMU gives it") from error
        if self._progress is not None:
            self._progress(stage.value, self._total[stage] - self._open[stage], self._total[stage])
        if self._last_open and not question.last and self._only_last_are_open():
            self._tell()

    def crashed(self, question: Question, how: str) -> None:
        """Note that a question killed QEMU each time it was asked, and how: signal and last words."""
        self.crashes[question.typename or question.command] = how
        error = ErrorReply(CRASHED, how)
        self.answered(question, Exchange(question.command, question.arguments, error=error))

    def may_crash(self, question: Question) -> bool:
        """Whether the interview goes on without an answer to this question."""
        return question.command not in (*OPENING, "qom-list-types")

    def is_finished(self, lane: Lane) -> bool:
        """Whether nothing is left, and nothing can come, that this lane would be needed for.

        Only what the first lane is told leads to more questions, so the second one stays as long as it.
        """
        lanes = (Lane.first, Lane.either) if lane is Lane.first else tuple(Lane)
        return not any(self._open_in[one] for one in lanes)

    def stage_is_done(self, stage: Stage) -> bool:
        """Whether everything asked so far in this stage is answered."""
        return self._total[stage] > 0 and self._open[stage] == 0

    def recording(self, greetings: Iterable[Exchange]) -> Recording:
        """All exchanges in their order; ``greetings`` begin the parts (``qmp_capabilities``)."""
        parts = []
        for number, greeting in enumerate(greetings):
            asked = [question for stage in Stage for question in self._planned.get((number, stage), ())]
            if number == 0 or asked:
                parts.append(Part((greeting, *(self._answers[question] for question in asked))))
        return Recording(tuple(parts))

    # What follows from the answers.

    def _plan(self, questions: Iterable[Question]) -> None:
        for question in questions:
            self._queue_of(question).append(question)
            self._last_open += question.last
            self._open_in[question.lane] += 1
            self._planned.setdefault((question.part, question.stage), []).append(question)
            self._open[question.stage] += 1
            self._total[question.stage] += 1
        self._tell()

    def _tell(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()

    def _follow(self, question: Question, exchange: Exchange) -> None:
        if question.part != 0:
            return
        reply: Any = exchange.reply
        if question.command in OPENING and exchange.error is not None:
            raise ProtocolError(f"QEMU refuses {question.command}: {exchange.error.desc}")
        match question.command:
            case "query-commands":
                self._commands = frozenset(_text(item["name"]) for item in reply)
                self._plan(basics(self._commands))
            case "query-target" if exchange.error is None:
                self._target = _text(reply["arch"])
            case "query-qmp-schema":
                self._plan(driver_questions(self._commands, exchange.reply))
            case "query-kvm" if exchange.error is None:
                self.kvm = reply["enabled"] is True
        self._plan_types()

    def _plan_types(self) -> None:
        """What depends on the accelerator, the target and the list of types, as soon as these are known."""
        if not self._accelerator_planned and self._are_answered(_TOLD_BY):
            self._accelerator_planned = True
            self._plan(expansions(self._commands, self._target, self.kvm))
            if self.kvm and self._has_tcg:
                self._plan(tcg_part(self._commands, self._target))
        if not self._types_planned and self._accelerator_planned and self._are_answered(("qom-list-types",)):
            self._types_planned = True
            self._plan(type_questions(self._commands, self._concrete_types(), self.kvm))

    def _are_answered(self, commands: Iterable[str]) -> bool:
        """Whether all that is planned of these commands has its answer (and the planning was done)."""
        planned = self._planned[0, Stage.basics]
        return bool(self._commands) and all(
            question in self._answers for question in planned if question.part == 0 and question.command in commands
        )

    def _concrete_types(self) -> dict[str, str | None]:
        """The types to be asked, with their parents."""
        replies: list[dict[str, str | None]] = []
        for question in self._planned[0, Stage.basics]:
            if question.command == "qom-list-types" and (question.arguments or {}).get("abstract") is not True:
                listed: Any = self._answers[question].reply or []
                replies.append({_text(item["name"]): item.get("parent") for item in listed})
        if not replies:
            return {}
        every = replies[0]
        if property_command(self._commands) == "device-list-properties" and len(replies) > 1:
            return {typename: every.get(typename) for typename in replies[1]}
        return every


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a text")
    return value
