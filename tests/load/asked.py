"""What the agents ask: the mix of a fleet's agents, each domain one that was never seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count, cycle

from tests.bench.lines import make_line
from tests.bench.service import FACT, domain
from tests.integration.client_attack import get, post
from tests.load.agents import Question

#: Of ten questions so many are of each route.
_MIX = [
    "supports",
    "supports",
    "translate",
    "supports",
    "types",
    "supports",
    "check-argv",
    "supports",
    "translate",
    "supports",
]


def questions(ident: str) -> Iterator[Question]:
    """Without end."""
    line = json.dumps(make_line("/usr/bin/qemu-system-x86_64", 10)).encode()
    fixed = {
        "supports": get(f"/v1/binaries/{ident}/supports?fact={FACT}"),
        "types": get(f"/v1/binaries/{ident}/types"),
        "check-argv": post(f"/v1/check-argv?binary={ident}", line, "application/json"),
    }
    numbers = count()
    for route in cycle(_MIX):
        request = fixed.get(route) or post(f"/v1/translate?binary={ident}", domain(next(numbers)))
        yield Question(route, request)


def seldom(ident: str) -> Question:
    """What those ask that hold a connection."""
    return Question("held", get(f"/v1/binaries/{ident}/supports?fact={FACT}"))
