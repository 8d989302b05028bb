"""What the tests need of the distribution: one list, seen to be true, installed when asked for, and missed aloud."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.not_run import skips_fail
from tests.recordings import ROOT
from tools.needs import Need, find_missing, needs, read_needs

#: A test that needs systemd, and nothing else that takes time.
_ONE = "tests/integration/test_service.py::test_units_are_verified"


def run_here(words: list[str], path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with a PATH of one directory."""
    kept = {name: text for name, text in os.environ.items() if name not in ("CI", "PROBER_NO_SKIP")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**kept, "PATH": str(path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def write_program(directory: Path, name: str, script: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_each_need_is_named_by_a_test_and_each_name_is_a_need() -> None:
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name)
    marked = re.findall(r'\b(?:mark\.needs|skip_without)\("(\w+)"\)', text)
    fetched = re.findall(r'\bfind_in_package\("\w+", [^,]+, "(\w+)"', text)
    assert {*marked, *fetched} == set(needs())


def test_the_programs_of_a_package_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    both = Need("some-package", "nothing", commands=("first", "second"))
    assert find_missing([both]) == [both]
    write_program(tmp_path, "first", "")
    assert find_missing([both]) == [both]
    write_program(tmp_path, "second", "")
    assert find_missing([both]) == []


def test_apt_is_asked_for_what_is_only_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    first, second, third = (Need(f"package-of-this-test-{number}", "nothing", known=True) for number in range(3))
    assert not first.is_there()
    write_program(tmp_path, "apt-cache", "echo 'N: No packages found' >&2")
    assert not second.is_there()
    write_program(tmp_path, "apt-cache", 'echo "Package: $2"')
    assert third.is_there()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[a]\nfor = "x"\ncommands = ["x"]', KeyError),
        ('[a]\npackage = "a"\nfor = "x"', ValueError),
        ('[a]\npackage = "a"\nfor = "x"\ncommands = ["x"]\nknown = true', ValueError),
        ('[a]\npackage = "a"\nfor = "x"\ncomands = ["x"]', ValueError),
    ],
)
def test_a_list_that_is_wrong_is_not_taken(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_needs(text)


def test_what_will_be_installed_is_said_first(tmp_path: Path) -> None:
    write_program(tmp_path, "sudo", 'exec "$@"')
    write_program(tmp_path, "env", 'shift; exec "$@"')
    write_program(tmp_path, "apt-cache", 'echo "Package: $2"')
    write_program(tmp_path, "apt-get", f'echo "apt-get $*"; [ "$2" = update ] || echo > {tmp_path}/curl')
    ended = run_here(["-m", "tools.needs", "curl"], tmp_path)
    said, _, done = ended.stdout.partition("\n+ ")
    assert said.startswith("The tests need this of the distribution, and it is not there:\n  curl ")
    assert "apt-get" not in said
    assert "apt-get --quiet update" in done
    assert "apt-get --quiet --yes --no-install-recommends install curl" in done
    # An empty file that cannot be run is no curl.
    assert ended.returncode != 0
    assert "still missing: curl" in done


def test_what_is_there_is_named(tmp_path: Path) -> None:
    write_program(tmp_path, "curl", "exit 0")
    ended = run_here(["-m", "tools.needs", "curl"], tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "curl is there.\n")


def test_who_may_not_install_is_told(tmp_path: Path) -> None:
    ended = run_here(["-m", "tools.needs"], tmp_path)
    assert ended.returncode != 0
    assert ended.stdout.rstrip().endswith("Here is no apt-get, which would install it.")
    # `make test` goes on without a word: the tests say in the end what they went without.
    ended = run_here(["-m", "tools.needs", "--if-root"], tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.slow
def test_what_is_not_run_is_told_at_the_end(tmp_path: Path) -> None:
    ended = run_here(["-m", "pytest", _ONE], tmp_path)
    assert ended.returncode == 0
    counted, *rest = ended.stdout.splitlines()[-4:]
    assert "1 skipped" in counted
    assert rest == [
        "Not run here:",
        f"      1  systemd is not installed: {needs()['systemd'].purpose}",
        "`make deps`, as root or by sudo, brings the packages that are missing.",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("CI", "true", True), ("CI", "", False), ("PROBER_NO_SKIP", "1", True), ("PROBER_NO_SKIP", "0", False)],
)
def test_who_takes_a_skip_for_an_error(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: bool
) -> None:
    for name in ("CI", "PROBER_NO_SKIP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert skips_fail() is expected


@pytest.mark.slow
def test_what_is_not_run_is_an_error_in_ci(tmp_path: Path) -> None:
    ended = run_here(["-m", "pytest", _ONE], tmp_path, CI="true")
    assert ended.returncode == 1
    assert "a test may not skip here" in ended.stdout
    assert "Not run here" not in ended.stdout
