"""What the page of an upgrade is told: rows that are written as JSON objects, by the names of their fields.

``prober/pages/static/upgrade.js`` draws them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from pydantic import JsonValue

from prober.pages.models import Remark

#: What an upgrade means for one domain, in the order in which an operator wants to hear of it.
#:
#: *breaks*: it does not start there, or a guest that runs does not go there.  *no way back*: a guest that went does not
#: come back.  *not known*: of one of these nothing can be said.  *changes*: the guest would see something change, or
#: call a network card otherwise.  *in part*: something was left out.  *goes on*: all was tried, and nothing changes.
#: *refused already*: the old QEMU does not take it either.
UpgradeOutcome: TypeAlias = Literal[
    "breaks", "no way back", "not known", "changes", "in part", "goes on", "refused already", "unreadable"
]


class QemuNamed(NamedTuple):
    """One of the two: ``label`` is what it was named by."""

    label: str
    version: str
    package: str
    target: str


class StepTold(NamedTuple):
    """What came of a start, or of a migration one way.

    ``verdict`` is as ``prober upgrade`` has it, or *not tried* and *not read*.  ``ground`` is *proven* where QEMU was
    started, *checked* where what it says of itself was enough, and empty where nothing was tried.  ``said`` are QEMU's
    own words, ``about`` the option or device that they belong to, at ``line`` and ``path`` of the XML (0: it is not
    known where).  ``because`` is how the two sides differ there, ``changes`` what the guest would see change,
    ``left_off`` how many more there are of these; ``unknown`` and ``left_out`` are what was not tried.
    """

    verdict: str
    ground: str = ""
    reason: str = ""
    said: str = ""
    signal: str = ""
    about: str = ""
    line: int = 0
    path: str = ""
    because: tuple[WordsTold, ...] = ()
    changes: tuple[WordsTold, ...] = ()
    left_off: int = 0
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class WordsTold(NamedTuple):
    """One thing in words, the place in the XML that it is about (0: none is known), and what would help."""

    words: str
    line: int = 0
    path: str = ""
    hint: str = ""


class OtherwiseTold(NamedTuple):
    """One thing that the domain uses, and that the new QEMU has otherwise: as
    :class:`~prober.capabilities.difference.Change` has it, and each line and path ``at`` which it is used."""

    fact: str
    kind: str
    what: str
    a: JsonValue
    b: JsonValue
    of: str
    when: tuple[str, ...]
    at: tuple[tuple[int, str], ...]


class MendTold(NamedTuple):
    """A change of the XML that helps: ``before`` and ``after`` are the line as it is and as it would be, empty where it
    cannot be shown, or is new; ``verdict`` came of a start with it, on that ``ground``, ``there`` of a migration with
    it (empty where it is none for that)."""

    path: str
    value: str
    why: str
    verdict: str
    ground: str
    restarts: bool
    there: str
    line: int
    before: str
    after: str


class UpgradeRow(NamedTuple):
    """One domain: ``refusals`` and ``notes`` stand at lines of its ``xml``."""

    name: str
    xml: str
    outcome: UpgradeOutcome
    machine: str
    machine_there: str
    starts: StepTold
    there: StepTold
    back: StepTold
    refusals: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    deprecated: tuple[WordsTold, ...] = ()
    otherwise: tuple[OtherwiseTold, ...] = ()
    cards: tuple[WordsTold, ...] = ()
    mends: tuple[MendTold, ...] = ()


class UpgradeCounts(NamedTuple):
    """Of so many domains (``all``) how many start, go there, come back, break and have a change that mends."""

    all: int
    start: int
    there: int
    back: int
    breaks: int
    mended: int


class UpgradeBook(NamedTuple):
    """All that the page is told.  ``when`` is the moment at which it was rehearsed (UTC, ISO 8601), ``driven`` whether
    devices were driven before, ``made`` who made it, in words; ``directory`` is what the names of all domains began
    with."""

    title: str
    made: str
    when: str
    driven: bool
    old: QemuNamed
    new: QemuNamed
    directory: str
    counts: UpgradeCounts
    domains: tuple[UpgradeRow, ...]
