"""Why prober and a libvirt may differ: ``reasons.toml``, held against what a run sees.

A reason is of one of three kinds, and says in ``why`` what a reader needs to know to agree:

``[[different]]``  an option that only one side has; ``option`` is a regular expression for the lines of
                   :func:`tests.peers.compare.differences`
``[[refused]]``    what libvirt builds and prober refuses; ``rule`` is the name of prober's rule, ``says`` a regular
                   expression for the refusal
``[[built]]``      what libvirt refuses and prober builds; ``says`` is a regular expression for libvirt's message

``peers`` names the versions that it holds for (all without), ``domains`` the domains, by patterns of their names.
``here`` says that it depends on the host of the run (its CPU, its devices), so that it may find nothing to explain.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

Kind = Literal["different", "refused", "built"]
KINDS: tuple[Kind, ...] = ("different", "refused", "built")
_KEYS = frozenset({"option", "rule", "says", "why", "peers", "domains", "here"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two sides do not agree on; ``rule`` is that of a refusal, ``text`` what is to be explained."""

    kind: Kind
    peer: str
    domain: str
    text: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.text} [{self.rule}]" if self.rule else self.text


@dataclass(eq=False, slots=True)
class Reason:
    """One entry of the file, with how often it explained something."""

    kind: Kind
    why: str
    pattern: re.Pattern[str]
    rule: str = "*"
    peers: tuple[str, ...] = ()
    domains: tuple[str, ...] = ("*",)
    here: bool = False
    used: int = field(default=0)

    def explains(self, one: Difference) -> bool:
        """Whether this is why."""
        return (
            self.kind == one.kind
            and (not self.peers or one.peer in self.peers)
            and any(fnmatch(one.domain, pattern) for pattern in self.domains)
            and fnmatch(one.rule, self.rule)
            and self.pattern.search(one.text) is not None
        )

    def __str__(self) -> str:
        return f"[[{self.kind}]] {self.rule if self.rule != '*' else ''} {self.pattern.pattern}: {self.why}"


def read_reasons(path: Path) -> list[Reason]:
    """All entries.

    :raise ValueError: where one is not as the file's head says, with its number.
    """
    told = tomllib.loads(path.read_text())
    unknown = set(told) - set(KINDS)
    if unknown:
        raise ValueError(f"{path}: there are no reasons of kind {', '.join(sorted(unknown))}")
    return [_reason(kind, at, entry) for kind in KINDS for at, entry in enumerate(told.get(kind, []), 1)]


def _reason(kind: Kind, at: int, entry: dict[str, object]) -> Reason:
    named = f"[[{kind}]] number {at}"
    if not entry.keys() <= _KEYS or not str(entry.get("why", "")).strip():
        raise ValueError(f"{named}: it has no why, or a key that none has")
    peers, domains = entry.get("peers", []), entry.get("domains", ["*"])
    if not isinstance(peers, list) or not isinstance(domains, list):
        raise ValueError(f"{named}: peers and domains are lists")
    pattern = str(entry.get("option" if kind == "different" else "says", "" if "rule" in entry else "(?!)"))
    return Reason(
        kind,
        str(entry["why"]),
        re.compile(pattern, re.DOTALL),
        str(entry.get("rule", "*")),
        tuple(map(str, peers)),
        tuple(map(str, domains)),
        entry.get("here") is True,
    )


def unexplained(differences: Iterable[Difference], reasons: Iterable[Reason]) -> list[Difference]:
    """Those that nothing explains; what does is counted as used (the first that fits)."""
    reasons, left = list(reasons), []
    for one in differences:
        reason = next((reason for reason in reasons if reason.explains(one)), None)
        if reason is None:
            left.append(one)
        else:
            reason.used += 1
    return left


def unused(reasons: Iterable[Reason], peers: Iterable[str]) -> list[Reason]:
    """Those that explained nothing though all of their libvirts were asked."""
    asked = set(peers)
    return [
        reason
        for reason in reasons
        if not reason.used and not reason.here and (set(reason.peers) <= asked if reason.peers else bool(asked))
    ]
