"""libvirt's own domains as guests that are moved between real QEMUs: what becomes of each, and the table of it.

``python -m tests.rehearsal.suite`` runs them all, along 5.2, 7.2, 10.0 and 11.1 and back, and writes the table.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from prober.domain.domain import Domain
from prober.errors import RefusedError, UsageError
from prober.host.host import Host
from prober.proof.kvm import KvmTrial
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.models import Migration
from prober.translate.pinned import canonical_machine, with_machine
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conformance.storage import pools_of
from tests.conformance.suite import networks_of, suite_host
from tests.recordings import LIBVIRT

#: What became of each, by from where to where; a domain that one of both cannot have stands in no list.
TABLE = Path(__file__).parent / "suite.toml"

#: From where to where they are moved.
WAY = ("5.2", "7.2", "10.0", "11.1")
PAIRS = (("7.2", "7.2"), *pairwise(WAY), *pairwise(WAY[::-1]))

#: Where a guest that has set up no queues is refused for that alone, so that they are driven besides.
DRIVEN = (("10.0", "11.1"),)

_HEAD = """\
# What becomes of libvirt's own domains (its test suite's, by their names) that are moved from one QEMU to the next,
# under TCG, each with the machine type that it has with the older of both.  A domain that one of both cannot have is in
# no list.
#
# Written by `python -m tests.rehearsal.suite`; read the difference before it is committed.
"""


def suite_domains() -> list[Path]:
    """Every domain of the suite of which libvirt makes a command line."""
    lines = (LIBVIRT / "pairs").glob("*.args")
    return sorted({path.parent / (re.sub(r"\.\d+\.\d+\.\d+\.args$", "", path.name) + ".xml") for path in lines})


@cache
def _host() -> Host:
    return suite_host(LIBVIRT / "firmware")


@cache
def _domain(path: Path) -> Domain | None:
    try:
        return read_domain(path.read_bytes()).replace(type="qemu")
    except (RefusedError, UsageError):
        return None


def lines_of(path: Path, source: LineSubject, destination: LineSubject) -> MigrationAsked | None:
    """The lines of a domain's guest on both sides; None where one of them cannot have it."""
    domain = _domain(path)
    if domain is None:
        return None
    host = _host().model_copy(update={"networks": networks_of(domain), "pools": pools_of(domain)})
    # One that goes back has the machine type that it had where it came from.
    older = min((source, destination), key=lambda one: one.capabilities.version.numbers)
    kept = with_machine(domain, canonical_machine(domain, older.capabilities, host))
    lines = []
    for subject in (source, destination):
        try:
            told = translate(kept, subject.capabilities, binary=subject.binary, host=host)
        except (RefusedError, UsageError):
            return None
        lines.append(LineRequest(told.argv))
    return MigrationAsked(source, lines[0], destination, lines[1])


async def move(asked: Sequence[MigrationAsked], at_once: int = 2) -> list[Migration]:
    """What becomes of each."""
    turns, kvm = asyncio.Semaphore(at_once), KvmTrial()

    async def one(each: MigrationAsked) -> Migration:
        async with turns:
            return await rehearse_migration(each, kvm=kvm)

    return await asyncio.gather(*map(one, asked))


def outcome_of(migration: Migration) -> str:
    """How it is told in the table: the verdict, and where it failed."""
    return f"{migration.verdict.value} ({migration.stage})" if migration.stage else migration.verdict.value


def read_table() -> dict[str, dict[str, str]]:
    """The outcome of each domain, by from where to where (``7.2 10.0``)."""
    told = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {pair: {name: outcome for outcome, names in lists.items() for name in names} for pair, lists in told.items()}


def write_table(outcomes: Mapping[str, Mapping[str, str]]) -> str:
    """The table's text."""
    text = [_HEAD]
    for pair, told in outcomes.items():
        text.append(f"['{pair}']")
        for outcome in sorted(set(told.values())):
            text += [f"'{outcome}' = [", *_wrapped(name for name in sorted(told) if told[name] == outcome), "]"]
        text.append("")
    return "\n".join(text)


def _wrapped(names: Iterable[str]) -> list[str]:
    """The names in lines of at most 120 letters."""
    lines = ["   "]
    for name in names:
        if len(lines[-1]) + len(name) + 4 > 120:
            lines.append("   ")
        lines[-1] += f' "{name}",'
    return lines


def main() -> None:
    """Run them all, and write the table."""
    from tests.conftest import BINARY_IN_ROOT, QemuPlace
    from tests.integration.real_qemu import capabilities_of
    from tests.recordings import ROOT

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roots", type=Path, default=ROOT / ".roots")
    parser.add_argument("--pair", nargs=2, action="append", help="this pair alone; the others stay as they are")
    told = parser.parse_args()
    places = {version: QemuPlace(version, BINARY_IN_ROOT, told.roots / version) for version in WAY}
    places["7.2"] = QemuPlace("7.2", BINARY_IN_ROOT)
    subjects = {name: LineSubject(place.binary, capabilities_of(place), place.root) for name, place in places.items()}
    outcomes = read_table() if told.pair else {}
    every = [(*pair, False) for pair in told.pair or PAIRS] + [(*pair, True) for pair in DRIVEN if not told.pair]
    for source, destination, driven in every:
        pair = f"{source} {destination}" + (" driven" if driven else "")
        found = {path.stem: lines_of(path, subjects[source], subjects[destination]) for path in suite_domains()}
        asked = {name: one for name, one in found.items() if one is not None}
        every_one = [replace(one, driven=driven) for one in asked.values()]
        moved = dict(zip(asked, asyncio.run(move(every_one)), strict=True))
        outcomes[pair] = {name: outcome_of(one) for name, one in moved.items()}
        for name, one in moved.items():
            changes = [f"{change.where}: {change.part} {change.here!r} {change.there!r}" for change in one.changes[:5]]
            left = [f"{item.flag} {item.part}: {item.why}" for item in one.source.left_out[:2]]
            if one.verdict != "rehearsed":
                told_of_it = (outcome_of(one), one.said[:300], one.reason, one.device, changes, left)
                sys.stdout.write(" | ".join(map(str, (pair, name, *told_of_it))) + "\n")
        sys.stderr.write(f"{pair}: {len(moved)}\n")
    TABLE.write_text(write_table(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main()
