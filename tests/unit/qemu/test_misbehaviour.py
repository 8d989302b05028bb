"""Each way in which a QEMU can misbehave ends in a named error, within the limits, and leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from prober.errors import ExitedError, LaunchError, LimitError, ProtocolError, QemuTimeoutError
from prober.qemu.interview import interview
from tests.fakes.making import SMALL_TYPES, make_fake, small_answers
from tests.unit.qemu.failing import LIMITS, Aio, fails

#: Half a second and more each: not for each commit.
pytestmark = pytest.mark.slow

#: For those that hang.
HASTY = LIMITS.model_copy(update={"reply_s": 0.6, "total_s": 6})
#: For those that say without end what is no answer.
BRIEF = LIMITS.model_copy(update={"reply_s": 1.2})


# It does not greet.


def test_closes_at_once(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "closes_at_once"))
    assert isinstance(error, ExitedError)
    assert error.returncode == 0


def test_complains(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "complains", words="first\nqemu: unknown thing\n\n"))
    assert isinstance(error, ExitedError)
    assert error.returncode == 1
    assert error.message.endswith("ended: exit status 1: qemu: unknown thing")
    assert error.stderr == "first\nqemu: unknown thing"


def test_stderr_is_kept_to_its_end(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "complains", words="a" * 10000 + "the end"))
    assert len(error.stderr) == LIMITS.stderr_bytes
    assert error.stderr.endswith("athe end")


@pytest.mark.fault("hangs")
def test_silent(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "silent"), LIMITS.model_copy(update={"greet_s": 0.3}), within=2)
    assert isinstance(error, QemuTimeoutError)
    assert "did not greet within 0.3 s" in error.message


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b"\xff\xfe\x00\n",
        b"[]\n",
        b"{}\n",
        b'{"QMP": 5}\n',
        b'{"QMP": {"version": {}}}\n',
        b'{"QMP": {"version": {}, "capabilities": 7}}\n',
        b'{"return": {}}\n',
        b"\n",
        b"[" * 100000 + b"\n",
    ],
)
def test_wrong_greeting(aio: Aio, tmp_path: Path, data: bytes) -> None:
    assert isinstance(fails(aio, make_fake(tmp_path, "says_first", data=data)), ProtocolError)


def test_nonsense_right_behind_the_negotiation(aio: Aio, tmp_path: Path) -> None:
    version = b'{"qemu":{"major":7,"minor":2,"micro":0},"package":""}'
    greeting = b'{"QMP":{"version":' + version + b',"capabilities":[]}}\n'
    data = greeting + b'{"return":{}}\n' + b'{"return":1}\n' * 3
    assert isinstance(fails(aio, make_fake(tmp_path, "says_first", data=data)), ProtocolError)


def test_refused_negotiation(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "refuses_to_negotiate"))
    assert isinstance(error, ProtocolError)
    assert "not today" in error.message


# It floods.


def test_endless_line_for_a_greeting(aio: Aio, tmp_path: Path) -> None:
    assert isinstance(fails(aio, make_fake(tmp_path, "endless_line")), LimitError)


@pytest.mark.parametrize("at", ["query-commands", "query-qmp-schema", "zeta"])
def test_endless_line(aio: Aio, tmp_path: Path, at: str) -> None:
    error = fails(aio, make_fake(tmp_path, "endless_line", at=at))
    assert isinstance(error, LimitError)
    assert error.hint == "the limit is reply_bytes"


def test_endless_events(aio: Aio, tmp_path: Path) -> None:
    # Four million bytes of them may take a busy machine longer than an answer may.
    limits = LIMITS.model_copy(update={"reply_s": 5.0})
    error = fails(aio, make_fake(tmp_path, "endless_events", at="zeta"), limits)
    assert isinstance(error, LimitError)
    assert error.hint == "the limit is total_bytes"


def test_events_are_no_answers(aio: Aio, tmp_path: Path) -> None:
    limits = BRIEF.model_copy(update={"total_bytes": 1 << 40})
    assert isinstance(fails(aio, make_fake(tmp_path, "endless_events", at="zeta"), limits), QemuTimeoutError)


def test_endless_stderr(aio: Aio, tmp_path: Path) -> None:
    assert isinstance(fails(aio, make_fake(tmp_path, "endless_stderr", at="zeta"), BRIEF), QemuTimeoutError)


def test_huge_reply(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "huge_reply", at="query-machines", size=2 << 20))
    assert isinstance(error, LimitError)


def test_many_large_replies(aio: Aio, tmp_path: Path) -> None:
    answers = small_answers()
    for name in SMALL_TYPES:
        answers[f'qom-list-properties {{"typename":"{name}"}}'] = {"return": "x" * 900_000}
    error = fails(aio, make_fake(tmp_path, "good", answers))
    assert isinstance(error, LimitError)
    assert error.hint == "the limit is total_bytes"


# It answers wrongly.


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\n",
        b"\xc3\x28\n",
        b'"text"\n',
        b"5\n",
        b"[1]\n",
        b'{"return": NaN, "id": "ID"}\n',
        b'{"return": -Infinity, "id": "ID"}\n',
        b'{"return": "\\ud800", "id": "ID"}\n',
        b'{"return": ' + b"9" * 5000 + b', "id": "ID"}\n',
        b'{"return": ' + b'{"a":' * 100_000 + b"\n",
        b'{"id": "ID"}\n',
        b'{"return": {}}\n',
        b'{"return": {}, "id": "another"}\n',
        b'{"return": {}, "id": 5}\n',
        b'{"return": {}, "id": ["ID"]}\n',
        b'{"return": {}, "id": {}}\n',
        b'{"error": {"class": "GenericError", "desc": "what?"}}\n',
        b'{"error": "text", "id": "ID"}\n',
        b'{"error": {"class": "GenericError"}, "id": "ID"}\n',
        b'{"error": {"class": 1, "desc": 2}, "id": "ID"}\n',
        b'{"QMP": {"version": {}, "capabilities": []}}\n',
    ],
)
@pytest.mark.parametrize("at", ["query-version", "zeta"])
def test_wrong_reply(aio: Aio, tmp_path: Path, data: bytes, at: str) -> None:
    error = fails(aio, make_fake(tmp_path, "says_at", at=at, data=data))
    assert isinstance(error, ProtocolError)
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    ("at", "reply"),
    [
        ("query-commands", "5"),
        ("query-commands", "null"),
        ("query-commands", "[5]"),
        ("query-commands", '[{"title": "x"}]'),
        ("query-commands", '[{"name": ["x"]}]'),
        ("query-target", "[]"),
        ("query-target", '{"arch": 5}'),
        ("query-kvm", "{}"),
        ("qom-list-types", '[{"parent": "x"}]'),
        ("qom-list-types", "[[]]"),
        ("qom-list-types", '{"name": 3}'),
    ],
)
def test_reply_of_another_form(aio: Aio, tmp_path: Path, at: str, reply: str) -> None:
    data = f'{{"return": {reply}, "id": "ID"}}\n'.encode()
    error = fails(aio, make_fake(tmp_path, "says_at", at=at, data=data))
    assert isinstance(error, ProtocolError)
    assert at in error.message


def test_essential_question_refused(aio: Aio, tmp_path: Path) -> None:
    data = b'{"error": {"class": "CommandNotFound", "desc": "never heard of"}, "id": "ID"}\n'
    error = fails(aio, make_fake(tmp_path, "says_at", at="query-commands", data=data))
    assert isinstance(error, ProtocolError)
    assert "never heard of" in error.message


# It stops.


@pytest.mark.fault("hangs")
@pytest.mark.parametrize("at", ["query-version", "query-commands", "qom-list-types", "query-qmp-schema", "zeta"])
def test_hangs(aio: Aio, tmp_path: Path, at: str) -> None:
    error = fails(aio, make_fake(tmp_path, "hangs_at", at=at), HASTY)
    assert isinstance(error, QemuTimeoutError)
    assert f"{at} within 0.6 s" in error.message


@pytest.mark.fault("hangs")
def test_hangs_in_negotiation(aio: Aio, tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"greet_s": 0.4})
    assert isinstance(fails(aio, make_fake(tmp_path, "hangs_at", at="qmp_capabilities"), limits), QemuTimeoutError)


def test_answers_in_time_but_too_slowly_in_all(aio: Aio, tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"total_s": 1.0})
    error = fails(aio, make_fake(tmp_path, "answers_slowly", seconds=0.2), limits)
    assert isinstance(error, QemuTimeoutError)
    assert "did not answer everything within 1 s" in error.message


def test_each_reply_has_its_own_time(aio: Aio, tmp_path: Path) -> None:
    # Two dozen answers at 50 ms each take longer than reply_s in all; none of them does.
    fake = make_fake(tmp_path, "answers_slowly", seconds=0.05)
    limits = HASTY.model_copy(update={"total_s": 30.0, "processes": 1})
    asked = aio(interview(fake, limits=limits, accel="tcg"))
    assert asked.seconds > limits.reply_s


def test_hangs_up_and_lives(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "hangs_up_at", at="zeta"))
    assert isinstance(error, ProtocolError)
    assert "closed its QMP connection" in error.message


def test_dies_in_the_middle_of_an_essential_message(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, make_fake(tmp_path, "says_half_at", at="query-commands"))
    assert isinstance(error, ExitedError)


# It dies, and what comes after is no better.


def test_dies_of_an_essential_question(aio: Aio, tmp_path: Path) -> None:
    marks = str(tmp_path / "marks")
    fake = make_fake(tmp_path, "dies_at", at="query-commands", how=-signal.SIGABRT, marks=marks, words="oh no\n")
    error = fails(aio, fake)
    assert isinstance(error, ExitedError)
    assert error.returncode == -signal.SIGABRT
    assert error.message.endswith("ended: SIGABRT: oh no")


def test_never_greets_again(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "never_greets_again", at="zeta", marks=str(tmp_path / "marks"))
    limits = LIMITS.model_copy(update={"greet_s": 1.0})
    assert isinstance(fails(aio, fake, limits), QemuTimeoutError)


def test_vanishes(aio: Aio, tmp_path: Path) -> None:
    assert isinstance(fails(aio, make_fake(tmp_path, "vanishes_at", at="zeta")), LaunchError)


def test_leaves_a_child(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "leaves_a_child", marks=str(tmp_path / "marks"), escapes=False)
    aio(interview(fake, limits=LIMITS, accel="tcg"))


def test_child_that_escapes_does_not_hold_us_up(aio: Aio, tmp_path: Path) -> None:
    """It holds the other end of the connection open after QEMU's death; the interview goes on all the same."""
    marks = tmp_path / "marks"
    fake = make_fake(tmp_path, "leaves_a_child", marks=str(marks), escapes=True, at="zeta")
    started = time.monotonic()
    asked = aio(interview(fake, limits=LIMITS, accel="tcg"))
    assert asked.crashes == {"zeta": "SIGSEGV"}
    assert time.monotonic() - started < 5
    for line in marks.read_text().split():
        _kill(int(line))


