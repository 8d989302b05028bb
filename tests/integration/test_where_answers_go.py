"""Every command ends as it should where its answer cannot be written: a full disk, a closed stdout, a lost reader."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest

from prober.cli.commands import COMMANDS, FLEET
from tests.conftest import CHECKOUT
from tests.fakes.making import make_fake
from tests.integration.processes import PROBER, Ended, run_into, run_prober, start_service

DOMAIN = CHECKOUT / "fixtures" / "domains" / "example.xml"
REFUSED = CHECKOUT / "fixtures" / "domains" / "refused.xml"
SMALL, SOCKET, FAKE, STORE = "{small}", "{socket}", "{fake}", "{store}"
#: A file that is not there, another one each time.
FRESH = "{fresh}"

#: A command of QMP; the braces are those of a text that places are put into.
PLUGGED = '{{"execute": "device_add", "arguments": {{"driver": "nonsense", "id": "n"}}}}'

#: How each command is called so that it answers; what has its words for people on stderr alone, or none that end, tells
#: its help.
CALLS: dict[str, list[object]] = {
    "serve": ["--help"],
    "serve-prover": ["--help"],
    "agent": ["--help"],
    "config": ["--config", os.devnull],
    "doctor": ["--socket", SOCKET, "--verbose"],
    "metrics": ["--socket", SOCKET],
    "probe": [FAKE],
    "record": [FAKE, "-o", "-"],
    "show": ["--replies", SMALL, "types"],
    "explain": ["--replies", SMALL, "e1000"],
    "diff": [SMALL, SMALL],
    "domcapabilities": ["--socket", SOCKET],
    "labels": ["--replies", SMALL, "-o", "-"],
    "supports": ["--replies", SMALL, "e1000"],
    "watch": ["--socket", SOCKET, "--past", "--count", "1"],
    "translate": ["--socket", SOCKET, DOMAIN],
    "check-argv": ["--replies", SMALL, "--", "qemu", "-device", "nonsense"],
    "prove": ["--binary", FAKE, "--", "qemu", "-device", "nonsense"],
    "plug": ["--binary", FAKE, "--qmp", PLUGGED, "--", "qemu", "-device", "nonsense"],
    "migrate": ["--from", FAKE, "--to", FAKE, "--", "qemu", "-device", "nonsense"],
    "upgrade": [DOMAIN, "--from", FAKE, "--to", FAKE],
    "state": ["--help"],
    "preflight": ["--socket", SOCKET, DOMAIN],
    "check": [DOMAIN, "--against", SMALL],
    "report": [DOMAIN, "--against", SMALL, "-o", "-"],
    "ui": ["--help"],
    "fleet": ["--help"],
    "init": ["--store", STORE],
    "key": ["node1", "-o", FRESH],
    "import": ["--store", STORE, "--name", "again", SMALL],
    "can": ["--store", STORE, REFUSED],
    "why": ["qemu-system-x86_64: -device e1000,x=1: Property 'e1000.x' not found"],
    "fleet why": ["--store", STORE, REFUSED, "small"],
    "targets": ["--help"],
    "fleet upgrade": ["--store", STORE, "--from", "9.8.7", "--to", "9.8.7", DOMAIN],
    "baseline": ["--store", STORE],
    "fleet supports": ["--store", STORE, "e1000"],
    "drift": ["--store", STORE],
    "hosts": ["--store", STORE],
    "builds": ["--store", STORE],
    "fleet watch": ["--help"],
    "fleet serve": ["--help"],
}
NAMES = [row.name for row in COMMANDS] + [
    row.name if row.name not in {top.name for top in COMMANDS} else f"fleet {row.name}" for row in FLEET
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A small QEMU that is none, its recording, a fleet of one host, and a service of a recording."""
    place = tmp_path_factory.mktemp("answers")
    fake = make_fake(place, "good")
    small, store = place / "small.replies", f"sqlite:{place / 'fleet.db'}"
    assert run_prober("record", fake, "-o", small).code == 0
    assert run_prober("fleet", "import", "--store", store, small).code == 0
    stand_in = CHECKOUT / "fixtures" / "replies" / "qemu-10.0.13.replies.xz"
    socket = place / "prober.sock"
    with start_service(socket, "--directory", place / "none", "--fallback-replies", stand_in):
        yield {"small": str(small), "fake": str(fake), "store": store, "socket": str(socket)}


def _words(name: str, places: dict[str, str]) -> list[str]:
    group = [] if name in {row.name for row in COMMANDS} else ["fleet"]
    fresh = Path(places["small"]).with_name(f"{uuid4().hex}.seed")
    return [*group, name.removeprefix("fleet "), *(str(word).format(**places, fresh=fresh) for word in CALLS[name])]


def test_every_command_is_called() -> None:
    assert sorted(CALLS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_cannot_be_written_is_told_in_a_line(name: str, places: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        _assert_told(run_into(full, *_words(name, places)), "No space left on device")
    _assert_told(run_into(None, *_words(name, places)), "stdout is closed")
    with _pipe_that_nobody_reads() as pipe:
        gone = run_into(pipe, *_words(name, places))
    assert gone.code == 141
    assert "prober: cannot" not in gone.err


def _assert_told(ended: Ended, reason: str) -> None:
    assert ended.code == 5
    # One command tells before what it has done.
    said = [line for line in ended.err.splitlines() if line.startswith(("prober: cannot", "hint:"))]
    assert said == [f"prober: cannot write the answer: {reason}"]


def _pipe_that_nobody_reads() -> IO[bytes]:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "wb")


@pytest.mark.parametrize("name", ["record", "labels", "metrics"])
def test_a_device_is_written_to_and_not_replaced(name: str, places: dict[str, str], tmp_path: Path) -> None:
    device = tmp_path / "full.prom"
    device.symlink_to("/dev/full")
    words = {
        "record": [places["fake"], "-o", device],
        "labels": ["--replies", places["small"], "-o", device],
        "metrics": ["--socket", places["socket"], "--textfile", device],
    }
    ended = run_prober(name, *words[name])
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == f"prober: cannot write {device}: No space left on device\n"
    assert device.is_symlink()
    assert stat.S_ISCHR(device.stat().st_mode)


def test_a_recording_on_stdout_is_the_one_of_a_file(places: dict[str, str]) -> None:
    ended = run_prober("record", places["fake"], "-o", "-")
    assert (ended.code, ended.out) == (0, Path(places["small"]).read_text())
    assert ended.err.startswith("<stdout>: ")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_does_not_fit_into_a_pipe_is_not_forgotten(places: dict[str, str], unbuffered: str) -> None:
    """Python by itself ends with 0 where it does not buffer and the reader goes in the middle of a long answer."""
    show = f"{PROBER} show --socket {places['socket']} command blockdev-add --json"
    line = f"{show} | head -c 10 >/dev/null; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (141, "")


def test_without_stdin_there_is_no_domain(places: dict[str, str]) -> None:
    line = f"{PROBER} translate --replies {places['small']} - <&-"
    ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("prober: <stdin>")
