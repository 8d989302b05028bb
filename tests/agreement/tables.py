"""``make compare``: the check held against tables of lines that real QEMUs have judged, a line for each version.

A table is JSON: a command line without the binary, then for each version its ``verdict`` (``accepted``, ``refused`` or
``crashed N``) and what the QEMU ``says``.  Ours (``tests/lines/judged.json``) is written anew with ``--judge``, by all
QEMUs at hand: it has both lines of every rule, and sound lines and spoilt ones of ``make agreement``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, TypedDict

from prober.capabilities.capabilities import Capabilities
from prober.commandline.parse import split_shell
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvReport, check_argv
from prober.commandline.rules.table import RULES
from prober.errors import ProberError
from prober.qemu.files import read_recording
from prober.qemu.interview import interview
from tests.agreement.compare import judge, variants_of
from tests.agreement.places import places
from tests.conftest import CHECKOUT, QemuPlace

TABLE = CHECKOUT / "tests" / "lines" / "judged.json"
RECORDINGS = CHECKOUT / "fixtures" / "replies"

#: How many spoilt lines and variants of sound ones of each QEMU stand in our table.
_VARIANTS = 120

#: How many of the last lines of what a QEMU says are kept, and how much of each.
_LINES, _LETTERS = 1, 160

_OUTCOMES = ("agree", "false refusal", "false acceptance", "unknown, taken", "unknown, refused")


class Verdict(TypedDict):
    """What one QEMU made of one line."""

    verdict: str
    says: list[str]


Judged: TypeAlias = dict[str, dict[str, Verdict]]


def outcome_of(report: ArgvReport | None, taken: bool) -> str:
    """One of :data:`_OUTCOMES`; without a report the words could not even be read, which is a refusal."""
    kinds = {Kind.error} if report is None else {finding.kind for finding in report.findings}
    if Kind.error in kinds:
        return "false refusal" if taken else "agree"
    if Kind.unknown in kinds:
        return "unknown, taken" if taken else "unknown, refused"
    return "agree" if taken else "false acceptance"


def compare_table(table: Judged, caps: Mapping[str, Capabilities]) -> tuple[dict[str, Counter[str]], list[str]]:
    """For each version how often there was which outcome, and all lines on which the check is not QEMU's opinion."""
    counts: dict[str, Counter[str]] = {version: Counter() for version in caps}
    others: list[str] = []
    for line, verdicts in table.items():
        for version, verdict in verdicts.items():
            if version not in caps:
                continue
            try:
                report = check_argv(["qemu-system-x86_64", *split_shell(line)], caps[version])
            except ProberError:
                report = None
            taken = verdict["verdict"] == "accepted"
            outcome = outcome_of(report, taken)
            counts[version][outcome] += 1
            counts[version]["refusals"] += not taken
            if outcome != "agree":
                found = [] if report is None else [f"{one.kind}: {one.message}" for one in report.findings]
                others.append(f"{outcome} | {version} | {line} | {' / '.join(verdict['says'])} | {'; '.join(found)}")
    return counts, others


def text_of(counts: Mapping[str, Counter[str]]) -> str:
    """A line for each version: lines, each outcome, and the share of QEMU's refusals that the check takes."""
    rows = [f"{'QEMU':<10}{'lines':>8}" + "".join(f"{name:>18}" for name in _OUTCOMES) + f"{'refusals missed':>18}"]
    for version, count in counts.items():
        lines, refusals = sum(count[name] for name in _OUTCOMES), count["refusals"]
        missed = f"{100 * count['false acceptance'] / refusals:.1f} %" if refusals else "-"
        rows.append(f"{version:<10}{lines:>8}" + "".join(f"{count[name]:>18}" for name in _OUTCOMES) + f"{missed:>18}")
    return "\n".join(rows)


async def judge_lines(place: QemuPlace, lines: Iterable[str]) -> dict[str, Verdict]:
    """What one QEMU makes of each line, as many side by side as there are CPUs."""
    waiting, found = iter(lines), dict[str, Verdict]()

    async def work() -> None:
        for line in waiting:
            taken, words = await judge(place, tuple(split_shell(line)))
            says = [text[:_LETTERS] for text in words.splitlines()[-_LINES:]]
            found[line] = Verdict(verdict="accepted" if taken else "refused", says=says)

    await asyncio.gather(*(work() for _ in range(len(os.sched_getaffinity(0)))))
    return found


async def make_table() -> Judged:
    """Our own table, by all QEMUs at hand."""
    table: Judged = {}
    for place in places():
        caps = Capabilities.from_recording((await interview(place.binary, root=place.root)).recording)
        lines = [line for rule in RULES for line in (rule.wrong, rule.right) if "{" not in line]
        lines += [shlex.join(variant.words) for variant in variants_of(caps, _VARIANTS)]
        for line, verdict in (await judge_lines(place, dict.fromkeys(lines))).items():
            table.setdefault(line, {})[str(caps.version)] = verdict
    return dict(sorted(table.items()))


async def recorded() -> dict[str, Capabilities]:
    """What the bundled recordings say, by version, the oldest first."""
    every = [
        Capabilities.from_recording(await read_recording(path)) for path in RECORDINGS.glob("qemu-[0-9]*.replies.xz")
    ]
    return {str(one.version): one for one in sorted(every, key=lambda one: one.version.numbers)}


def main() -> None:
    """Print what the tables say; the exit code is 1 where the check refuses what a QEMU took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path, metavar="TABLE", default=[TABLE], help="default: our own")
    parser.add_argument("-v", "--verbose", action="store_true", help="list all on which the check is wrong")
    parser.add_argument("--judge", action="store_true", help="write our own table anew first (see `make roots`)")
    options = parser.parse_args()
    if options.judge:
        TABLE.write_text(json.dumps(asyncio.run(make_table()), indent=1) + "\n", "utf-8")
    caps, refused = asyncio.run(recorded()), 0
    for path in options.tables:
        counts, others = compare_table(json.loads(path.read_text("utf-8")), caps)
        sys.stdout.write("\n".join([f"{path}:", text_of(counts), *(others if options.verbose else []), ""]) + "\n")
        refused += sum(count["false refusal"] for count in counts.values())
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
