"""What the page's server makes of a service that says anything but what it should: an error that can be shown."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prober.errors import BusyError, ProberError, ServiceError
from prober.pages.live.asking import MOST_WAITING, UiService
from prober.pages.live.routes import FORWARDED, Forwarded
from prober.proof.watched import WorkStep, watch_steps
from prober.service.messages import Request
from tests.conftest import aio
from tests.unit.service.test_client import serving

XML, LINE = b"<domain/>", b"qemu -S"


def _request(kind: str = "", **query: str) -> Request:
    headers = [(b"content-type", kind.encode())] if kind else []
    made = Request("POST", "/", b"", headers, lambda _: None, keep_alive=True)
    made.query = query
    return made


def _answering(value: object, status: str = "200 OK") -> Callable[[socket.socket], None]:
    """A service that says this, whatever it is asked, for as long as it is asked."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    said = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    def behave(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            connection.sendall(said)

    return behave


def _clicked(to: Forwarded, ui: UiService) -> Coroutine[Any, Any, tuple[int, dict[str, Any]]]:
    return ui.forward(to, _request("text/plain"), {"binary": "q"}, LINE)


ASKED: dict[str, Callable[[UiService], Coroutine[Any, Any, Any]]] = {
    "book": lambda ui: ui.make_book(),
    "entries": lambda ui: ui.entries(),
    "changes": lambda ui: ui.changes(_request()),
    "domain": lambda ui: ui.check(_request(binary="q"), XML, assume=False),
    "line": lambda ui: ui.check(_request(binary="q"), LINE, assume=False),
    **{name: partial(_clicked, to) for name, to in FORWARDED.items()},
}

ENTRY = {"id": "q", "path": "/q", "kind": "binary", "state": "ready"}
STRANGE: list[object] = [
    None, 3, "", [], {}, {"binaries": 3}, {"binaries": [3]}, {"binaries": [{"state": "ready"}]}, {"paths": []},
    {"binaries": [ENTRY]}, {"changes": [{"id": 1}], "id": "x", "reset": False}, {"changes": {}, "id": [], "reset": 0},
    {"notes": 3, "argv": [3]}, {"argv": None}, {"findings": [{"kind": "__proto__"}]}, {"verdict": "constructor"},
    {"__proto__": {"binaries": []}}, {"refusals": [3]}, {"refusals": 3, "detail": "d"}, {"detail": ["d"]},
    b'{"detail": "\\ud800", "type": "\\ud800"}', b"[" * 100_000, b"\xff", b'{"binaries": NaN}',
]  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_has_another_form_never_gets_to_the_page(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.sock"
    for status in ("200 OK", "422 No", "503 Busy"):
        for value in STRANGE:
            with serving(path, _answering(value, status)):
                with pytest.raises(ServiceError) as caught:
                    aio(ASKED[name](UiService(path, [], "t")))
                assert caught.value.message
            path.unlink()


def test_an_error_of_the_service_gets_there_with_its_reasons(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    refusal = {"place": {"line": 3, "path": "/domain/vcpu"}, "message": "too many", "rule": "domain/check-vcpu"}
    told = {"type": "urn:prober:refused", "title": "t", "status": 422, "detail": "no", "refusals": [refusal]}
    with serving(path, _answering(told, "422 No")):
        status, value = aio(ASKED["prove"](UiService(path, [], "t")))
        assert (status, value["detail"]) == (422, "no")
        assert value["refusals"][0]["message"] == "too many"
        assert _watched(path) == ((422, value), [])
        cell = aio(ASKED["domain"](UiService(path, [], "t")))["cell"]
        assert (cell.verdict, cell.refusals[0].message, cell.refusals[0].line) == ("no", "too many", 3)
        with pytest.raises(ServiceError, match="no"):
            aio(ASKED["changes"](UiService(path, [], "t")))


def _watched(path: Path) -> tuple[tuple[int, dict[str, Any]], list[WorkStep]]:
    """What comes of a click, and the steps that were told meanwhile."""
    heard: list[WorkStep] = []

    async def ask() -> tuple[int, dict[str, Any]]:
        watch_steps(heard.append)
        return await _clicked(FORWARDED["migrate"], UiService(path, [], "t"))

    return aio(ask()), heard


def _lines(*told: object) -> Callable[[socket.socket], None]:
    """A service that says these lines, byte by byte at first, and then ends."""
    body = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in told)
    said = b"HTTP/1.1 200 OK\r\nContent-Type:  application/x-ndjson\r\nconnection: close\r\n\r\n" + body

    def behave(connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith(LINE):
            asked += connection.recv(1 << 16)
        assert b"\r\nAccept: application/x-ndjson\r\n" in asked
        for at in range(150):
            connection.sendall(said[at : at + 1])
        connection.sendall(said[150:])
        connection.shutdown(socket.SHUT_WR)

    return behave


STEP = {"step": {"name": "waits", "seconds": 0.5}}
LAST = {"status": 200, "answer": {"migrations": []}}


def test_steps_are_heard_before_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with serving(path, _lines(STEP, {"step": {"name": "sent", "number": 9, "outcome": "taken"}}, LAST)):
        (status, value), heard = _watched(path)
    assert (status, value) == (200, {"migrations": []})
    assert heard == [WorkStep(name="waits", seconds=0.5), WorkStep(name="sent", number=9, outcome="taken")]


@pytest.mark.parametrize(
    "told",
    [
        (STEP,), (), (STEP, b'{"status": 200'), (b"[]\n",), (b"{}\n",), (b"\xff\n",), ({"step": 3}, LAST),
        ({"step": {"name": "constructor"}}, LAST), ({"step": {"name": "waits", "seconds": "x"}}, LAST),
        ({"step": {"name": "command", "what": "x" * 201}}, LAST), (STEP, {"status": True, "answer": {}}),
        (STEP, {"status": "200", "answer": {}}), (STEP, {"status": 200}), (STEP, {"status": 422, "answer": {}}),
    ],
)  # fmt: skip
def test_steps_of_another_form_never_get_to_the_page(tmp_path: Path, told: tuple[object, ...]) -> None:
    path = tmp_path / "s.sock"
    with serving(path, _lines(*told)), pytest.raises(ServiceError):
        _watched(path)


def test_who_goes_away_lets_go_of_the_service(tmp_path: Path) -> None:
    """A page that is loaded again and again while it waits leaves no question behind."""
    path, let_go = tmp_path / "s.sock", threading.Semaphore(0)

    def silent(connection: socket.socket) -> None:
        def wait(mine: socket.socket) -> None:
            with mine:
                while mine.recv(1 << 16):
                    pass
            let_go.release()

        threading.Thread(target=wait, args=(connection.dup(),), daemon=True).start()

    async def ask() -> None:
        ui = UiService(path, [], "t")
        for _ in range(3):
            requests = [_request() for _ in range(MOST_WAITING)]
            tasks = [asyncio.create_task(ui.changes(request)) for request in requests]
            await asyncio.sleep(0.1)
            with pytest.raises(BusyError):
                await ui.changes(_request())
            for request in requests:
                request.abandon()
            told = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
            assert all(isinstance(one, ProberError) for one in told)
        gone = _request()
        gone.abandon()
        with pytest.raises(ServiceError, match="nobody waits"):
            await ui.changes(gone)

    began = time.monotonic()
    with serving(path, silent):
        aio(ask())
        for _ in range(3 * MOST_WAITING):
            assert let_go.acquire(timeout=5)
    assert time.monotonic() - began < 15
