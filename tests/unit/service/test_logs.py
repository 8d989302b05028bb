"""What is logged: lines and fields, in the journal and elsewhere, whatever somebody sent."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.service.client import Client
from prober.service.logs.handlers import ACCESS_LOG, Allowance, JournalHandler, StreamHandler, priority_of
from prober.service.logs.requests import REQUEST_ID, RequestIds
from prober.service.logs.start import lines_lost, start_logging
from prober.service.logs.text import MOST, MOST_OF_FIELD, as_logfmt, harmless
from tests.raw_http import connect, everything
from tests.unit.capabilities.asking import Asker
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running

#: What would begin another line, speak to a terminal, or turn the reading around.
HOSTILE = "a\nPRIORITY=0\r\x1b[2J\x9b31m\u202eb\u2028c\x00d\x7f\udc80"


def make_record(message: str, *args: object, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("prober.test", level, __file__, 7, message, args, None)
    record.fields = fields
    return record


def with_traceback(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        record = make_record("it failed", level=logging.ERROR)
        record.exc_info = sys.exc_info()
        return record


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """No handler and no level of a test stays."""
    root, ours = logging.getLogger(), logging.getLogger("prober")
    before = [*root.handlers], root.level, ours.level
    yield
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "journal"))
        made.settimeout(5)
        yield made


def read_datagram(data: bytes) -> dict[str, str]:
    """As journald does it."""
    found = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", data[:8])
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        assert re.fullmatch(rb"[A-Z0-9_]+", name), name
        assert name.decode() not in found
        found[name.decode()] = value.decode()
    return found


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_whatever_is_said_stays_in_its_line(text: str) -> None:
    said = harmless(text)
    assert said.isprintable()
    assert len(said) <= 10 * (MOST + 1)
    said.encode()


def test_harmless_text_is_left_alone() -> None:
    assert harmless("größer, 日本, €") == "größer, 日本, €"
    assert harmless(HOSTILE) == ("a\\nPRIORITY=0\\r\\x1b[2J\\x9b31m\\u202eb\\u2028c\\x00d\\x7f\\udc80")
    assert harmless("x" * 5000) == "x" * MOST + "…"


def test_fields_as_logfmt() -> None:
    assert as_logfmt({"a": "1", "b": "two words", "c": 'say "x=y"\\', "d": ""}) == (
        'a=1 b="two words" c="say \\"x=y\\"\\\\" d=""'
    )


def test_a_line_on_a_stream() -> None:
    stream = io.StringIO()
    handler = StreamHandler(stream)
    handler.handle(make_record("%s is asked again", "/usr/bin/q", event="stale", part="file", none=None, empty=""))
    token = REQUEST_ID.set("abc-1")
    handler.handle(make_record("told: %s", HOSTILE, kind=HOSTILE))
    REQUEST_ID.reset(token)
    handler.handle(make_record("plain", level=logging.WARNING))
    first, second, third = stream.getvalue().splitlines()
    assert first == "INFO prober.test: /usr/bin/q is asked again  event=stale part=file"
    assert second.startswith("INFO prober.test: told: a\\nPRIORITY=0\\r\\x1b[2J")
    assert second.endswith(" request=abc-1")
    assert third == "WARNING prober.test: plain"


def test_a_traceback_on_a_stream_begins_no_line_of_ours() -> None:
    stream = io.StringIO()
    StreamHandler(stream, marked=True).handle(with_traceback("\nINFO prober.test: forged\x1b"))
    first, *rest = stream.getvalue().splitlines()
    assert first == "<3>it failed"
    assert all(line.startswith("<3>    ") for line in rest)
    assert rest[-1] == "<3>    INFO prober.test: forged\\x1b"
    assert "Traceback" in rest[0]


def test_a_line_in_the_journal(journal: socket.socket) -> None:
    handler = JournalHandler(StreamHandler(io.StringIO()), journal.getsockname())
    token = REQUEST_ID.set("abc-1")
    handler.handle(make_record("%s is asked again", "/usr/bin/q", event="stale", binary="/usr/bin/q", **{"x-y": 1}))
    REQUEST_ID.reset(token)
    handler.close()
    assert read_datagram(journal.recv(65536)) == {
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "prober",
        "MESSAGE": "/usr/bin/q is asked again",
        "LOGGER": "prober.test",
        "CODE_FILE": "test_logs.py",
        "CODE_LINE": "7",
        "PROBER_EVENT": "stale",
        "PROBER_BINARY": "/usr/bin/q",
        "PROBER_X_Y": "1",
        "PROBER_REQUEST_ID": "abc-1",
    }


def test_hostile_text_makes_no_field_of_its_own(journal: socket.socket) -> None:
    handler = JournalHandler(StreamHandler(io.StringIO()), journal.getsockname())
    handler.handle(make_record("%s", HOSTILE, path=HOSTILE))
    handler.handle(with_traceback(HOSTILE + "\nPRIORITY=0\nlast"))
    handler.handle(make_record("%s", "x" * 1_000_000, path="y" * 1_000_000))
    handler.close()
    first, second = read_datagram(journal.recv(65536)), read_datagram(journal.recv(65536))
    assert (first["PRIORITY"], first["MESSAGE"], first["PROBER_PATH"]) == ("6", harmless(HOSTILE), harmless(HOSTILE))
    assert (second["PRIORITY"], second["MESSAGE"]) == ("3", "it failed")
    assert second["PROBER_TRACEBACK"].splitlines()[-2:] == ["PRIORITY=0", "last"]
    third = read_datagram(journal.recv(65536))
    assert (len(third["MESSAGE"]), len(third["PROBER_PATH"])) == (MOST + 1, MOST_OF_FIELD + 1)


def test_nobody_waits_for_a_journal_that_does_not_read(journal: socket.socket) -> None:
    """A line that it does not take is lost, and the next one that it takes says how many were."""
    handler = JournalHandler(StreamHandler(io.StringIO()), journal.getsockname())
    for number in range(150):
        handler.handle(make_record("%d %s", number, "x" * 1900))
    assert handler.lost
    journal.settimeout(0.2)
    with pytest.raises(TimeoutError):
        while True:
            journal.recv(65536)
    handler.handle(make_record("once more"))
    assert f"{handler.lost} lines were left out" in read_datagram(journal.recv(65536))["MESSAGE"]
    assert read_datagram(journal.recv(65536))["MESSAGE"] == "once more"
    handler.close()


def test_without_a_journal_lines_go_to_the_stream(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = JournalHandler(StreamHandler(stream, marked=True), str(tmp_path / "nobody"))
    handler.handle(make_record("said", event="x"))
    handler.close()
    assert stream.getvalue() == "<6>said  event=x\n"
    assert handler.lost == 0


def test_too_many_lines_are_counted_and_not_written() -> None:
    now = 0.0
    stream = io.StringIO()
    handler = StreamHandler(stream)
    handler._allowances = {loud: Allowance(3, 1, lambda: now) for loud in (False, True)}
    for number in range(10):
        handler.handle(make_record("%d", number))
    handler.handle(make_record("loud", level=logging.ERROR))
    now = 1.5
    handler.handle(make_record("later"))
    lines = [line.partition(": ")[2] for line in stream.getvalue().splitlines()]
    assert lines == ["0", "1", "2", "7 lines were left out: there were too many", "loud", "later"]
    assert handler.lost == 7


def test_whoever_wants_each_request_logged_gets_each() -> None:
    stream = io.StringIO()
    handler = StreamHandler(stream)
    handler._allowances = {loud: Allowance(3, 1, lambda: 0.0) for loud in (False, True)}
    for number in range(10):
        record = make_record("%d", number)
        record.name = ACCESS_LOG
        handler.handle(record)
    assert len(stream.getvalue().splitlines()) == 10
    assert handler.lost == 0


def test_a_stream_that_fails_is_no_reason_to_fail() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    handler = StreamHandler(Full())
    handler.handle(make_record("said"))
    assert handler.lost == 1


@pytest.mark.parametrize("ours", [True, False])
def test_where_lines_go(journal: socket.socket, tmp_path: Path, ours: bool) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        found = os.fstat(stream.fileno())
        told = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + (not ours)}"}
        start_logging(logging.INFO, stream=stream, environment=told, journal=journal.getsockname())
        logging.getLogger("prober.some").info("hello", extra={"fields": {"event": "test"}})
        logging.getLogger("other").info("not this")
        logging.getLogger("prober.some").debug("nor this")
        stream.seek(0)
        written = stream.read()
    if ours:
        assert written == ""
        assert read_datagram(journal.recv(65536))["PROBER_EVENT"] == "test"
    else:
        assert written == "INFO prober.some: hello  event=test\n"
    assert lines_lost() == 0


def test_priorities() -> None:
    levels = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
    assert [priority_of(level) for level in levels] == [2, 3, 4, 6, 7]


@pytest.mark.parametrize("given", ["a", "A-z_0.9", "x" * 64])
def test_a_clients_own_id_is_taken(given: str) -> None:
    assert RequestIds().take(given) == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\n", "ä", "a=b", '"', "\x1b", "a/b"])
def test_any_other_is_not(given: str) -> None:
    ids = RequestIds()
    first, second = ids.take(given), ids.take(given)
    assert re.fullmatch(r"[0-9a-f]{8}-1", first)
    assert re.fullmatch(r"[0-9a-f]{8}-2", second)


def _ask(path: Path, request: bytes) -> bytes:
    with connect(path) as client:
        client.sendall(request)
        return everything(client)


def _id_of(answer: bytes) -> str:
    (found,) = re.findall(rb"\r\nx-request-id: ([^\r]*)\r\n", answer)
    return bytes(found).decode()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[logging.LogRecord]]:
    """The records of one event."""
    caplog.set_level(logging.INFO, "prober")
    return lambda event: [item for item in caplog.records if getattr(item, "fields", {}).get("event") == event]


def test_each_answer_has_an_id(tmp_path: Path, lines: Callable[[str], list[logging.LogRecord]]) -> None:
    make_binary(tmp_path / "bin")
    head = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    with running(make_settings(tmp_path, max_head=1024, log_requests=True), Asker()) as path:
        first, second = (_id_of(_ask(path, b"GET /healthz" + head + b"\r\n")) for _ in range(2))
        assert first != second
        own = _ask(path, b"GET /no" + head + b"X-Request-Id: agent.7\r\n\r\n")
        assert (own[:12], _id_of(own)) == (b"HTTP/1.1 404", "agent.7")
        assert _id_of(_ask(path, b"GET /healthz" + head + b"X-Request-Id: a b\r\n\r\n")).count("-") == 1
        # Also where a client is let go before its request is known.
        large = _ask(path, b"GET /healthz" + head + b"X: " + b"x" * 2000 + b"\r\n\r\n")
        assert large[:12] == b"HTTP/1.1 431"
        (refusal,) = lines("refusal")
        assert refusal.fields["request"] == _id_of(large)  # type: ignore[attr-defined]
    told = [record.fields for record in lines("request")]  # type: ignore[attr-defined]
    answered = [(item["route"], item["status"]) for item in told]
    assert answered == [("/healthz", 200), ("/healthz", 200), ("none", 404), ("/healthz", 200)]
    assert all(item["uid"] == os.getuid() for item in told)


def test_requests_are_not_logged_by_default(tmp_path: Path, lines: Callable[[str], list[logging.LogRecord]]) -> None:
    with running(make_settings(tmp_path), Asker()) as path, Client(path, timeout=20) as client:
        assert client.get("/healthz").ok
    assert not lines("request")


def test_a_change_and_an_interview_are_told_with_the_request_that_met_them(tmp_path: Path) -> None:
    binary = make_binary(tmp_path / "bin")
    stream = io.StringIO()
    start_logging(logging.INFO, stream=stream, environment={})
    with running(make_settings(tmp_path), Asker()) as path, Client(path, timeout=20) as client:
        assert client.get("/v1/binaries/qemu-system-x86_64").ok
        binary.write_text(binary.read_text() + "\n# another")
        head = b"GET /v1/binaries/qemu-system-x86_64 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        assert _ask(path, head + b"X-Request-Id: who-asked\r\n\r\n").startswith(b"HTTP/1.1 200")
    met = [line for line in stream.getvalue().splitlines() if line.endswith(" request=who-asked")]
    assert len(met) == 2
    assert re.search(r" is asked again: .* event=stale binary=\S+ part=file found_by=use ", met[0])
    assert re.search(r" event=interview binary=\S+ outcome=answered seconds=\S+ ", met[1])
