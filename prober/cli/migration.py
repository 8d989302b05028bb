"""How a migration that was rehearsed is told: in lines, and by the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.cli.exits import ExitCode
from prober.cli.turns import exit_code_of, worst_of
from prober.rehearsal.models import GuestChange, Migration, SideTold
from prober.rehearsal.told import MigrationTold
from prober.rehearsal.verdict import RehearsalVerdict
from prober.rehearsal.wording import describe_card, describe_change, describe_name

#: As many changes are printed of one migration, where not all are asked for.
_SHOWN = 10


def exit_of_all(told: Sequence[MigrationTold], *, whole: bool) -> ExitCode:
    """The exit code of the worst; ``whole`` is for whom a part is not enough."""
    return worst_of([_exit_of(one, whole=whole) for one in told])


def _exit_of(told: MigrationTold, *, whole: bool) -> ExitCode:
    if told.migration is None:
        return ExitCode.refused if told.refusals else ExitCode.usage
    return exit_code_of(told.migration.verdict, whole=whole)


def format_told(told: Sequence[MigrationTold], *, verbose: bool = False) -> Iterator[str]:
    """Each in lines; of many a count of each verdict at the end."""
    for one in told:
        before = f"{one.file}: " if one.file else ""
        if one.migration is None:
            lines = [f"cannot be read: {one.unreadable}" if one.unreadable else "refused: it is no domain"]
        else:
            lines = [*_format(one.migration, verbose=verbose)]
        yield before + lines[0]
        yield from (f"  {line}" for line in lines[1:])
        yield from (f"  {one.file}:{refusal}" for refusal in one.refusals)
        yield from (f"  {describe_card(change)}" for change in one.cards)
        if verbose:
            yield from (f"  {describe_name(name)}" for name in one.names)
    if len(told) > 2:
        verdicts = [one.migration.verdict.value if one.migration else "not read" for one in told]
        yield ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))


def _format(migration: Migration, *, verbose: bool) -> Iterator[str]:
    yield _headline(migration)
    if migration.said:
        yield from _said(migration)
    if migration.device:
        yield f"this is about {migration.device}"
    yield from (_because(change) for change in _shown(migration.because, verbose=verbose))
    if migration.verdict in (RehearsalVerdict.rehearsed, RehearsalVerdict.in_part):
        yield from _passed(migration, verbose=verbose)
    for name, side in (("source", migration.source), ("destination", migration.destination)):
        yield from _side(name, side, verbose=verbose)
    yield from (f"unknown: {text}" for text in migration.unknown)
    if verbose and migration.driven:
        yield f"driven: {', '.join(migration.driven)}"
    yield from migration.undriven


def _headline(migration: Migration) -> str:
    source, destination = migration.source, migration.destination
    way = f"QEMU {source.version} to {destination.version}"
    if source.machine:
        way += f" ({source.machine})"
    text = f"{migration.verdict.value}: {way}"
    if migration.reason:
        return f"{text}: {migration.reason}"
    return f"{text}, {migration.seconds:.2f} s" if migration.verdict is not RehearsalVerdict.refused else text


def _said(migration: Migration) -> Iterator[str]:
    first, *others = migration.said.splitlines()
    who = f"the {migration.stage}'s QEMU" if migration.stage in ("source", "destination") else "QEMU"
    yield f"{who} says: {first}"
    yield from (f"    {line}" for line in others)


def _because(change: GuestChange) -> str:
    return f"because {describe_change(change)}"


def _passed(migration: Migration, *, verbose: bool) -> Iterator[str]:
    for change in _shown(migration.changes, verbose=verbose):
        yield f"the guest would see: {describe_change(change)}"
    left = len(migration.changes) - _SHOWN
    if left > 0 and not verbose:
        yield f"and {left} more (--verbose shows all)"


def _shown(changes: Sequence[GuestChange], *, verbose: bool) -> Sequence[GuestChange]:
    return changes if verbose else changes[:_SHOWN]


def _side(name: str, side: SideTold, *, verbose: bool) -> Iterator[str]:
    for omission in side.left_out:
        yield f"{name}: left out: {omission.flag} {omission.part}".rstrip() + f": {omission.why}"
    for finding in side.findings:
        if finding.kind != "deprecated" or verbose:
            yield f"{name}: {finding.kind}: {finding.flag} {finding.part}".rstrip() + f": {finding.message}"
    if verbose:
        yield from (f"{name}: stood in for: {one.flag} {one.part}: {one.by}" for one in side.replaced)
        yield from (f"{name}: QEMU warns: {text}" for text in side.warnings)
