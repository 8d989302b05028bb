"""A test whose service held its event loop is run once more, from its fixtures on; any other is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.recordings import ROOT

pytestmark = pytest.mark.slow

_CONFTEST = """
import pytest
from tests.measured_twice import MeasuredTwice

def pytest_configure(config):
    config.pluginmanager.register(MeasuredTwice())
"""

#: A test that appends a line to a file when it is set up, when it is run and when it is torn down.
_TEST = """
from pathlib import Path
import pytest
from tests.measured_twice import HeldLoop

def note(line):
    with Path(__file__).with_name("noted").open("a") as file:
        print(line, file=file)
    return Path(__file__).with_name("noted").read_text().count(line)

@pytest.fixture
def fixture():
    note("made")
    yield
    if {in_fixture} and note("fixture fails") <= {times}:
        raise {error}("12.8 ms: one callback")

def test_one(fixture):
    note("run")
    if not {in_fixture} and note("test fails") <= {times}:
        raise {error}("12.8 ms: one callback")
"""


def _run(directory: Path, *, times: int, error: str = "HeldLoop", in_fixture: bool = False) -> tuple[int, str, str]:
    """The exit status, what was printed, and what the tests noted."""
    (directory / "conftest.py").write_text(_CONFTEST)
    (directory / "test_one.py").write_text(_TEST.format(times=times, error=error, in_fixture=in_fixture))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:schemathesis",
            "-c",
            "/dev/null",
            directory,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, (directory / "noted").read_text()


@pytest.mark.parametrize("in_fixture", [False, True])
def test_once_is_not_believed_and_told(tmp_path: Path, in_fixture: bool) -> None:
    status, printed, noted = _run(tmp_path, times=1, in_fixture=in_fixture)
    assert status == 0, printed
    assert noted.count("made") == noted.count("run") == 2
    assert "run again" in printed and "test_one.py::test_one: 12.8 ms: one callback" in printed
    assert "1 passed" in printed


@pytest.mark.parametrize("in_fixture", [False, True])
def test_twice_is_a_failure(tmp_path: Path, in_fixture: bool) -> None:
    status, printed, noted = _run(tmp_path, times=9, in_fixture=in_fixture)
    assert status == 1
    assert noted.count("made") == 2
    assert "HeldLoop: 12.8 ms: one callback" in printed


def test_what_fails_for_another_reason_fails_at_once(tmp_path: Path) -> None:
    status, printed, noted = _run(tmp_path, times=1, error="AssertionError")
    assert status == 1
    assert noted.count("made") == 1
    assert "run again" not in printed


def test_what_passes_runs_once(tmp_path: Path) -> None:
    status, printed, noted = _run(tmp_path, times=0)
    assert status == 0
    assert noted == "made\nrun\ntest fails\n"
    assert "run again" not in printed
