"""The work of ``prober upgrade``: each domain rehearsed, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from prober.capabilities.difference import Change
from prober.cli import output
from prober.cli.domains import find_domains
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.forms.write import write_form
from prober.cli.migrating import Journey, find_hosts
from prober.cli.migration import describe_card, describe_change, describe_name
from prober.cli.options import Form
from prober.cli.translating import HostFile
from prober.cli.turns import exit_code_of, in_turns, worst_of
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.rehearsal.models import Migration
from prober.rehearsal.upgrade import Upgraded, UpgradeQemu, UpgradeRehearsal
from prober.translate.read import read_domain

#: As many changes are printed of one domain, where not all are asked for.
_SHOWN = 5


def run_upgrade(words: Sequence[str], journey: Journey, *, driven: bool, form: Form, verbose: bool) -> ExitCode:
    """Print what becomes of each domain.

    :raise UsageError: where it is not told from which QEMU to which.
    :raise QemuError: where a QEMU cannot be interviewed.
    """
    old, new = find_hosts(journey)
    files = find_domains([*words])
    host = HostFile(journey.settings).host
    rehearsal = UpgradeRehearsal(UpgradeQemu(old.subject(), host), UpgradeQemu(new.subject(), host), driven=driven)
    with output.ProgressLine() as progress:
        told = asyncio.run(_rehearse(files, rehearsal, progress))
    versions = old.qemu.capabilities.version, new.qemu.capabilities.version
    if form is Form.json:
        output.write_json([_as_json(one) for one in told])
    elif form is not Form.text:
        from prober.cli.forms.moves import report_upgrades

        write_form(report_upgrades(told, f"QEMU {versions[0]} to {versions[1]}"), form)
    else:
        output.write(f"QEMU {versions[0]} to {versions[1]}")
        output.write_table(("domain", "machine", "starts", "migrates", "back", "changes"), [_row(one) for one in told])
        for one in told:
            for line in _lines(one, verbose=verbose):
                output.write(line)
    return worst_of([ExitCode.usage if one.unreadable else exit_code_of(one.verdict) for one in told])


async def _rehearse(files: Sequence[str], rehearsal: UpgradeRehearsal, progress: output.ProgressLine) -> list[Upgraded]:
    async def one(file: str) -> Upgraded:
        read = await asyncio.to_thread(_read, file)
        return read if isinstance(read, Upgraded) else await rehearsal.rehearse(shown_name(file), read)

    return await in_turns(files, one, lambda count: f"{count} of {len(files)} domains rehearsed", progress)


def _read(file: str) -> Domain | Upgraded:
    try:
        return read_domain(read_xml_file(file))
    except UnreadableDomainError as error:
        return Upgraded(file=shown_name(file), unreadable=error.message)
    except RefusedError as error:
        return Upgraded(file=shown_name(file), refusals=tuple(error.refusals))


def _as_json(told: Upgraded) -> dict[str, Any]:
    return {"verdict": told.verdict.value, **told.model_dump(mode="json")}


def _row(told: Upgraded) -> tuple[str, ...]:
    if told.unreadable:
        return told.file, "", "not read", "", "", ""
    starts = told.starts.value if told.starts is not None else "refused"
    seen = len(told.there.changes) if told.there is not None else 0
    return told.file, told.machine, starts, _verdict(told.there), _verdict(told.back), str(seen or "")


def _verdict(migration: Migration | None) -> str:
    return "" if migration is None else migration.verdict.value


def _lines(told: Upgraded, *, verbose: bool) -> Iterator[str]:
    lines = [*_details(told, verbose=verbose)]
    if lines:
        yield ""
        yield f"{told.file}:"
        yield from (f"  {line}" for line in lines)


def _details(told: Upgraded, *, verbose: bool) -> Iterator[str]:
    if told.unreadable:
        yield f"cannot be read: {told.unreadable}"
    yield from (f"refused by the old QEMU already: {refusal}" for refusal in told.refused_now)
    yield from (f"refused by the new QEMU: {refusal}" for refusal in told.refusals)
    if told.said:
        yield f"it does not start: {told.said}"
    for way, migration in (("migrating", told.there), ("back", told.back)):
        if migration is not None:
            yield from (f"{way}: {line}" for line in _of_migration(migration, verbose=verbose))
    yield from _cards(told, verbose=verbose)
    yield from (f"deprecated: {text}" for text in told.deprecated)
    if verbose:
        yield from (f"it uses: {change.fact}: {_described(change)}" for change in told.differences)
    for mend in told.mends:
        how = "the guest has to be started anew" if mend.restarts else "for the next start"
        yield f"mend: {mend.path} {mend.value!r} ({how}; {mend.verdict.value}): {mend.why}"


def _cards(told: Upgraded, *, verbose: bool) -> Iterator[str]:
    yield from (f"at its next start {describe_card(change)}" for change in told.cards)
    if verbose:
        yield from (describe_name(name) for name in told.names)


def _of_migration(migration: Migration, *, verbose: bool) -> Iterator[str]:
    if exit_code_of(migration.verdict) is not ExitCode.ok:
        yield migration.reason or "refused"
        yield from (f"QEMU says: {line}" for line in migration.said.splitlines()[:3])
        yield from (f"because {describe_change(change)}" for change in migration.because[:_SHOWN])
        return
    shown = migration.changes if verbose else migration.changes[:_SHOWN]
    yield from (f"the guest would see: {describe_change(change)}" for change in shown)
    if len(migration.changes) > len(shown):
        yield f"and {len(migration.changes) - len(shown)} more changes (--verbose shows all)"


def _described(change: Change) -> str:
    if not change.what:
        return change.kind
    return f"{change.what} from {output.one_line_json(change.a)} to {output.one_line_json(change.b)}"
