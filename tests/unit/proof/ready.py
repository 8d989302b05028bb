"""A line made ready, for tests of the rows."""

from __future__ import annotations

import shlex
from functools import cache

from prober.capabilities import Capabilities
from prober.proof.bench import Bench
from prober.proof.standin import stand_in
from tests.recordings import FIXTURES, load_capabilities

THEIRS = "/stand-in"


@cache
def capabilities(version: str) -> Capabilities:
    """Those of one bundled recording."""
    caps = load_capabilities(next(FIXTURES.glob(f"qemu-{version}*.replies.xz")))
    # As of a binary that was not asked which modules are installed: what it has not, nothing stands in for.
    return caps.model_copy(update={"listed": {}})


def made_ready(line: str, version: str = "10.0") -> Bench:
    """The bench of a line, whose binary is left out here."""
    return stand_in(["qemu", *shlex.split(line)], capabilities(version), THEIRS)


def started(line: str, version: str = "10.0") -> str:
    """What is started in the place of a line, but for the display that is added; a line that is not is a failure."""
    bench = made_ready(line, version)
    assert bench.not_provable == [], bench.not_provable
    words = [word for given in bench.line for word in given.words()]
    return " ".join(words).removesuffix(" -display none")


def parts_left_out(line: str, version: str = "10.0") -> list[str]:
    """Each option (and part) that is left out."""
    return [f"{item.flag} {item.part}".strip() for item in made_ready(line, version).left_out]


def refused(line: str, version: str = "10.0") -> str:
    """Why a line is not started; empty where it is."""
    return "; ".join(made_ready(line, version).not_provable)
