"""The README and the documents work as they are written: commands run, end as shown, and print what is shown.

``$ `` begins a command; what follows, up to the next, is what it prints, but for lines that continue a command.  A
line that ends in ``…`` stands for any line that begins so, and a line that is only ``…`` for any number of lines.
What differs from host to host and from run to run is not compared: versions, seconds, large numbers, KVM.

The README's are run once more on a host without a QEMU, where recordings answer: each ends as it is written, but for
those that start a QEMU.  Of what is printed the first line is compared, as it is of another QEMU.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, ROOTS
from tests.integration.processes import PATIENCE, start_service

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Versions and seconds, counts that depend on what modules are installed, and whether KVM can be used.
_VARYING = re.compile(r"\d+(?:\.\d+)+|\d{3,}|(?<=  )(?:yes|no|\d+)(?=  )")


@dataclass
class Command:
    """One command of the README, and the lines that are shown under it."""

    words: str
    shown: list[str] = field(default_factory=list)


def read_blocks(text: str) -> list[list[Command]]:
    """Each console block as its commands."""
    blocks = []
    for block in _BLOCK.findall(text):
        commands: list[Command] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append(Command(line.removeprefix("$ ")))
            elif commands[-1].words.endswith("\\"):
                commands[-1].words += f"\n{line}"
            else:
                commands[-1].shown.append(line)
        blocks.append(commands)
    return blocks


def marks_of(block: list[Command]) -> list[pytest.MarkDecorator]:
    """What the commands of a block take."""
    marks = [pytest.mark.needs("curl")] if any(command.words.startswith("curl ") for command in block) else []
    return [*marks, pytest.mark.roots] if any(".roots/" in command.words for command in block) else marks


README = CHECKOUT / "README.md"
DOCUMENTS = [README, CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
README_BLOCKS = read_blocks(README.read_text())
BLOCKS = [
    pytest.param(
        block,
        marks=marks_of(block),
        id=block[0].words[:60],
    )
    for document in DOCUMENTS
    for block in read_blocks(document.read_text())
]


#: What stands for the QEMU of the host, and what asks it and not the service: there is nothing to start without one.
_QEMU = "/usr/bin/qemu-system-x86_64"
_STARTS = re.compile(rf"prober (?:probe|prove|plug|migrate)\b[^|]* {_QEMU}")


def is_as_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether what was printed is what is shown."""
    pattern = ""
    for line in shown:
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            start = _VARYING.sub("N", line.removesuffix("…"))
            # Columns are as wide as their widest cell, so their distance is not compared either.
            pattern += r" +".join(map(re.escape, re.split(" +", start))) + (r".*" if line.endswith("…") else "") + r"\n"
    return re.fullmatch(pattern, _VARYING.sub("N", "\n".join([*printed, ""]))) is not None


@pytest.fixture(scope="module")
def terminal(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that looks like the checkout, with a service of its own on ``run/prober.sock``."""
    place = tmp_path_factory.mktemp("readme")
    for name in ("fixtures", ".venv"):
        (place / name).symlink_to(CHECKOUT / name)
    (place / ".roots").symlink_to(ROOTS)
    (place / "run").mkdir()
    with start_service(place / "run" / "prober.sock", "--directory", place, "--binary", qemu_binary):
        yield place


@pytest.fixture(scope="module")
def terminal_without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same on a host that has no QEMU, where recordings stand in, as `make run` has it."""
    place = tmp_path_factory.mktemp("readme")
    for name in ("fixtures", ".venv"):
        (place / name).symlink_to(CHECKOUT / name)
    (place / "run").mkdir()
    stand_ins = CHECKOUT / "fixtures" / "replies"
    with start_service(place / "run" / "prober.sock", "--directory", place, "--fallback-replies", stand_ins):
        yield place


def run_in_shell(words: str, status: int, place: Path) -> subprocess.CompletedProcess[str]:
    """Run one command in a directory, after one that ended with a status."""
    return subprocess.run(
        ["/bin/bash", "-c", f"(exit {status}); {words}"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": f"{CHECKOUT / '.venv/bin'}:{os.environ['PATH']}"},
    )


def test_there_is_something_to_test() -> None:
    commands = [command.words for block in read_blocks(README.read_text()) for command in block]
    for verb in ("supports", "translate", "probe", "show"):
        assert any(f"prober {verb}" in command for command in commands)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_works_as_written(block: list[Command], terminal: Path) -> None:
    status = 0
    for number, command in enumerate(block):
        ended = run_in_shell(command.words, status, terminal)
        status = ended.returncode
        assert is_as_shown(command.shown, ended.stdout.splitlines()), ended.stdout
        asked_for = number + 1 < len(block) and block[number + 1].words == "echo $?"
        assert asked_for or status == 0, command.words


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.values[0] in README_BLOCKS])
def test_a_block_works_as_written_without_a_qemu(block: list[Command], terminal_without: Path) -> None:
    status = 0
    for number, command in enumerate(block):
        ended = run_in_shell(command.words.replace(_QEMU, str(terminal_without / "qemu")), status, terminal_without)
        status = ended.returncode
        if _STARTS.search(command.words):
            assert (status, ended.stdout.count("No such file or directory")) == (5, 1), ended.stdout
            return
        first = [line for line in ended.stdout.splitlines() if " stands in for one: a recording" not in line][:1]
        assert is_as_shown(command.shown[:1], first), ended.stdout
        asked_for = number + 1 < len(block) and block[number + 1].words == "echo $?"
        assert asked_for or status == 0, command.words


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["a", "…"], ["a"], True),
        (["a…"], ["abc"], True),
        (["a"], ["abc"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        (["took 0.51 s, 7.2.22"], ["took 0.6 s, 7.2.19"], True),
        (["x  y"], ["x     y"], True),
        (["x.y"], ["xzy"], False),
        ([], [], True),
        ([], ["a"], False),
    ],
)
def test_the_comparison_can_fail(shown: list[str], printed: list[str], expected: bool) -> None:
    assert is_as_shown(shown, printed) is expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert links or document is not README
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_file_of_ours_that_is_named_is_there(document: Path) -> None:
    names = re.findall(r"`((?:prober|tools|packaging|fixtures)/[\w./-]+)`", document.read_text())
    # What is yet to be made has the name NAME.
    assert [name for name in names if "NAME" not in name and not (CHECKOUT / name).exists()] == []
