"""Completion as it is used: real shells on a terminal, and somebody who presses Tab."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.unit.cli.completion.test_candidates import OLD

pytestmark = pytest.mark.slow

#: A key may take so long on a host that is busy with other tests (seconds).
PATIENCE = 90

_COMMAND = """#!{python}
import sys
sys.path.insert(0, {checkout!r})
from prober.cli.start import start
start()
"""


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    """A directory with the command, the scripts and a file."""
    command = tmp_path / "bin" / "prober"
    command.parent.mkdir()
    command.write_text(_COMMAND.format(python=sys.executable, checkout=str(CHECKOUT)))
    command.chmod(0o755)
    shutil.copy(CHECKOUT / "packaging/completion/prober.zsh", tmp_path / "_prober")
    (tmp_path / "my guest.xml").write_text("")
    shutil.copy(OLD, tmp_path / "old.replies.xz")
    return tmp_path


class Terminal:
    """A shell on a terminal."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.seen = ""

    def types(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def shows(self, pattern: str) -> None:
        """Wait until this is on the screen, in what came since the last call."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern} is not in {self.seen!r}"
            if select.select([self._master], [], [], left)[0]:
                self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x07]", "", os.read(self._master, 65536).decode())
        self.seen = self.seen[found.end() :]


@contextmanager
def _shell(words: list[str], home: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    environment = {"PATH": f"{home}/bin:/usr/bin:/bin", "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, cwd=home, env=environment, start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _try(terminal: Terminal) -> None:
    """What holds in either shell."""
    terminal.types("prober supports --replies old.replies.xz PIIX4\t")
    terminal.shows(r"PIIX4_PM")
    terminal.types(".acpi-r\t")
    terminal.shows(r"acpi-root-pci-hotplug")
    terminal.types("\x15prober expl\t")
    terminal.shows(r"explain ")
    terminal.types("--replies qemu-7\t")
    terminal.shows(r"qemu-7\.2\.22")
    terminal.types(" pc-q35-7.\t")
    terminal.shows(r"pc-q35-7\.0.*pc-q35-7\.1.*pc-q35-7\.2")
    terminal.types("\x15prober supports --replies=qemu-5\t")
    terminal.shows(r"qemu-5\.2\.0")
    terminal.types("\x15prober translate my\t")
    terminal.shows(r"my\\ guest\.xml")
    assert "Traceback" not in terminal.seen


def test_bash(home: Path) -> None:
    with _shell(["bash", "--norc", "--noprofile", "-i"], home) as terminal:
        terminal.types("PS1='ready> '; bind 'set show-all-if-ambiguous on' 'set bell-style none'\n")
        terminal.types(f"source {CHECKOUT}/packaging/completion/prober.bash; echo lo''aded\n")
        terminal.shows("loaded")
        _try(terminal)


@pytest.mark.needs("zsh")
def test_zsh(home: Path) -> None:
    with _shell(["zsh", "-f", "-i"], home) as terminal:
        terminal.types(f"PS1='ready> '; fpath=({home} $fpath); autoload -Uz compinit; compinit -u -D; echo lo''aded\n")
        terminal.shows("loaded")
        _try(terminal)


def test_the_shells_read_the_scripts() -> None:
    subprocess.run(["bash", "-n", CHECKOUT / "packaging/completion/prober.bash"], check=True)


@pytest.mark.parametrize(
    "line", ["prober supports --replies /nonexistent x", "prober \udcff", "prober 'a", "prober fleet can "]
)
def test_nothing_is_said_but_words(line: str, home: Path) -> None:
    asked = subprocess.run(
        [home / "bin/prober", line.encode("utf-8", "surrogateescape")],
        env={"_PROBER_COMPLETE": "line", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (asked.returncode, asked.stderr) == (0, b"")


def test_a_tab_costs_no_more_than_some_starts_of_python(home: Path) -> None:
    """Half a second is some 30 starts of Python; in processor time, as others use the machine."""
    words = [home / "bin/prober", f"prober supports --replies {OLD} PIIX4_PM.a"]
    ratios = []
    for _ in range(3):
        bare = _cpu_of([sys.executable, "-c", "pass"], {})
        ratios.append(_cpu_of(words, {"_PROBER_COMPLETE": "line"}) / bare)
    assert min(ratios) < 20, ratios


def _cpu_of(words: list[object], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # To the microsecond, and os.times to the hundredth.
    subprocess.run([str(word) for word in words], env={**environment, "PATH": "/usr/bin:/bin"}, check=True, stdout=-3)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
