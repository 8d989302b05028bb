"""``prober check``: domains against many QEMUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.cli import output
from prober.cli.check_many import left_out_json, outcome_json, run_check_many
from prober.cli.checking import (
    CheckAsked,
    DomainRead,
    QemuOutcome,
    Source,
    ask,
    ask_those_left_out,
    find_sources,
    name_left_out,
    read_asked,
    unversioned,
    worst,
)
from prober.cli.config_files import expand_xml
from prober.cli.domains import find_domains, is_one
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.forms.write import chosen
from prober.cli.options import Assume, Form, FormOption, IgnoreUnknown, Json, Prove, Quiet, Settings, Strict
from prober.cli.proof import format_proof
from prober.commandline.refusal import Note, Refusal
from prober.translate.wishes import Wishes


@dataclass
class _Group:
    """One refusal or note, and the QEMUs that it holds for."""

    refusal: Refusal | Note
    outcomes: list[QemuOutcome] = field(default_factory=list)


def check_command(
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="VM.xml...",
            help="Libvirt domains: files, directories of *.xml, patterns in quotes; - reads one from stdin.",
        ),
    ],
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="QEMU",
            help="A binary, a recording, or a directory of them; `bundled`: those that come along. Repeatable.",
        ),
    ] = None,
    settings: Settings = None,
    prove: Prove = False,
    assume_unknown_present: Assume = False,
    strict: Strict = False,
    ignore_unknown: IgnoreUnknown = False,
    quiet: Quiet = False,
    form: FormOption = None,
    json: Json = False,
) -> None:
    """Of one domain: a table of all QEMUs, and below it each refusal and each note once, with the versions that give
    it. Of many: a row for each domain and for each QEMU, and below them each kind of refusal and of note once.

    Each says on what ground: *checked* against all that it says of itself, or with `--prove` *proven*, for binaries; a
    recording cannot be started.

    Exit code: 0 where all accept; 3 where one refuses; 4 where one could not prove it; 2 an XML or a recording cannot
    be read; 5 where a QEMU could not be asked.

    Example: `prober check vm.xml --against /usr/bin/qemu-system-x86_64 --against bundled`
    """
    output.hush(answer=quiet, words=quiet)
    if not against and len(domains) > 1 and not any(word.endswith(".xml") for word in domains[1:]):
        # As it was before there were many domains: the first word is the domain, and the others are QEMUs.
        domains, against = domains[:1], domains[1:]
        output.note(
            "prober: words after the domain are taken as QEMUs, which is deprecated: write --against before each"
        )
    asked = CheckAsked(assume_unknown_present, prove, Wishes(strict, ignore_unknown))
    raise typer.Exit(run_check(domains, against or [], settings, asked, chosen(form, as_json=json)))


def run_check(
    words: list[str], against: Sequence[str], settings: Path | None, asked: CheckAsked, form: Form
) -> ExitCode:
    """Print a table of who accepts the domain, and then each refusal once; of many domains a summary.  What is for CI
    has one form, of one and of many.

    A QEMU that cannot be asked is told of on stderr, and does not keep the others from answering.

    :raise UnreadableDomainError: where the file of a single domain cannot be read, or is no domain XML at all.
    :raise UsageError: where there is nobody to ask.
    """
    files = find_domains(words)
    if not is_one(words) or form not in (Form.text, Form.json):
        return run_check_many(files, find_sources(against, settings), asked, form)
    path = files[0]
    file = shown_name(path)
    about = read_asked(expand_xml(read_xml_file(path)), path, asked.wishes)
    outcomes: list[QemuOutcome] = []
    sources = find_sources(against, settings)
    with output.ProgressLine() as progress:
        for number, source in enumerate(sources):
            progress.show(f"{number} of {len(sources)} QEMUs: {source.label} …")
            outcomes.append(_ask(source, about, asked))
    outcomes = [*ask_those_left_out(outcomes, sources, about, asked)]
    _tell(file, outcomes, form)
    return worst(outcomes)


def _tell(file: str, outcomes: list[QemuOutcome], form: Form) -> None:
    refused = list(_group((one, one.refusals) for one in outcomes))
    noted = list(_group((one, one.notes) for one in outcomes))
    of_target = [one for one in outcomes if one.other_target is None]
    if form is Form.json:
        output.write_json(
            {
                "domain": file,
                "against": [outcome_json(one) for one in of_target],
                "left_out": [left_out_json(one) for one in outcomes if one.other_target is not None],
                "refusals": [_group_json(group) for group in refused],
                "notes": [_group_json(group) for group in noted],
            }
        )
    else:
        rows = [(one.numbers, one.verdict, one.ground, len(one.refusals) or "", one.label) for one in of_target]
        output.write_table(("QEMU", "accepts", "ground", "refusals", "from"), rows)
        for line in (*_lines(file, [*refused, *noted], len(of_target)), *_proofs(outcomes)):
            output.write(line)
    for line in name_left_out(outcomes):
        output.note(line)


def _ask(source: Source, about: DomainRead, asked: CheckAsked) -> QemuOutcome:
    outcome = ask(source, about, asked)
    if outcome.error is not None:
        output.complain(f"{outcome.label}: {outcome.error.message}", outcome.error.hint)
    return outcome


def _proofs(outcomes: Iterable[QemuOutcome]) -> Iterator[str]:
    """What each QEMU that was started says."""
    for one in outcomes:
        if one.proof is not None:
            yield ""
            yield f"{one.label}:"
            yield from (f"  {line}" for line in format_proof(one.proof))


def _group(said: Iterable[tuple[QemuOutcome, Sequence[Refusal | Note]]]) -> Iterator[_Group]:
    """Refusals, or notes, that differ in nothing but the version that gives them, as one; in the order of the XML."""
    groups: dict[tuple[object, ...], _Group] = {}
    for outcome, about in said:
        for refusal in about:
            told = refusal.model_copy(update={"message": unversioned(refusal, outcome)})
            key = (told.place, told.message, told.hint)
            groups.setdefault(key, _Group(told)).outcomes.append(outcome)
    yield from sorted(groups.values(), key=lambda group: group.refusal.place.line)


def _lines(file: str, groups: Iterable[_Group], asked: int) -> Iterator[str]:
    for group in groups:
        held = len(group.outcomes)
        who = "all" if held == asked > 1 else ", ".join(one.numbers for one in group.outcomes)
        yield ""
        yield f"{file}:{group.refusal}"
        yield f"  by {who} [{group.refusal.rule}]"


def _group_json(group: _Group) -> dict[str, Any]:
    """As JSON.  The evidence is each binary's own: `prober translate --json` shows it."""
    return {
        **group.refusal.model_dump(mode="json", exclude={"evidence"}),
        "by": [{"from": one.label, "version": one.version} for one in group.outcomes],
    }
