"""Change the rules of the check in one place at a time, and see whether a test notices: ``make mutants``.

mutmut makes the changes (below ``mutants/``) and runs the tests of the rules on each.  What no test notices is printed
as a diff, unless ``tests/mutants.toml`` says why nothing can notice it.  Fails below :data:`LEAST` of all others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parent.parent
EQUIVALENT = CHECKOUT / "tests" / "mutants.toml"

#: The least share that has to be noticed.
LEAST = 0.9

_NOTICED = ("killed", "timeout", "segfault", "caught by type check")


class Change(NamedTuple):
    """What a mutant changes: in which function (``numa._nodes``), the lines that were there, and those that are."""

    function: str
    was: tuple[str, ...]
    now: tuple[str, ...]


def main() -> int:
    """Run all that is not known yet, and print what comes of it."""
    known = {
        Change(item["function"], _lines(item["was"]), _lines(item["now"])): item["why"]
        for item in tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    }
    _mutmut("run", "--max-children", str(os.cpu_count() or 2))
    counts: Counter[tuple[str, str]] = Counter()
    unused = set(known)
    for name, outcome in _results():
        file = name.removeprefix("prober.commandline.rules.").partition(".")[0]
        if outcome in _NOTICED:
            counts[file, "noticed"] += 1
            continue
        change = _change(name)
        unused.discard(change)
        counts[file, "equivalent" if change in known else "unnoticed"] += 1
        if change not in known:
            print(f"{name}: {outcome}", *(f"  - {line}" for line in change.was), sep="\n")
            print(*(f"  + {line}" for line in change.now), sep="\n")
    return _report(counts, unused)


def _report(counts: Counter[tuple[str, str]], unused: set[Change]) -> int:
    print(f"{'rules':12} noticed unnoticed equivalent")
    for file in sorted({file for file, _ in counts}):
        numbers = (counts[file, kind] for kind in ("noticed", "unnoticed", "equivalent"))
        print(f"{file:12} {' '.join(f'{number:8}' for number in numbers)}")
    for change in sorted(unused):
        print(f"tests/mutants.toml: no such mutant of {change.function}, or it is noticed: {' '.join(change.was)}")
    noticed = sum(number for (_, kind), number in counts.items() if kind == "noticed")
    unnoticed = sum(number for (_, kind), number in counts.items() if kind == "unnoticed")
    share = noticed / max(1, noticed + unnoticed)
    print(f"{noticed} of {noticed + unnoticed} are noticed: {share:.1%}, at least {LEAST:.0%} have to be")
    return 0 if share >= LEAST and not unused else 1


def _results() -> list[tuple[str, str]]:
    """Each mutant and what became of it."""
    lines = _mutmut("results", "--all", "true", capture=True).splitlines()
    pairs = (line.strip().rpartition(": ") for line in lines if "__mutmut_" in line)
    return [(name, outcome) for name, _, outcome in pairs]


def _change(name: str) -> Change:
    """What a mutant changes, by mutmut's diff of it."""
    file, _, function = name.removeprefix("prober.commandline.rules.").partition(".")
    diff = _mutmut("show", name, capture=True).splitlines()
    body = [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    was = _lines("\n".join(line[1:] for line in body if line[0] == "-"))
    now = _lines("\n".join(line[1:] for line in body if line[0] == "+"))
    return Change(f"{file}.{function.removeprefix('x_').rpartition('__mutmut_')[0]}", was, now)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _mutmut(*words: str, capture: bool = False) -> str:
    command = [sys.executable, "-m", "mutmut", *words]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, text=True, stdout=subprocess.PIPE if capture else None)
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
