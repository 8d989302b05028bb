"""``prober check-argv``: its lines, its JSON, its exit codes, and where the words come from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.processes import wait_until
from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run

OLD = FIXTURES / "qemu-7.2.22.replies.xz"
QEMU = "qemu-system-x86_64"


def test_a_clean_command_line_says_nothing_and_is_0(run: Run) -> None:
    words = ["-machine", "q35", "-nodefaults", "-device", "virtio-rng-pci"]
    ended = run("check-argv", "--replies", OLD, "--", QEMU, *words)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "checked: nothing stands against it; `prober prove` starts it\n"
    assert run("check-argv", "--replies", OLD, "--json", "--", QEMU, *words).json == {
        "ground": "checked",
        "findings": [],
        "clean": True,
        "left_off": 0,
    }


def test_each_finding_is_a_line_in_the_order_of_the_words(run: Run) -> None:
    words = [
        "-netdev",
        "user,id=n",
        "-device",
        "e1000,mak=x,netdev=m",
        "-global",
        "ICH9-LPC.disable_s3=1",
        "-nodefalts",
    ]
    ended = run("check-argv", "--replies", OLD, "--", QEMU, *words)
    assert ended.code == 3
    assert ended.err == "checked: something stands against it; `prober prove` starts it\n"
    assert [line.split(": ")[:3] for line in ended.out.splitlines()] == [
        ["3", "-device mak", "error"],
        ["3", "-device netdev", "error"],
        ["5", "-global ICH9-LPC.disable_s3", "ignored"],
        ["7", "-nodefalts", "error"],
    ]
    assert ended.out.splitlines()[0] == "3: -device mak: error: QEMU 7.2.22 has no e1000.mak (did you mean mac?)"


def test_json_has_position_part_and_evidence(run: Run) -> None:
    ended = run("check-argv", "--replies", OLD, "--json", "--", QEMU, "-device", "e1000,mak=x")
    assert ended.code == 3
    (finding,) = ended.json["findings"]
    evidence = finding.pop("evidence")
    assert finding == {
        "position": 1, "flag": "-device", "part": "mak", "kind": "error", "qemu_name": "e1000.mak",
        "message": "QEMU 7.2.22 has no e1000.mak", "hint": "did you mean mac?",
        "rule": "option/property",
    }  # fmt: skip
    assert (evidence["verdict"], evidence["command"]) == ("absent", "qom-list-properties")
    assert "mac" in evidence["reply"]


@pytest.mark.parametrize(
    ("version", "words", "code"),
    [
        ("5.2.0", ["-device", '{"driver":"e1000"}'], 3),
        ("5.2.0", ["-object", '{"qom-type":"rng-builtin","id":"r"}'], 3),
        ("5.2.0", ["-netdev", '{"type":"user","id":"n"}'], 3),
        ("5.2.0", ["-blockdev", '{"driver":"null-co","node-name":"n"}'], 0),
        ("7.2.22", ["-device", '{"driver":"e1000"}'], 0),
        ("7.2.22", ["-object", '{"qom-type":"rng-builtin","id":"r"}'], 0),
        ("7.2.22", ["-netdev", '{"type":"user","id":"n"}'], 0),
        ("11.1.2", ["-chardev", '{"id":"c","backend":{"type":"null","data":{}}}'], 3),
    ],
)
def test_json_is_refused_where_a_binary_does_not_read_it(run: Run, version: str, words: list[str], code: int) -> None:
    ended = run("check-argv", "--replies", FIXTURES / f"qemu-{version}.replies.xz", "--", QEMU, *words)
    assert ended.code == code, ended.out
    assert ended.out == (
        ""
        if code == 0
        else f"1: {words[0]}: error: QEMU {version} does not read {words[0]} in JSON (write key=value)\n"
    )


def test_the_evidence_is_shown_when_asked_for(run: Run) -> None:
    words = ["--", QEMU, "-device", "e1000,mak=x"]
    assert "qom-list-properties" not in run("check-argv", "--replies", OLD, *words).out
    lines = run("check-argv", "--replies", OLD, "--verbose", *words).out.splitlines()
    assert lines[1].startswith("  because   qom-list-properties e1000 lists ")
    assert lines[2] == '  asked     qom-list-properties {"typename": "e1000"}'


def test_what_is_unknown_is_shown_and_no_fault(run: Run) -> None:
    words = ["--", QEMU, "-plugin", "file=/a,b=1"]
    ended = run("check-argv", "--replies", OLD, *words)
    assert ended.code == 0
    assert ended.out.startswith("1: -plugin: unknown: ")
    assert run("check-argv", "--replies", OLD, "--assume-unknown-present", *words).out == ""


LINE = f"""LC_ALL=C \\
HOME=/var/lib/libvirt \\
/usr/bin/{QEMU} \\
-name 'guest=a b' \\
-device '{{"driver":"e1000","mak":"x"}}'
"""


@pytest.mark.parametrize("words", [[], ["-"], ["--", "-"]])
def test_a_shell_line_comes_from_stdin(run: Run, words: list[str]) -> None:
    ended = run("check-argv", "--replies", OLD, *words, stdin=LINE.encode())
    assert (ended.code, ended.out) == (3, "3: -device mak: error: QEMU 7.2.22 has no e1000.mak (did you mean mac?)\n")


def test_the_dashes_before_the_command_line_may_be_left_out(run: Run) -> None:
    assert run("check-argv", "--replies", OLD, QEMU, "-nodefaults", "-device", "e1000").code == 0


@pytest.mark.parametrize("stdin", [b"", b"\n", b"A=1 B=2", b"qemu 'open", b"qemu \xff", b"x " * 30_000])
def test_what_cannot_be_read_is_2(run: Run, stdin: bytes) -> None:
    ended = run("check-argv", "--replies", OLD, stdin=stdin)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: ")


def test_a_word_that_is_no_text_is_2(run: Run) -> None:
    ended = run("check-argv", "--replies", OLD, "--", QEMU, "-device", "e1000,\udcff=1")
    assert (ended.code, ended.out, ended.err) == (2, "", "prober: word 2 of the command line is not UTF-8\n")


def test_a_recording_that_is_not_there_is_2(run: Run, tmp_path: Path) -> None:
    assert run("check-argv", "--replies", tmp_path / "none.replies", "--", QEMU).code == 2


SCRIPT = b'#!/bin/sh\nMEM=1G\nexec qemu-system-x86_64 -m $MEM \\\n  -device e1000,mak=x "$@"\n'


def test_a_file_is_read_and_its_findings_point_into_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(SCRIPT)
    ended = run("check-argv", "--replies", OLD, "run.sh")
    assert (ended.code, ended.out) == (
        3,
        "run.sh:4:17: -device mak: error: QEMU 7.2.22 has no e1000.mak (did you mean mac?)\n",
    )
    assert ended.err.startswith("run.sh:3: without what its caller adds ($@)\n")
    in_json = run("check-argv", "--replies", OLD, "--json", "run.sh")
    (line,) = in_json.json["lines"]
    (finding,) = line["findings"]
    assert (in_json.code, line["line"], finding["line"], finding["column"]) == (3, 3, 4, 17)
    behind = run("check-argv", "--replies", OLD, "run.sh", "--json")
    assert (behind.code, "options stand before it" in behind.err) == (2, True)


def test_stdin_may_be_such_a_file_too(run: Run) -> None:
    ended = run("check-argv", "--replies", OLD, stdin=SCRIPT)
    assert (ended.code, ended.out.partition(": ")[0]) == (3, "<stdin>:4:17")
    # One command line alone is an argv, as it always was.
    plain = run("check-argv", "--replies", OLD, "-", stdin=b"kvm -device e1000,mak=x -append a;b$c")
    assert (plain.code, plain.out.partition(": ")[0]) == (3, "1")


def test_a_running_process_has_its_own_words(run: Run) -> None:
    words = ["-c", "import time; time.sleep(60)", "-device", "e1000,mak=x"]
    with subprocess.Popen([sys.executable, *words]) as process:
        try:
            # For a moment in the middle of execve(2) a process has no words at all.
            wait_until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes() != b"")
            ended = run("check-argv", "--replies", OLD, "--json", "--pid", process.pid)
        finally:
            process.kill()
    assert ended.code == 3
    assert (3, "mak") in [(one["position"], one["part"]) for one in ended.json["findings"]]
    assert f"prober: process {process.pid} is called {sys.executable!r}: is it a QEMU?" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pid", "2147483646"], "there is no process 2147483646"),
        (["--pid", "1", "--", QEMU], "--pid goes without a command line"),
    ],
)
def test_a_process_that_cannot_be_asked_is_2(run: Run, words: list[str], said: str) -> None:
    ended = run("check-argv", "--replies", OLD, *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
