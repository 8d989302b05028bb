"""Block drivers of modules: which are asked for, and how the answer is read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.qemu.agenda import Agenda
from prober.qemu.drivers import MODULE_DRIVERS, asked_driver, driver_line, drivers_to_ask, words_of_lack
from prober.qemu.files import read_recording
from prober.qemu.questions import Lane, Stage, driver_questions
from tests.fakes.making import small_answers
from tests.recordings import FIXTURES
from tests.unit.qemu.test_agenda import GREETINGS, answer

COMMANDS = frozenset({"human-monitor-command", "query-qmp-schema"})
SCHEMA: list[Any] = [
    {"name": "blockdev-add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
    {"name": "1", "meta-type": "object", "members": [],
     "variants": [{"case": name, "type": "0"} for name in ("ssh", "raw", "nbd", "ftp")]},
]  # fmt: skip


def test_those_of_the_schema_are_asked_for_in_one_order() -> None:
    assert drivers_to_ask(COMMANDS, SCHEMA) == ["ftp", "ssh"]
    assert drivers_to_ask(frozenset(), SCHEMA) == []
    (first, _) = driver_questions(COMMANDS, SCHEMA)
    assert (first.command, first.arguments) == (
        "human-monitor-command",
        {"command-line": "drive_add 0 if=none,driver=ftp"},
    )
    assert (first.stage, first.lane) == (Stage.drivers, Lane.either)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {},
        [1, "blockdev-add"],
        SCHEMA[:1],
        SCHEMA[1:],
        [SCHEMA[0], {"name": "1", "variants": 5}],
        [SCHEMA[0], {"name": "1", "variants": [5, {"case": 5}, {}]}],
        [{"name": "blockdev-add", "arg-type": ["1"]}, SCHEMA[1]],
    ],
)
def test_what_is_no_schema_names_none(schema: Any) -> None:
    assert drivers_to_ask(COMMANDS, schema) == []


def test_a_command_is_known_again() -> None:
    for driver in MODULE_DRIVERS:
        assert asked_driver({"command-line": driver_line(driver)}) == driver
    for line in ("info block", driver_line("qcow2"), driver_line("rbd,id=x"), 5):
        assert asked_driver({"command-line": line}) is None
    assert asked_driver(None) is None


@given(st.text(), st.text())
def test_whatever_is_said_is_bounded(driver: str, said: str) -> None:
    assert words_of_lack(driver, said) is None or f"Unknown driver '{driver}'" in said
    assert len(words_of_lack(driver, f"Unknown driver '{driver}'{said}" * 50) or "") <= 400


def test_an_interview_asks_in_its_own_stage() -> None:
    """Behind all else of the first part, whoever answers what first."""
    answers = small_answers()
    commands = [*answers["query-commands"]["return"], {"name": "human-monitor-command"}]
    answers["query-commands"] = {"return": commands}
    answers["query-qmp-schema"] = {"return": SCHEMA}
    agenda = Agenda()
    while not agenda.is_finished(Lane.second):
        for lane in (Lane.second, Lane.first):
            if (question := agenda.take(lane)) is not None:
                agenda.answered(question, answer(question, answers))
    (part,) = agenda.recording(GREETINGS).parts
    assert [asked_driver(one.arguments) for one in part.exchanges[-3:]] == [None, "ftp", "ssh"]
    assert agenda.stage_is_done(Stage.drivers)


@pytest.mark.parametrize(("version", "count"), [("5.2.0", 9), ("7.2.22", 9), ("10.0.13", 14), ("11.1.2", 13)])
def test_the_bundled_recordings(version: str, count: int) -> None:
    """None of Debian's has the package; each was asked for all that its schema names."""
    recording = asyncio.run(read_recording(FIXTURES / f"qemu-{version}.replies.xz"))
    asked = {asked_driver(one.arguments): one for one in recording.parts[0].every("human-monitor-command")}
    schema = recording.parts[0].find("query-qmp-schema", None)
    assert schema is not None
    assert list(asked) == drivers_to_ask(COMMANDS, schema.reply)
    assert len(asked) == count
    assert all(words_of_lack(str(driver), one.reply) for driver, one in asked.items())
