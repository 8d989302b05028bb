"""``prober fleet targets`` and ``upgrade``: what becomes of guests where they move, or their QEMU is replaced."""

from __future__ import annotations

from typing import Annotated

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.fleet.asking import FleetAsked, as_of, in_pages, make_question, read_fleet
from prober.cli.fleet.can import count_lines, exit_for
from prober.cli.fleet.options import (
    LISTEN_S,
    After,
    AnyEmulator,
    Credentials,
    Limit,
    Listen,
    Reader,
    Store,
    WhereOption,
)
from prober.cli.fleet.upgrading import upgrade_by
from prober.cli.options import Assume, DomainFile, Json
from prober.fleet.judging import FleetJudge
from prober.fleet.known import Fleet, Where
from prober.fleet.targets import TargetsAnswer, targets
from prober.fleet.upgrade import Fate, UpgradeAnswer, build_called, upgrade
from prober.service.fleet.routes import TARGETS

_WORDS = {
    Fate.breaks: "break: the new one refuses them",
    Fate.unknown: "may break: one of the two was not asked what matters",
    Fate.changes: "change: they get another command line",
    Fate.refused: "are refused by both",
    Fate.mended: "are taken by the new one alone",
    Fate.same: "stay as they are",
}


def fleet_targets_command(
    domain: DomainFile,
    source: Annotated[str, typer.Option("--from", metavar="HOST", help="The host that the guest runs on.")],
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    limit: Limit = 20,
    after: After = "",
    any_emulator: AnyEmulator = False,
    json: Json = False,
) -> None:
    """The machine is the one that the guest has where it runs, whatever alias the XML names. Below stand the defaults
    that differ there, of what the guest uses and does not set: a machine of a version may keep them, which no QEMU
    tells.

    Exit code: 0 where there are some, 3 where there are none, 4 where it is not known.

    Example: `prober fleet targets vm.xml --from node1`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    xml = read_xml_file(domain)

    def direct(fleet: Fleet, judge: FleetJudge) -> TargetsAnswer:
        question = make_question(xml, domain, any_emulator)
        return targets(fleet, judge, question, source, chosen, names=limit, after=after)

    query = {"from": source, "where": where, "limit": limit, "after": after, "any_emulator": any_emulator}
    answer = asked.ask(TARGETS, TargetsAnswer, direct, query, body=xml, file=domain)
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        output.write(f"it runs on {answer.source} with {answer.path} as {answer.machine}")
        for line in count_lines(answer):
            output.write(line)
        for one in answer.differences:
            output.write(f"default of {one.fact}: {one.here} here, {one.there} with build {one.build}")
        for build in answer.not_compared:
            output.write(f"defaults with build {build}: not known")
        in_pages(answer.next, "that can")
    raise typer.Exit(exit_for(answer))


def fleet_upgrade_command(
    old: Annotated[str, typer.Option("--from", metavar="BUILD", help="The build that is there: a name, or a version.")],
    new: Annotated[str, typer.Option("--to", metavar="BUILD", help="The build that comes.")],
    domains: Annotated[list[str] | None, typer.Argument(metavar="[VM.xml]...", help="Domains.")] = None,
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    assume: Assume = False,
    json: Json = False,
) -> None:
    """A build is named by the beginning of its name, or by its version where one has it.

    Exit code: 0 where no domain breaks, 3 where one does, 4 where that is not known of one.

    Example: `prober fleet upgrade --from 7.2 --to 10.0 *.xml`
    """
    asked = FleetAsked(store, reader, credentials, listen)
    files = [(shown_name(path), read_xml_file(path)) for path in domains or []]
    if asked.reader is not None:
        answer = upgrade_by(asked.reader, old, new, files, assume=assume)
    else:
        questions = [(name, make_question(xml, name, True, assume)) for name, xml in files]
        fleet = read_fleet(asked)
        with output.ProgressLine() as progress:
            progress.show(f"comparing {len(questions)} domains …")
            answer = upgrade(fleet, build_called(fleet, old), build_called(fleet, new), questions)
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        _write(answer)
    if answer.fates[Fate.breaks]:
        raise typer.Exit(ExitCode.refused)
    raise typer.Exit(ExitCode.unknown if answer.fates[Fate.unknown] else ExitCode.ok)


def _write(answer: UpgradeAnswer) -> None:
    silent = f", {answer.silent} of them silent" if answer.silent else ""
    output.write(f"QEMU {answer.old_version} ({answer.old}) to {answer.new_version} ({answer.new})")
    output.write(f"{answer.hosts} hosts have the old one{silent}, {as_of(answer.as_of)}")
    for group, counts in answer.differences.items():
        output.write(f"  {group}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()))
    for fate, words in _WORDS.items():
        named = [one for one in answer.domains if one.fate is fate]
        if not named:
            continue
        output.write(f"{len(named)} {words}" + ("" if fate is Fate.same else ":"))
        for one in named if fate is not Fate.same else ():
            output.write(f"  {one.domain}")
            for line in (*(reason.message for reason in one.reasons), *one.argv_changes):
                output.write(f"    {line}")
