"""Steps through the service, and from a prover beside it: as they happen, for who wants them, and the answer last."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

import pytest

from prober.errors import ConfinementError, ProberError
from prober.proof.models import Proof
from prober.proof.subject import LineRequest
from prober.proof.watched import tell_step
from prober.service.messages import Request, Response
from prober.service.prover.judge import Known
from prober.service.prover.tasks import RehearsalAsked, Rehearsed
from prober.service.watching import MOST_STEPS, StepStream, wants_steps
from tests.conftest import aio
from tests.unit.capabilities.making import make_binary
from tests.unit.service.proving import ToldJudge, prover
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_prove import Recorded
from tests.unit.service.test_rehearse import CARD, COMMAND, DOMAIN, ID, PLAIN

PLUG = json.dumps({"argv": ["q"], "commands": [COMMAND]}).encode()
REFUSED = DOMAIN.format("<nonsense/>")
WATCH = {"accept": "text/html;q=0.5, Application/X-NDJSON;q=0.9"}


@dataclass
class SteppingJudge(ToldJudge):
    """Tells steps of its own, and then waits where there is a gate."""

    steps: int = 2

    async def judge(self, known: Known, request: LineRequest) -> Proof:
        tell_step("checked", number=0)
        return await super().judge(known, request)

    async def rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> Rehearsed:
        for number in range(self.steps):
            tell_step("command", what="device_add n", outcome="taken", number=number)
        while self.gate is not None and not self.gate.is_set():
            await asyncio.sleep(0.01)
        return await super().rehearse(knowns, asked)


@dataclass
class Watched:
    """A service, and who rehearses for it."""

    socket: Path
    judge: SteppingJudge
    opened: list[HTTPConnection | HTTPResponse] = field(default_factory=list)

    def send(self, where: str, body: bytes, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("prober", timeout=30)
        connection.sock = socket(AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(str(self.socket))
        self.opened.append(connection)
        connection.putrequest("POST", f"/v1/binaries/{where}")
        for name, value in {**headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with suppress(BrokenPipeError):  # It may be refused before it is read.
            connection.send(body)
        answer = connection.getresponse()
        self.opened.append(answer)
        return answer

    def lines(self, where: str, body: bytes, **headers: str) -> list[Any]:
        answer = self.send(where, body, **WATCH, **headers)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
        return [json.loads(line) for line in answer.read().splitlines()]


@pytest.fixture(scope="module")
def judge() -> SteppingJudge:
    return SteppingJudge()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, judge: SteppingJudge) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    make_binary(directory / "bin", ID)
    settings = make_settings(directory, prover_socket=directory / "p.sock")
    with prover(directory / "p.sock", judge, settings.catalog), running(settings, Recorded()) as path:
        yield Watched(path, judge)


@pytest.fixture(autouse=True)
def fresh(judge: SteppingJudge, watched: Watched) -> Iterator[None]:
    judge.gate, judge.failure, judge.steps = None, None, 2
    yield
    for one in watched.opened:
        one.close()
    watched.opened.clear()


ASKED = [
    pytest.param("plug", PLUG, "application/json", ["command", "command"], id="plug a line"),
    pytest.param(
        "plug",
        json.dumps(
            {"domain": DOMAIN.format("<controller type='pci' index='1' model='pci-bridge'/>"), "devices": [CARD]}
        ).encode(),
        "application/json",
        ["translated", "command", "command"],
        id="plug a domain",
    ),
    pytest.param("migrate?to=" + ID, b"q -S", "text/plain", ["command", "command"], id="migrate a line"),
    pytest.param(
        f"migrate?to={ID}&both_ways=true",
        PLAIN.encode(),
        "application/xml",
        ["translated", "translated", "command", "command", "way back", "command", "command"],
        id="migrate a domain",
    ),
    pytest.param("migrate?to=" + ID, REFUSED.encode(), "application/xml", [], id="migrate a domain that is refused"),
    pytest.param("prove", b"q -S", "text/plain", ["checked"], id="prove a line"),
    pytest.param("prove", PLAIN.encode(), "application/xml", ["translated", "checked"], id="prove a domain"),
]


@pytest.mark.parametrize(("what", "body", "kind", "names"), ASKED)
def test_the_last_line_is_the_plain_answer(
    watched: Watched, what: str, body: bytes, kind: str, names: list[str]
) -> None:
    plain = watched.send(f"{ID}/{what}", body, **{"content-type": kind, "accept": "*/*"})
    assert (plain.status, plain.headers["content-type"]) == (200, "application/json")
    *steps, last = watched.lines(f"{ID}/{what}", body, **{"content-type": kind})
    assert [one["step"]["name"] for one in steps] == names
    assert all(set(one) == {"step"} and one["step"]["seconds"] >= 0 for one in steps)
    assert last == {"status": 200, "answer": json.loads(plain.read())}


def test_a_step_is_there_before_the_end(watched: Watched, judge: SteppingJudge) -> None:
    judge.gate = threading.Event()
    answer = watched.send(f"{ID}/plug", PLUG, **WATCH)
    for number in range(2):
        step = json.loads(answer.readline())["step"]
        assert (step.pop("seconds") >= 0, step) == (
            True,
            {"name": "command", "what": "device_add n", "outcome": "taken", "number": number},
        )
    judge.gate.set()
    assert json.loads(answer.readline())["status"] == 200
    assert answer.read() == b""


@pytest.mark.parametrize(
    ("where", "body", "kind", "status"),
    [
        ("nothing/plug", PLUG, "application/json", 404),
        (f"{ID}/plug", b"{}", "application/json", 400),
        (f"{ID}/plug", PLUG, "text/html", 415),
        (f"{ID}/plug", b" " * (2 << 20), "application/json", 413),
        (f"{ID}/prove", b"<domain/>", "application/xml", 422),
        (f"{ID}/migrate", PLAIN.encode(), "application/xml", 400),
    ],
)
def test_what_is_refused_before_the_first_step_has_its_own_status(
    watched: Watched, where: str, body: bytes, kind: str, status: int
) -> None:
    answers = [watched.send(where, body, **{"content-type": kind}, **more) for more in (WATCH, {})]
    assert [(one.status, one.headers["content-type"]) for one in answers] == [(status, "application/problem+json")] * 2
    assert answers[0].read() == answers[1].read()


def test_what_goes_wrong_after_a_step_is_the_last_line(watched: Watched, judge: SteppingJudge) -> None:
    judge.failure = ConfinementError("no box")
    *steps, last = watched.lines(f"{ID}/plug", PLUG)
    plain = watched.send(f"{ID}/plug", PLUG)
    assert (len(steps), plain.status) == (2, 503)
    assert last == {"status": 503, "answer": json.loads(plain.read())}
    judge.steps = 0
    assert watched.send(f"{ID}/plug", PLUG, **WATCH).status == 503


def test_so_many_steps_are_told_and_the_answer_all_the_same(watched: Watched, judge: SteppingJudge) -> None:
    judge.steps = MOST_STEPS + 500
    told = watched.lines(f"{ID}/plug", PLUG)
    assert len(told) == MOST_STEPS + 1
    assert told[-1]["status"] == 200


def test_who_goes_away_is_worked_for_no_more(watched: Watched, judge: SteppingJudge) -> None:
    """What the prover has begun it ends, as ever; the service is there for others."""
    judge.gate = threading.Event()
    answer = watched.send(f"{ID}/plug", PLUG, **WATCH)
    answer.readline()
    watched.opened[0].close()
    answer.close()
    judge.gate.set()
    assert watched.lines(f"{ID}/plug", PLUG)[-1]["status"] == 200


def test_a_service_that_ends_says_so_or_cuts_it_off(tmp_path: Path, judge: SteppingJudge, watched: Watched) -> None:
    make_binary(tmp_path / "bin", ID)
    settings = make_settings(tmp_path, prover_socket=tmp_path / "p.sock")
    judge.gate = threading.Event()
    with prover(tmp_path / "p.sock", judge, settings.catalog):
        with running(settings, Recorded()) as path:
            answer = Watched(path, judge, watched.opened).send(f"{ID}/plug", PLUG, **WATCH)
            answer.readline()
        judge.gate.set()
        try:
            *_, last = answer.read().splitlines()
        except (IncompleteRead, ConnectionError):
            return
        assert json.loads(last)["status"] == 503


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ([], False),
        (["*/*"], False),
        (["application/json"], False),
        (["application/x-ndjson"], True),
        (["application/json", "text/html , application/x-ndjson; q=0.2"], True),
        (["x-application/x-ndjson"], False),
    ],
)
def test_who_wants_steps_says_so(accept: list[str], wanted: bool) -> None:
    headers = [(b"accept", one.encode()) for one in accept]
    assert wants_steps(Request("POST", "/", b"", headers, lambda _: None, keep_alive=True)) is wanted


def _refused(_: ProberError) -> Response:
    raise AssertionError("nothing is refused here")


def test_a_mistake_of_ours_after_a_step_is_told_as_such(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> Response:
        tell_step("begins")
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def read() -> list[Any]:
        stream = StepStream(work, _refused)
        await stream.begin()
        return [json.loads(line) async for line in stream]

    step, last = aio(read())
    assert (step["step"]["name"], last["status"]) == ("begins", 500)
    assert "a fault in prober itself" in last["answer"]["detail"]
    assert "ZeroDivisionError" in caplog.text


def test_one_that_is_closed_breaks_its_work_off() -> None:
    ended: list[str] = []

    async def work() -> Response:
        tell_step("begins")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")
        raise AssertionError

    async def leave() -> None:
        stream = StepStream(work, _refused)
        await stream.begin()
        await stream.aclose()
        await stream.aclose()
        waiting = StepStream(lambda: asyncio.sleep(60, Response(200, b"")), _refused)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.begin(), 0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    aio(leave())
    assert ended == ["ended"]
