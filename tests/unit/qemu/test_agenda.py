"""The agenda alone: whoever asks what and in whatever order, the recording is the same."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from prober.qemu.agenda import Agenda
from prober.qemu.questions import LOAD_MODULES, Lane, Question, Stage
from prober.qemu.recording import ErrorReply, Exchange, Recording, question_key
from tests.fakes.making import Answers, small_answers

LANES = (Lane.first, Lane.second)
GREETINGS = [Exchange("qmp_capabilities", reply={})] * 2


def answer(question: Question, answers: Answers) -> Exchange:
    body = answers.get(question_key(question.command, question.arguments))
    if body is None:
        error = ErrorReply("DeviceNotFound", "not found")
        return Exchange(question.command, question.arguments, error=error)
    return Exchange(question.command, question.arguments, body["return"])


def in_order(answers: Answers) -> Recording:
    """One question at a time."""
    agenda = Agenda()
    while not agenda.is_finished(Lane.second):
        for lane in LANES:
            if (question := agenda.take(lane)) is not None:
                agenda.answered(question, answer(question, answers))
    return agenda.recording(GREETINGS)


@given(st.integers(), st.booleans())
def test_order_of_answers_does_not_matter(seed: int, kvm: bool) -> None:
    random = Random(seed)
    answers = small_answers(kvm=kvm)
    agenda = Agenda()
    flying: list[Question] = []
    while not agenda.is_finished(Lane.second):
        what = random.randrange(4)
        if what < 2 and (question := agenda.take(LANES[what])) is not None:
            assert question.lane in (LANES[what], Lane.either)
            flying.append(question)
        elif what == 2 and flying:
            agenda.give_back([flying.pop(random.randrange(len(flying)))])
        elif flying:
            question = flying.pop(random.randrange(len(flying)))
            if question.typename and random.randrange(8) == 0:
                agenda.ask_with_modules(question)
            else:
                agenda.answered(question, answer(question, answers))
        assert agenda.is_finished(Lane.first) or not agenda.is_finished(Lane.second)
    assert not flying
    assert agenda.recording(GREETINGS) == in_order(answers)


def test_questions_come_back_first_and_in_their_order() -> None:
    agenda = Agenda()
    first, second = agenda.take(Lane.first), agenda.take(Lane.first)
    assert first is not None
    assert second is not None
    assert agenda.take(Lane.first) is None
    agenda.give_back([first, second])
    assert [agenda.take(Lane.first), agenda.take(Lane.first)] == [first, second]


def test_watchers_hear_of_new_questions() -> None:
    agenda = Agenda()
    heard: list[Question | None] = []
    agenda.watchers.add(lambda: heard.append(agenda.take(Lane.second)))
    answers = small_answers()
    for _ in range(2):
        question = agenda.take(Lane.first)
        assert question is not None
        agenda.answered(question, answer(question, answers))
    assert [question.command for question in heard if question is not None] == ["query-qmp-schema"]


def test_modules_are_loaded_before_what_needs_them() -> None:
    agenda = Agenda()
    agenda.ask_with_modules(question := Question("qom-list-properties", {"typename": "x"}, Stage.types, Lane.either))
    taken = [agenda.take(Lane.first, has_modules=False) for _ in range(3)]
    assert taken[-1] is LOAD_MODULES
    assert agenda.take(Lane.first, has_modules=True) is question


def test_piix4_and_ich9_are_asked_first_and_of_every_binary() -> None:
    answers = small_answers()
    answers["qom-list-types"] = {"return": [{"name": "aaa"}, {"name": "zzz"}]}
    asked = [
        exchange.arguments["typename"]
        for exchange in in_order(answers).parts[0].exchanges
        if exchange.command == "qom-list-properties" and exchange.arguments
    ]
    assert asked == ["PIIX4_PM", "ICH9-LPC", "aaa", "zzz"]


def test_known_killers_are_asked_last_and_with_nothing_else_in_flight() -> None:
    answers = small_answers()
    answers["qom-list-types"] = {"return": [{"name": "aaa"}, {"name": "colo-compare"}, {"name": "zzz"}]}
    agenda = Agenda()
    asked = []
    while (question := agenda.take(Lane.first)) is not None:
        asked.append(question)
        if question.typename == "zzz":
            assert agenda.take(Lane.first) is None, "zzz may have to be asked again"
        agenda.answered(question, answer(question, answers))
        if question.typename == "zzz":
            assert agenda.take(Lane.first, in_flight=1) is None
    assert [question.typename for question in asked if question.typename][-2:] == ["zzz", "colo-compare"]
    assert agenda.is_finished(Lane.second)