def _kill(pid: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd := os.pidfd_open(pid), signal.SIGKILL)
        os.close(pidfd)
    except ProcessLookupError:
        pass


def test_nothing_is_inherited(aio: Aio, tmp_path: Path) -> None:
    """A descriptor of ours, inheritable by mistake, does not reach QEMU; nor does our environment."""
    marks = tmp_path / "marks"
    ours, theirs = socket.socketpair()
    ours.set_inheritable(True)
    with ours, theirs:
        aio(
            interview(make_fake(tmp_path, "shows_itself", marks=str(marks), by_shell=False), limits=LIMITS, accel="tcg")
        )
    import ast

    shown = ast.literal_eval(marks.read_text())
    assert shown["environment"].keys() <= {"LC_ALL", "PATH", "HOME", "LC_CTYPE"}
    assert not Path(shown["environment"]["HOME"]).exists()
    assert shown["directory"] == "/"
    assert shown["session"] is True
    assert shown["umask"] == 0o077
    assert set(shown["descriptors"]) <= {"0", "1", "2", "3", "4"}  # 3 and 4 are the fake's own files
    assert shown["argv"][:7] == [
        "-S", "-no-user-config", "-nodefaults", "-display", "none", "-machine", "none,accel=tcg",
    ]  # fmt: skip
