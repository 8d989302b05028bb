"""Command lines, and all that the rules find of each; of a sound one, nothing.

The lines stand in ``lines``, in a file for each file of rules.  A line has the version that it is for before it, with
the target where that is not x86_64, and what is found of it below, as ``RULE WORD PART: MESSAGE (HINT)``, the kind
before it where it is no error.
``PROBER_REWRITE_CASES=1`` writes what is found anew: read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.refusal import Finding, Kind, Position
from prober.commandline.rules.table import check_rules
from tests.recordings import FIXTURES, load_capabilities

REWRITE = os.environ.get("PROBER_REWRITE_CASES") == "1"
FILES = sorted((Path(__file__).parent / "lines").glob("*.txt"))
CAPS = {
    version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    for version in ("5.2.0", "7.2.22", "10.0.13", "11.1.2")
}

#: All that lines are for: of x86_64 each version, and of the other targets one.
ALL_CAPS = CAPS | {
    name: load_capabilities(FIXTURES / f"qemu-{name}.replies.xz")
    for name in ("aarch64-7.2.22", "loongarch64-7.2.22", "riscv64-7.2.22")
}
HEAD = re.compile(r"\[([\w.-]+)\] (.*)")


class Case(NamedTuple):
    file: str
    version: str
    line: str
    found: tuple[str, ...]

    def __str__(self) -> str:
        # Letters beyond ASCII would have a backslash in the test's name, by which mutmut does not find it again.
        return f"{self.version} {self.line}".encode("ascii", "replace").decode()


def read(path: Path) -> list[Case]:
    cases: list[Case] = []
    for text in path.read_text().splitlines():
        head = HEAD.fullmatch(text)
        if head is not None:
            cases.append(Case(path.stem, head[1], head[2], ()))
        else:
            cases[-1] = cases[-1]._replace(found=(*cases[-1].found, text.strip()))
    return cases


def found(case: Case) -> tuple[str, ...]:
    """What the rules find."""
    options = parse_command_line(["qemu", *split_shell(case.line)]).options
    return tuple(map(shown, check_rules(Line.of(options, ALL_CAPS[case.version]))))


def shown(finding: Finding) -> str:
    assert isinstance(finding.place, Position)
    hint = f" ({finding.hint})" if finding.hint else ""
    kind = "" if finding.kind is Kind.error else f"{finding.kind}: "
    return f"{kind}{finding.rule} {finding.place.word} {finding.part}: {finding.message}{hint}"


CASES = [case for path in FILES for case in read(path)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rules_find_this_and_no_more(case: Case) -> None:
    assert found(case) == case.found


def test_what_is_found_is_written_anew_where_it_is_asked_for() -> None:
    for path in FILES if REWRITE else ():
        cases = [case._replace(found=found(case)) for case in read(path)]
        path.write_text("".join(f"[{one.version}] {one.line}\n" + "".join(f"    {it}\n" for it in one.found)
                                for one in cases))  # fmt: skip
