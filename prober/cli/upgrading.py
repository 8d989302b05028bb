"""The work of ``prober upgrade``: each domain rehearsed, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from prober.capabilities.difference import Change
from prober.cli import output
from prober.cli.domains import find_domains
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.forms.write import write_form
from prober.cli.migrating import Journey, find_hosts
from prober.cli.options import Form
from prober.cli.page_file import require_place
from prober.cli.translating import HostFile
from prober.cli.turns import exit_code_of, in_turns, worst_of
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.proof.models import ProofVerdict
from prober.rehearsal.models import Migration
from prober.rehearsal.upgrade import Upgraded, UpgradeQemu, UpgradeRehearsal
from prober.rehearsal.wording import describe_card, describe_change, describe_name
from prober.translate.read import read_domain

#: As many changes are printed of one domain, where not all are asked for.
_SHOWN = 5


class _Read(NamedTuple):
    """One domain as it was read; ``told`` is of what cannot be rehearsed."""

    file: str
    xml: bytes = b""
    domain: Domain | None = None
    told: Upgraded | None = None


def run_upgrade(
    words: Sequence[str], journey: Journey, *, driven: bool, form: Form, verbose: bool, page: Path | None = None
) -> ExitCode:
    """Print what becomes of each domain, and write it to a ``page``, where one is asked for.

    :raise UsageError: where it is not told from which QEMU to which.
    :raise QemuError: where a QEMU cannot be interviewed.
    :raise OutputError: where the page cannot be written; that is told before anything is started, where it is known.
    """
    if page is not None:
        require_place(page, "--page")
    old, new = find_hosts(journey)
    files = find_domains([*words])
    host = HostFile(journey.settings).host
    sides = UpgradeQemu(old.subject(), host), UpgradeQemu(new.subject(), host)
    began = datetime.now(UTC)
    with output.ProgressLine() as progress:
        done = asyncio.run(_rehearse(files, UpgradeRehearsal(*sides, driven=driven), progress))
    told = [one for _, one in done]
    way = f"QEMU {sides[0].caps.version} to {sides[1].caps.version}"
    # What took so long is told and written: neither is lost with the other.
    try:
        _write(told, way, form, verbose=verbose)
    finally:
        if page is not None:
            from prober.cli.upgrade_page import UpgradeDone, write_upgrade_page

            rows = [UpgradeDone(one, read.xml, read.domain) for read, one in done]
            write_upgrade_page(page, rows, sides, journey, began, driven=driven)
    return worst_of([ExitCode.usage if one.unreadable else exit_code_of(one.verdict) for one in told])


def _write(told: Sequence[Upgraded], way: str, form: Form, *, verbose: bool) -> None:
    if form is Form.json:
        output.write_json([_as_json(one) for one in told])
    elif form is not Form.text:
        from prober.cli.forms.moves import report_upgrades

        write_form(report_upgrades(told, way), form)
    else:
        output.write(way)
        output.write_table(("domain", "machine", "starts", "migrates", "back", "changes"), [_row(one) for one in told])
        for one in told:
            for line in _lines(one, verbose=verbose):
                output.write(line)


async def _rehearse(
    files: Sequence[str], rehearsal: UpgradeRehearsal, progress: output.ProgressLine
) -> list[tuple[_Read, Upgraded]]:
    async def one(file: str) -> tuple[_Read, Upgraded]:
        read = await asyncio.to_thread(_read, file)
        if read.domain is None:
            assert read.told is not None
            return read, read.told
        return read, await rehearsal.rehearse(read.file, read.domain)

    return await in_turns(files, one, lambda count: f"{count} of {len(files)} domains rehearsed", progress)


def _read(file: str) -> _Read:
    name, xml = shown_name(file), b""
    try:
        xml = read_xml_file(file)
        return _Read(name, xml, read_domain(xml))
    except UnreadableDomainError as error:
        return _Read(name, xml, told=Upgraded(file=name, unreadable=error.message))
    except RefusedError as error:
        return _Read(name, xml, told=Upgraded(file=name, refusals=tuple(error.refusals)))


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
    yield from _start(told)
    for way, migration in (("migrating", told.there), ("back", told.back)):
        if migration is not None:
            yield from (f"{way}: {line}" for line in _of_migration(migration, verbose=verbose))
    yield from _cards(told, verbose=verbose)
    yield from (f"deprecated: {text}" for text in told.deprecated)
    if verbose:
        yield from (f"it uses: {change.fact}: {_described(change)}" for change in told.differences)
    for mend in told.mends:
        how = "the guest has to be started anew" if mend.restarts else "for the next start"
        if mend.there is not None:
            how = f"for the way there, {mend.there.value}, and the next start"
        yield f"mend: {mend.path} {mend.value!r} ({how}; {mend.verdict.value}): {mend.why}"
        if mend.xml:
            yield f"  {mend.xml}"


def _start(told: Upgraded) -> Iterator[str]:
    if told.starts is ProofVerdict.refused:
        yield f"it does not start: {told.said or told.reason}"
    elif told.starts is ProofVerdict.not_provable:
        yield f"whether it starts is not provable: {told.reason or told.said}"


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
