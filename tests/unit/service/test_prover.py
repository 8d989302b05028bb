"""The prover and who asks it, over a real socket: what is sent, what is let in, and what becomes of errors."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.find import CatalogSettings
from prober.errors import (
    BinaryFailedError,
    BusyError,
    ConfinementError,
    ExitedError,
    ForbiddenError,
    ProberError,
    ProverError,
    QemuError,
    QemuTimeoutError,
    ServiceError,
    UsageError,
)
from prober.proof.store import rules_version
from prober.proof.subject import LineRequest
from prober.service.logs.handlers import StreamHandler
from prober.service.logs.requests import REQUEST_ID
from prober.service.peers import Admitted
from prober.service.prover.complaints import complaint_of, error_of
from prober.service.prover.forwarding import ForwardingJudge
from prober.service.prover.frames import (
    MOST_ANSWER,
    MOST_ASKED,
    ProofAnswer,
    ProofAsked,
    end,
    parse,
    read_frame,
    write_frame,
)
from prober.service.prover.judge import Known
from tests.conftest import aio
from tests.integration.processes import wait_until
from tests.unit.capabilities.asking import catalog_settings
from tests.unit.capabilities.making import make_binary, make_recording, take_fingerprint
from tests.unit.service.proving import ToldJudge, proof_by, prover

LINE = LineRequest(("qemu", "-S"))


@dataclass
class Place:
    """A binary, a socket for a prover, and what the prover finds."""

    binary: Path
    socket: Path
    catalog: CatalogSettings

    def known(self) -> Known:
        """The binary as it is now."""
        capabilities = Capabilities.from_recording(make_recording())
        return Known(str(self.binary), capabilities, take_fingerprint(self.binary))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield Place(make_binary(tmp_path / "bin"), tmp_path / "p.sock", catalog_settings(tmp_path / "bin"))


def asked_of(known: Known, **more: object) -> ProofAsked:
    told = {"rules": rules_version(), "fingerprint": known.fingerprint, "words": LINE.words}
    return ProofAsked.model_validate(told | more)


def answer_to(socket: Path, *frames: bytes) -> ProofAnswer:
    """What is answered to these frames."""

    async def ask() -> ProofAnswer:
        source, sink = await asyncio.open_unix_connection(socket)
        try:
            for frame in frames:
                await write_frame(sink, frame)
            return parse(ProofAnswer, await read_frame(source, MOST_ANSWER))
        finally:
            await end(sink)

    return aio(ask())


def judge_by(place: Place, known: Known, request: LineRequest = LINE) -> object:
    """The proof that a service is given."""

    async def ask() -> object:
        judge = ForwardingJudge(place.socket)
        try:
            return await judge.judge(known, request)
        finally:
            await judge.close()

    return aio(ask())


def test_a_line_is_judged_by_the_prover(place: Place) -> None:
    judge, known = ToldJudge(), place.known()
    request = LineRequest(("qemu", "-device", "é"), anyway=True, assume_unknown_present=True)
    with prover(place.socket, judge, place.catalog):
        assert judge_by(place, known, request) == proof_by(known)
    (asked, got), *more = judge.asked
    assert not more
    assert got == request
    assert asked.path == known.path
    assert asked.capabilities == known.capabilities
    assert known.fingerprint.model_dump_json() in asked.depends_on()


def test_the_prover_logs_the_id_of_the_request(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """By the same id as the service does; what is no harmless one is refused."""
    stream, known = io.StringIO(), place.known()
    caplog.set_level(logging.INFO, "prober")
    handler = StreamHandler(stream)
    logging.getLogger("prober").addHandler(handler)
    try:
        with prover(place.socket, ToldJudge(), place.catalog):
            token = REQUEST_ID.set("agent-7.b")
            judge_by(place, known)
            REQUEST_ID.reset(token)
            forged = asked_of(known).model_dump_json().replace('"request":""', '"request":"a\\nb"').encode()
            assert answer_to(place.socket, forged).error is not None
    finally:
        logging.getLogger("prober").removeHandler(handler)
    (line,) = [line for line in stream.getvalue().splitlines() if "event=proof" in line]
    assert f"binary={known.path} " in line
    assert line.endswith(" request=agent-7.b")


def test_what_a_binary_can_do_is_sent_once(place: Place) -> None:
    known = place.known()
    with prover(place.socket, ToldJudge(), place.catalog):
        question = asked_of(known).model_dump_json().encode()
        assert answer_to(place.socket, question).wants_capabilities
        judge_by(place, known)
        assert answer_to(place.socket, question).proof == proof_by(known)


def test_a_binary_that_the_prover_does_not_find_is_not_started(place: Place, tmp_path: Path) -> None:
    judge = ToldJudge()
    other = make_binary(tmp_path / "elsewhere", "true")
    known = Known(str(other), place.known().capabilities, take_fingerprint(other))
    with prover(place.socket, judge, place.catalog), pytest.raises(BinaryFailedError, match="finds no binary"):
        judge_by(place, known)
    assert judge.asked == []


def test_a_binary_that_changed_is_not_started(place: Place) -> None:
    judge, known = ToldJudge(), place.known()
    make_binary(place.binary.parent, text="another")
    with prover(place.socket, judge, place.catalog), pytest.raises(BinaryFailedError, match=r"size of .*was 3, is 7"):
        judge_by(place, known)
    assert judge.asked == []


def test_who_is_not_let_in_is_told_so(place: Place) -> None:
    judge = ToldJudge()
    admitted = Admitted(frozenset((os.geteuid() + 1,)), who="others")
    with prover(place.socket, judge, place.catalog, admitted):
        answer = answer_to(place.socket)
        assert answer.error is not None
        assert (answer.error.kind, answer.error.hint) == ("forbidden", "it is for others")
    assert judge.asked == []


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b'{"rules": 1}', b"\xff" * 100])
def test_what_is_no_question_is_told(place: Place, frame: bytes) -> None:
    with prover(place.socket, ToldJudge(), place.catalog):
        answer = answer_to(place.socket, frame)
        assert answer.error is not None
        assert answer.error.kind == "service"
        assert "not understood" in answer.error.message


def test_a_frame_that_is_too_long_is_not_read(place: Place) -> None:
    async def ask() -> ProofAnswer:
        source, sink = await asyncio.open_unix_connection(place.socket)
        sink.write(struct.pack("!I", MOST_ASKED + 1))
        answer = parse(ProofAnswer, await read_frame(source, MOST_ANSWER))
        await end(sink)
        return answer

    with prover(place.socket, ToldJudge(), place.catalog):
        error = aio(ask()).error
        assert error is not None
        assert "longer than" in error.message


def test_another_version_is_told(place: Place) -> None:
    with prover(place.socket, ToldJudge(), place.catalog):
        error = answer_to(place.socket, asked_of(place.known(), rules="old").model_dump_json().encode()).error
        assert error is not None
        assert "two versions" in error.message


def test_who_goes_away_stops_nothing(place: Place) -> None:
    """The work of one who asked and went is done, and others are answered meanwhile."""
    judge, known = ToldJudge(gate=threading.Event()), place.known()

    async def go_away() -> None:
        judging = ForwardingJudge(place.socket)
        task = asyncio.ensure_future(judging.judge(known, LINE))
        async with asyncio.timeout(10):
            while not judge.asked:
                await asyncio.sleep(0.01)
        await judging.close()
        with pytest.raises(BusyError):
            await task

    with prover(place.socket, judge, place.catalog):
        aio(go_away())
        assert judge.gate is not None
        judge.gate.set()
        judge_by(place, known)
        wait_until(lambda: judge.finished == 2)


def test_who_is_cancelled_leaves_the_question_on_its_way(place: Place) -> None:
    judge, known = ToldJudge(gate=threading.Event()), place.known()

    async def cancel() -> None:
        judging = ForwardingJudge(place.socket)
        task = asyncio.ensure_future(judging.judge(known, LINE))
        async with asyncio.timeout(10):
            while not judge.asked:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert judge.gate is not None
            judge.gate.set()
            while not judge.finished:
                await asyncio.sleep(0.01)
        await judging.close()
        with pytest.raises(BusyError):
            await judging.judge(known, LINE)

    with prover(place.socket, judge, place.catalog):
        aio(cancel())


def test_a_prover_that_stops_says_so(place: Place) -> None:
    """Whoever waits is answered when the prover is told to stop."""
    judge, known = ToldJudge(gate=threading.Event()), place.known()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            judge_by(place, known)
        except ProberError as error:
            failed.append(error)

    with prover(place.socket, judge, place.catalog):
        thread = threading.Thread(target=ask)
        thread.start()
        while not judge.asked:
            thread.join(0.01)
    thread.join(20)
    assert [type(error) for error in failed] == [BusyError]


def test_without_a_prover_that_is_told(place: Place) -> None:
    with pytest.raises(ProverError, match=r"no prover to be asked on .*: No such file"):
        judge_by(place, place.known())


def test_a_prover_that_hangs_up_is_told(place: Place) -> None:
    async def ask() -> None:
        server = await asyncio.start_unix_server(lambda _, sink: sink.close(), place.socket)
        try:
            with pytest.raises(ProverError, match="ended before it answered"):
                await ForwardingJudge(place.socket).judge(place.known(), LINE)
        finally:
            server.close()
            await server.wait_closed()

    aio(ask())


@pytest.mark.parametrize("said", [b"{}", b"{", b'{"proof": {}}'])
def test_a_prover_that_says_nothing_of_use_is_told(place: Place, said: bytes) -> None:
    async def say(_: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        await write_frame(sink, said)
        sink.close()

    async def ask() -> None:
        server = await asyncio.start_unix_server(say, place.socket)
        try:
            with pytest.raises(ProverError):
                await ForwardingJudge(place.socket).judge(place.known(), LINE)
        finally:
            server.close()
            await server.wait_closed()

    aio(ask())


@pytest.mark.parametrize(
    "error",
    [
        BinaryFailedError("a", hint="b"),
        BusyError("a"),
        ConfinementError("a", hint="b"),
        QemuTimeoutError("a"),
        UsageError("a", hint="b"),
        QemuError("a"),
    ],
    ids=lambda error: error.kind,
)
def test_errors_cross(place: Place, error: ProberError) -> None:
    judge = ToldJudge(failure=error)
    with prover(place.socket, judge, place.catalog), pytest.raises(type(error)) as caught:
        judge_by(place, place.known())
    assert (caught.value.message, caught.value.hint) == (error.message, error.hint)


def test_an_error_that_carries_more_crosses_as_what_it_is() -> None:
    made = error_of(complaint_of(ExitedError("it ended", returncode=-6)))
    assert type(made) is QemuError
    assert error_of(complaint_of(ServiceError("x"))).kind == "service"
    assert type(error_of(complaint_of(ForbiddenError("x")))) is ProverError
