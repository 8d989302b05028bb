"""``prober fleet targets`` and ``upgrade``: what becomes of guests where they move, or their QEMU is replaced."""

from __future__ import annotations

from typing import Annotated

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.files import shown_name
from prober.cli.fleet.asking import as_of, in_pages, read_fleet, read_question
from prober.cli.fleet.can import count_lines, exit_for
from prober.cli.fleet.options import After, AnyEmulator, Limit, Store, WhereOption
from prober.cli.options import Assume, DomainFile, Json
from prober.fleet.judging import FleetJudge
from prober.fleet.known import Where
from prober.fleet.targets import targets
from prober.fleet.upgrade import Fate, UpgradeAnswer, build_called, upgrade

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
    question = read_question(domain, any_emulator=any_emulator, assume_unknown_present=False)
    fleet = read_fleet(store)
    answer = targets(fleet, FleetJudge(fleet), question, source, chosen, names=limit, after=after)
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
    assume_unknown_present: Assume = False,
    json: Json = False,
) -> None:
    """A build is named by the beginning of its name, or by its version where one has it.

    Exit code: 0 where no domain breaks, 3 where one does, 4 where that is not known of one.

    Example: `prober fleet upgrade --from 7.2 --to 10.0 *.xml`
    """
    questions = [
        (shown_name(path), read_question(path, any_emulator=True, assume_unknown_present=assume_unknown_present))
        for path in domains or []
    ]
    fleet = read_fleet(store)
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
