"""``make fuzz [SECONDS=60] [TARGETS='xml words']``: each target for so long, and a table; 1 where one is at fault."""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz.http import fuzz_api, fuzz_http
from tests.fuzz.running import HEADER, Report, fuzz, keep
from tests.fuzz.targets import TARGETS
from tests.recordings import ROOT


def main() -> int:
    """Do as the words of the command line say."""
    names = [*(target.name for target in TARGETS), "http", "api"]
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=None, help="of the mutator; default: another one each time")
    parser.add_argument("targets", nargs="*", help=f"{' '.join(names)}; default: all")
    told = parser.parse_args()
    if unknown := set(told.targets) - set(names):
        parser.error(f"there is no target {', '.join(sorted(unknown))}: there are {', '.join(names)}")
    seed = random.randrange(1 << 32) if told.seed is None else told.seed
    _say(f"seed {seed}\n{HEADER}")
    status = 0
    for name in told.targets or names:
        report = _fuzz(name, seed, told.seconds)
        _say(report.row())
        for line in keep(report, ROOT / "build" / "fuzz"):
            _say(line)
            status = 1
    return status


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fuzz(name: str, seed: int, seconds: float) -> Report:
    deadline = time.monotonic() + seconds
    if name == "http":
        return fuzz_http(seed, lambda _: time.monotonic() < deadline)
    if name == "api":
        return fuzz_api(seed, lambda _: time.monotonic() < deadline)
    target = next(target for target in TARGETS if target.name == name)
    return fuzz(target, seed, lambda _: time.monotonic() < deadline)


if __name__ == "__main__":
    sys.exit(main())
