"""What is measured side by side: this checkout, and the parent, an earlier commit in a worktree of its own.

The parent is made under ``build/``, with its own environment from its own lock, and kept between runs.
``PROBER_BENCH_PARENT`` names another commit than the default.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from tests.bench import PARENT, PRESENT
from tests.conftest import CHECKOUT

T = TypeVar("T")

#: The last commit before the rooms of today.
DEFAULT_PARENT = "ede429494b1376218104e22cee67de34fe89ddf3"

#: What `make` tells its children.
_MAKES_OWN = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")

#: Making an environment may take so long (seconds).
_PATIENCE = 1800


class NoParentError(Exception):
    """There is no parent here to measure; the message says why, and what would help."""


@dataclass(frozen=True)
class Side:
    """One checkout with its environment."""

    name: str
    checkout: Path
    python: str

    @property
    def prober(self) -> str:
        """Its command."""
        return str(Path(self.python).with_name("prober"))


def sides() -> list[Side]:
    """The parent, where it can be had, and the present."""
    found, present = parent(), Side(PRESENT, CHECKOUT, sys.executable)
    both = [found, present] if isinstance(found, Side) else [present]
    for side in both:
        _compile(side)
    return both


def parent_name() -> str:
    """The commit that is the parent, as it was named."""
    return os.environ.get("PROBER_BENCH_PARENT") or DEFAULT_PARENT


@cache
def parent() -> Side | str:
    """The parent, or the reason why there is none.  The first call may take minutes."""
    try:
        return make_parent(parent_name(), CHECKOUT)
    except NoParentError as error:
        return str(error)


def make_parent(commit: str, checkout: Path) -> Side:
    """The parent's checkout and environment, made where they are not there yet.

    :raise NoParentError: where the commit is not in this clone, or its environment cannot be made.
    """
    found = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if found.returncode != 0:
        raise NoParentError(_why_not_found(commit, checkout))
    sha = found.stdout.strip()
    place = checkout / "build" / f"bench-{sha[:12]}"
    if not (place / "Makefile").exists():
        # What `make clean` took away is still in git's list of worktrees.
        _git(checkout, "worktree", "prune")
        made = _git(checkout, "worktree", "add", "--detach", str(place), sha)
        if made.returncode != 0:
            raise NoParentError(f"the parent {commit} cannot be checked out in {place}: {made.stderr.strip()}")
    # So that the parent's Makefile sees nothing of this run.
    environment = {name: value for name, value in os.environ.items() if name not in _MAKES_OWN}
    made = subprocess.run(
        ["make", "setup"], cwd=place, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if made.returncode != 0:
        raise NoParentError(f"the environment of the parent in {place} cannot be made: {made.stderr.strip()[-500:]}")
    return Side(PARENT, place, str(place / ".venv" / "bin" / "python"))


@cache
def _compile(side: Side) -> None:
    """Have its code compiled, as an installed one has: else the first who starts it does, or each, where the
    environment says that none is to be kept (``PYTHONDONTWRITEBYTECODE``)."""
    subprocess.run([side.python, "-m", "compileall", "-q", str(side.checkout / "prober")], check=True)


def _why_not_found(commit: str, checkout: Path) -> str:
    inside = _git(checkout, "rev-parse", "--is-shallow-repository")
    if inside.returncode != 0:
        return f"this is no clone of prober's repository, so the parent {commit} cannot be had"
    if inside.stdout.strip() == "true":
        return f"this clone is shallow and has no commit {commit}; `git fetch --unshallow` brings it"
    return f"this clone has no commit {commit}; PROBER_BENCH_PARENT names another"


def _git(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, "", str(error))


def in_turns(asks: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: int = 0) -> dict[str, list[T]]:
    """What each side's question gives, so many times, one side after the other; who begins changes with each round.

    The first ``warm_up`` answers of each are left out.
    """
    given: dict[str, list[T]] = {name: [] for name in asks}
    order = list(asks)
    for number in range(warm_up + rounds):
        for name in order if number % 2 else reversed(order):
            answer = asks[name]()
            if number >= warm_up:
                given[name].append(answer)
    return given


def best(given: Mapping[str, Iterable[float]]) -> dict[str, float]:
    """The least of each side: what was disturbed least."""
    return {name: min(values) for name, values in given.items()}
