"""The typed clients: the same questions, and a clear error for every strange answer."""

from __future__ import annotations

import inspect
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prober import Asking, AsyncServiceClient, RefusedError, ServiceClient, ServiceError, UnreadableDomainError, Wishes
from prober.errors import BusyError, ForbiddenError
from prober.service.asking import questions, rehearsals
from prober.service.asking.problems import problem_error
from prober.service.asking.rehearsals import UNDRIVEN, Rehearsing
from prober.service.routes import DOCTOR, EVENTS, METRICS, ROUTES
from tests.conftest import aio
from tests.unit.service.test_client import _saying, serving

HEALTH = b'{"status":"ok","version":"1","binaries":{}}'


def answer(body: bytes, status: str = "200 OK", more: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n".encode() + more + b"\r\n" + body


def both(path: Path, patience: float = 0.0) -> list[Callable[[], str]]:
    """Each client asks for the health of the service once, and tells the version."""

    def waits() -> str:
        with ServiceClient(path, timeout=2, patience=patience) as client:
            return client.health().version

    def is_awaited() -> str:
        async def ask() -> str:
            async with AsyncServiceClient(path, timeout=2, patience=patience) as client:
                return (await client.health()).version

        return aio(ask())

    return [waits, is_awaited]


def test_both_have_the_same_questions() -> None:
    def told(cls: type) -> dict[str, inspect.Signature]:
        return {
            name: inspect.signature(method).replace(return_annotation="")
            for name, method in vars(cls).items()
            if not name.startswith("_") and inspect.isfunction(method)
        }

    assert told(ServiceClient) == told(AsyncServiceClient)


def test_each_route_can_be_asked() -> None:
    made: list[questions.ServiceQuestion[Any]] = [
        questions.ask_health(), questions.ask_ready(), questions.ask_binaries(), questions.ask_binary("i"),
        questions.ask_refresh("i"), questions.ask_supports("i", "f"), questions.ask_types("i"),
        questions.ask_type("i", "t"), questions.ask_machines("i"), questions.ask_cpus("i"),
        questions.ask_commands("i"), questions.ask_command("i", "c"), questions.ask_capabilities("i"),
        questions.ask_domcapabilities("i", None, None, None, False), questions.ask_labels("i"), questions.ask_host(),
        questions.ask_translate("<a/>", None, questions.PLAIN), questions.ask_check_argv(["q"], None, False),
        questions.ask_prove("i", ["q"], False, questions.PLAIN), questions.ask_changes(None, 0),
        rehearsals.ask_plug("i", "<a/>", ["<b/>"], (), UNDRIVEN), rehearsals.ask_plug_line("i", ["q"], [{}], UNDRIVEN),
        rehearsals.ask_plug_commands("i", "<a/>", ["<b/>"], (), False),
        rehearsals.ask_migrate("i", "j", "<a/>", (), False, UNDRIVEN), rehearsals.ask_keep_state("i", "<a/>", UNDRIVEN),
        rehearsals.ask_load_state("i", b"", False),
    ]  # fmt: skip
    # Text for Prometheus, a stream, and what the command alone asks for.
    asked = [question.route for question in made]
    assert [route for route in ROUTES if route not in asked] == [METRICS, EVENTS, DOCTOR]
    for question in made:
        assert question.model.__name__ == question.route.answer


def test_what_is_wished_is_a_part_of_the_question() -> None:
    asking = Asking(assume_unknown_present=True, incoming="defer", wishes=Wishes(strict=True, seed="a b"))
    asked = questions.ask_translate("<domain/>", "q", asking)
    assert {**asked.query, "make_up": "true"} == {
        "assume_unknown_present": "true",
        "incoming": "defer",
        "strict": "true",
        "make_up": "true",
        "seed": "a b",
        "binary": "q",
    }
    assert questions.ask_prove("i", "<domain/>", True, questions.PLAIN).kind == "application/xml"
    assert questions.ask_prove("i", ["q", "é"], True, questions.PLAIN).body == b'["q", "\\u00e9"]'


def test_how_it_is_rehearsed_is_a_part_of_the_question() -> None:
    how = Rehearsing(driven=True, anyway=True)
    asked = rehearsals.ask_migrate("i", "j", ["q"], ["q", "-S"], True, how)
    assert asked.query == {"driven": "true", "anyway": "true", "to": "j", "both_ways": "true"}
    assert (asked.kind, asked.body) == ("application/json", b'{"argv": ["q"], "to_argv": ["q", "-S"]}')
    assert rehearsals.ask_migrate("i", "j", ["q"], (), False, UNDRIVEN).body == b'["q"]'
    assert rehearsals.ask_keep_state("i", "<a/>", how).query == {"driven": "true"}


def test_an_answer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    for more in (b"", b"connection: close\r\n"):
        with serving(path, _saying(answer(HEALTH, more=more))):
            assert [ask() for ask in both(path)] == ["1", "1"]
        path.unlink()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"SSH-2.0-x\r\n\r\n", "is not what prober's service sends"),
        (answer(b"{"), "is not JSON"),
        (answer(b'{"status": 3}'), "is not what prober Health is"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "failed: the connection was closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "is larger than"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20000, "more than 64 KiB of headers"),
        (answer(b"{}", "503 Busy"), "the service answered 503"),
    ],
)
def test_what_is_no_answer_is_a_clear_error(tmp_path: Path, said: bytes, message: str) -> None:
    path = tmp_path / "s.sock"
    with serving(path, _saying(said)):
        for ask in both(path):
            with pytest.raises(ServiceError, match=message):
                ask()


def test_who_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    def silent(connection: socket.socket) -> None:
        connection.recv(65536)
        time.sleep(3)

    async def ask() -> None:
        async with AsyncServiceClient(path, timeout=0.2) as client:
            await client.health()

    with serving(path, silent), pytest.raises(ServiceError, match=r"no answer on .* within 0.2 seconds"):
        aio(ask())


def test_where_no_service_is_one_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    for ask in both(path):
        with pytest.raises(ServiceError, match="there is no service"):
            ask()
    for ask in both(path, patience=0.5):
        began = time.monotonic()
        with pytest.raises(ServiceError, match="there is no service"):
            ask()
        assert time.monotonic() - began > 0.5


def test_errors_are_those_that_the_service_tells_of() -> None:
    def told(kind: str, **more: object) -> Exception:
        return problem_error(503, {"type": f"urn:prober:{kind}", "detail": "what", "hint": "do", **more})

    refusal = {"place": {"line": 3, "path": "/domain/vcpu"}, "message": "too many", "rule": "domain/check-vcpu"}
    refused = told("refused", refusals=[refusal])
    assert isinstance(refused, RefusedError)
    assert getattr(refused.refusals[0], "rule", "") == "domain/check-vcpu"
    assert isinstance(told("refused", refusals=[{}]), ServiceError)
    assert isinstance(told("refused"), ServiceError)
    unreadable = told("unreadable-domain", line=7)
    assert isinstance(unreadable, UnreadableDomainError)
    assert unreadable.line == 7
    assert (type(told("busy")), type(told("forbidden")), type(told("new"))) == (BusyError, ForbiddenError, ServiceError)
    assert str(told("busy")) == "what (do)"
    assert str(problem_error(500, ["no", "problem"])) == "the service answered 500"


def test_news_with_a_gap_begin_with_that() -> None:
    from prober.service.replies import ChangeList

    lost = questions.told_by(ChangeList(changes=[], id="a-1", reset=True))
    assert lost == [questions.ChangesLost(id="a-1")]
