"""``make conformance``: libvirt's domains through the translator, and how far the two agree.

``--architecture aarch64`` (riscv64, loongarch64) judges libvirt's cases of that one.
``python -m tests.conformance --pairs DIR --replies DIR --firmware DIR [--json FILE]`` does it for any directory of
that form.  The exit code is 1 where a command line differs, unless ``deviations.toml`` has the
reason why.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.conformance.suite import OTHERS, Case, Verdict, collection_of, find_cases, judge, suite_host
from tests.recordings import LIBVIRT


def main() -> None:
    """Judge all cases and print.

    :raise SystemExit: with 1 where something differs, 2 where there are no cases.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--pairs", type=Path, default=LIBVIRT / "pairs", help="domains beside .args and .err files")
    parser.add_argument("--replies", type=Path, default=LIBVIRT / "replies", help="recordings, qemu-VERSION.replies.xz")
    parser.add_argument("--firmware", type=Path, default=LIBVIRT / "firmware", help="the root of firmware descriptors")
    parser.add_argument("--json", type=Path, help="write every verdict into this file, too")
    parser.add_argument("--only", default="*", help="only cases whose name fits this pattern")
    parser.add_argument("--refusals", action="store_true", help="print every refusal, case by case")
    parser.add_argument("--architecture", choices=OTHERS, help="the cases of this one, in place of x86's")
    told = parser.parse_args()
    if told.architecture is not None:
        other = collection_of(told.architecture)
        told.pairs, told.replies = other.pairs, other.replies
    cases = [case for case in find_cases(told.pairs) if fnmatch.fnmatch(case.name, told.only)]
    if not cases:
        sys.stderr.write(f"no cases in {told.pairs}\n")
        raise SystemExit(2)
    host = suite_host(told.firmware)
    verdicts = [judge(case, told.replies, host) for case in cases]
    sys.stdout.write("\n".join(report(verdicts, refusals=told.refusals)) + "\n")
    if told.json is not None:
        told.json.write_text(json.dumps([as_json(verdict) for verdict in verdicts], indent=1) + "\n")
    raise SystemExit(1 if any(verdict.kind == "different" and not verdict.reason for verdict in verdicts) else 0)


def report(verdicts: Iterable[Verdict], *, refusals: bool = False) -> list[str]:
    """One line of numbers; then the refused by element, the errors that were not refused, the differing."""
    verdicts = list(verdicts)
    built = [verdict for verdict in verdicts if verdict.case.kind == "args"]
    errors = [verdict for verdict in verdicts if verdict.case.kind == "err"]
    counts = Counter(verdict.kind for verdict in built)
    numbers = ", ".join(f"{counts[kind]} {kind}" for kind in ("identical", "reordered", "refused", "different"))
    refused = [verdict for verdict in errors if verdict.kind == "refused"]
    lines = [f"{numbers} of {len(built)}; {len(refused)} of {len(errors)} errors refused"]
    groups: dict[str, list[Case]] = {}
    for verdict in built:
        for group in verdict.groups:
            groups.setdefault(group, []).append(verdict.case)
    if groups:
        lines += ["", "refused, by what it is about:"]
    for group, cases in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        names = " ".join(str(case) for case in cases[:4])
        lines.append(f"  {len(cases):4} {group}: {names}{' …' if len(cases) > 4 else ''}")
    if refusals:
        for verdict in built:
            if verdict.kind == "refused":
                lines += ["", f"{verdict.case}:", *(f"  {note}" for note in verdict.notes)]
    accepted = [str(verdict.case) for verdict in errors if verdict.kind == "accepted"]
    if accepted:
        lines += ["", "not refused, though libvirt does:", *(f"  {name}" for name in accepted)]
    for verdict in built:
        if verdict.kind == "different":
            why = [f"  this is no fault: {verdict.reason}"] if verdict.reason else []
            lines += ["", f"different: {verdict.case}", *why, *(f"  {note}" for note in verdict.notes)]
    return lines


def as_json(verdict: Verdict) -> dict[str, object]:
    """A verdict for other programs."""
    case = verdict.case
    return {
        "name": case.name,
        "version": case.version,
        "expected": case.kind,
        "verdict": verdict.kind,
        "notes": list(verdict.notes),
    }


if __name__ == "__main__":
    main()
