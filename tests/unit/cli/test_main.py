"""What holds for every command: sources, errors, help."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import prober.errors
from prober import __version__
from prober.cli import main as main_module
from prober.cli.exits import exit_code
from prober.errors import ExitedError, ProberError, RecordingError, UsageError
from tests.conftest import CHECKOUT
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.slow

START = "from prober.cli.main import main; main()"
COMMANDS = ("serve", "probe", "record", "show", "explain", "diff", "supports", "translate", "check-argv", "check")


def test_help_names_every_command_in_order(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    named = re.findall(r"^│ ([\w-]+) ", ended.out, re.MULTILINE)
    assert tuple(name for name in named if name in COMMANDS) == COMMANDS


@pytest.mark.parametrize("width", [50, 80, 100])
def test_the_help_of_the_command_itself_takes_no_parser_and_breaks_no_word(run: Run, width: int) -> None:
    script = (
        "import sys; from prober.cli.start import start\ntry: start()\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "COLUMNS": str(width)}
    command = [sys.executable, "-c", script, "--help"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not {"typer", "rich", "inspect", "pydantic"} & set(ended.stderr.split())
    assert max(map(len, ended.stdout.splitlines())) <= width
    assert set(re.findall(r"--[\w-]+", ended.stdout)) >= {"--socket", "--binary", "--replies", "--version", "--help"}
    assert "node-feature-discovery" in ended.stdout
    if width == 80:
        assert run("--help").out.rstrip() == ended.stdout.rstrip()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(run: Run, command: str) -> None:
    ended = run(command, "--help")
    assert ended.code == 0
    assert f"Example: prober {command}" in ended.out


@pytest.mark.parametrize("words", [["supports"], ["translate"], ["nonsense"], ["supports", "--nonsense", "x"]])
def test_wrong_usage_is_2(run: Run, words: list[str]) -> None:
    ended = run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: prober" in ended.err


def test_a_root_that_is_none_is_2(run: Run) -> None:
    ended = run("prove", "--binary", "/usr/bin/qemu", "--root", "/nonexistent", "--", "qemu", "-S")
    assert (ended.code, ended.out) == (2, "")
    assert "--root /nonexistent is no directory" in ended.err


def test_version(run: Run) -> None:
    assert run("--version").out == f"prober {__version__}\n"


def test_without_a_source_and_a_service_the_user_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.cli.choosing.DEFAULT_SOCKETS", (Path("here.sock"), Path("there.sock")))
    ended = run("supports", "PIIX4_PM")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == (
        "prober: no service is running on here.sock or there.sock\n"
        "hint: name one with --socket, a QEMU with --binary, or a recording with --replies\n"
    )


@pytest.mark.parametrize("command", ["metrics", "watch"])
def test_a_command_that_asks_a_service_alone_names_no_other(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("prober.cli.choosing.DEFAULT_SOCKETS", (Path("here.sock"),))
    ended = run(command)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == (
        "prober: no service is running on here.sock\nhint: name one with --socket; `prober serve` runs one\n"
    )


@pytest.mark.parametrize("other", ["--socket", "--binary"])
def test_a_recording_answers_alone(run: Run, replies: Path, other: str) -> None:
    ended = run("supports", "--replies", replies, other, "x", "PIIX4_PM")
    assert ended.code == 2
    assert "--replies goes with neither" in ended.err


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file or directory"),
        (b"", "the recording is empty"),
        (b"{}", "the last command has no reply"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\xfd7zXZ\x00broken", "damaged xz data"),
        (b'{"execute": "query-version"}\n{"return": []}', "has not the form that QEMU gives it"),
    ],
)
def test_an_unreadable_recording_is_2(run: Run, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "bad.replies"
    if content is not None:
        path.write_bytes(content)
    ended = run("supports", "--replies", path, "PIIX4_PM")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: ")
    assert complaint in ended.err


def test_an_error_that_nobody_foresaw_has_no_traceback(
    run: Run, replies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("prober.cli.supports.run_supports", fail)
    monkeypatch.delenv("PROBER_DEBUG", raising=False)
    ended = run("supports", "--replies", replies, "PIIX4_PM")
    assert ended.code == 5
    assert ended.err.startswith("prober: an error that was not foreseen: ZeroDivisionError: by nought\nhint: ")


def test_an_interrupt_is_130(run: Run, replies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("prober.cli.supports.run_supports", interrupt)
    ended = run("supports", "--replies", replies, "PIIX4_PM")
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_every_error_has_an_exit_code_that_is_no_answer() -> None:
    """1 and 4 are answers of ``supports``: no failure may look like one."""
    classes = [
        value for value in vars(prober.errors).values() if isinstance(value, type) and issubclass(value, ProberError)
    ]
    assert len(classes) > 10
    for cls in classes:
        error = cls.__new__(cls)
        assert exit_code(error) in (2, 3, 5), cls
    assert exit_code(UsageError("x")) == exit_code(RecordingError("x")) == 2
    assert exit_code(ExitedError("x", returncode=1)) == 5


@pytest.mark.parametrize("options", [["--show"], ["--show", "--json"]])
def test_a_full_disk_is_told_of(options: list[str]) -> None:
    command = [sys.executable, "-c", START, "config", "--config", os.devnull, *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "prober: cannot write the answer: No space left on device\n")


def test_an_answer_that_has_nowhere_to_go_is_told_of() -> None:
    line = 'exec "$0" -c "$1" config --show --config /dev/null >&-'
    done = subprocess.run(["sh", "-c", line, sys.executable, START], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "prober: cannot write the answer: stdout is closed\n")


def test_a_name_that_is_nothing_here_is_told_so(run: Run, replies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.cli.choosing.DEFAULT_SOCKETS", (Path("here.sock"),))
    ended = run("diff", replies, "nope")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: there is no file 'nope' here, and no service that")


@pytest.mark.parametrize("size", [30_000_000, 2_000_000])
@pytest.mark.parametrize("command", ["translate", "check", "diff"])
def test_a_domain_that_is_too_large_is_told_with_its_size_and_the_limit(
    run: Run, replies: Path, tmp_path: Path, command: str, size: int
) -> None:
    path = tmp_path / "vm.xml"
    path.write_bytes(b" " * size)
    words = {
        "translate": ["--replies", replies, path],
        "check": [path, "--against", replies],
        "diff": [replies, replies, "--for", path],
    }
    ended = run(command, *words[command])
    assert (ended.code, ended.out) == (2, "")
    assert f" {size} bytes, more than the 1048576 that are read\nhint: " in ended.err
    assert str(path) in ended.err


def test_settings_that_are_not_there_are_told_so(run: Run) -> None:
    ended = run("serve", "--config", "/nonexistent")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == (
        "prober: /nonexistent: cannot read the settings: No such file or directory\n"
        "hint: name one that is there with --config\n"
    )


def test_what_an_encoding_has_no_word_for_is_an_escape() -> None:
    command = [sys.executable, "-c", START, "config", "--config", os.devnull]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PROBER_GROUP": "größe"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gr\\xf6\\xdfe" in done.stdout


def test_a_reader_that_goes_away_ends_the_command_quietly(replies: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [
                sys.executable,
                "-c",
                "from prober.cli.main import main; main()",
                "supports",
                "--replies",
                str(replies),
                "X",
            ],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_asking_the_service_imports_nothing_heavy() -> None:
    """The whole process has 150 ms; each of these would take a good part of it."""
    script = (
        "import sys; from prober.cli.start import start\n"
        "sys.argv = ['prober', 'supports', '--socket', '/nowhere/prober.sock', 'PIIX4_PM']\n"
        "try: start()\n"
        "except SystemExit as end: assert end.code == 5, end.code\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"prober.service.client", "prober.cli.supporting"} <= set(loaded)
    heavy = {"typer", "inspect", "pydantic", "fastapi", "uvicorn", "lxml", "rich", "qemu", "asyncio", "http.client"}
    assert heavy & set(loaded) == set()


def test_having_a_domain_translated_by_the_service_imports_no_model(tmp_path: Path) -> None:
    """Its JSON is printed as it comes; models would take twice as long as all else."""
    domain = tmp_path / "vm.xml"
    domain.write_text("<domain/>")
    script = (
        "import sys; from prober.cli.start import start\n"
        f"sys.argv = ['prober', 'translate', '--socket', '/nowhere/prober.sock', {str(domain)!r}]\n"
        "try: start()\n"
        "except SystemExit as end: assert end.code == 5, end.code\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"prober.service.client", "prober.cli.translate", "typer"} <= set(loaded)
    assert {"pydantic", "lxml", "rich", "asyncio"} & set(loaded) == set()


def test_the_service_is_ready_before_its_translator_is_loaded() -> None:
    """The start has 0.6 s; the pipeline takes half as long, and what only describes the routes a quarter.  What asks
    a QEMU, derives and compares is imported by the processes that do."""
    script = "import sys; import prober.cli.serve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"httptools", "prober.service.server", "prober.capabilities.catalog"} <= set(loaded)
    late = {"prober.translate.pipeline", "prober.service.answers", "prober.service.openapi"}
    late |= {"prober.qemu.process", "prober.qemu.box.model", "prober.capabilities.derive", "prober.capabilities.diff"}
    assert not {"prober.domain", "prober.commandline.check", "lxml", "fastapi", "uvicorn", "rich", *late} & set(loaded)


def test_commands_are_imported_when_they_are_called() -> None:
    """The modules of the declarations import no command at their top, and of floors below only the rows and
    what a recording is called."""
    imported = {
        node.module
        for name in ("main", "commands", "options")
        for node in ast.parse((CHECKOUT / f"prober/cli/{name}.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prober")
    }
    assert imported == {
        "prober",
        "prober.cli",
        "prober.cli.commands",
        "prober.cli.overview",
        "prober.cli.running",
        "prober.qemu.bundled",
        "prober.service",
        "prober.service.routes",
    }
    assert main_module.app.info.name == "prober"
