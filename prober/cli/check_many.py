"""Many domains against many QEMUs, for ``prober check``: in all processors, with a summary by domain and by QEMU."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from prober.cli import output
from prober.cli.checking import (
    CheckAsked,
    DomainTold,
    QemuOutcome,
    Source,
    ask,
    ask_those_left_out,
    name_left_out,
    read_asked,
    unversioned,
    worst,
)
from prober.cli.config_files import expand_xml
from prober.cli.exits import ExitCode, exit_code
from prober.cli.files import read_xml_file, shown_name
from prober.cli.options import Form
from prober.commandline.refusal import Note, Refusal
from prober.errors import ProberError, UnreadableDomainError
from prober.qemu.finishing import uninterrupted

#: So many answers are not worth the processes, which take as long to make as some dozens of answers.
_ALONE = 64

#: How many domains a process gets at a time.
_AT_A_TIME = 8


@dataclass
class _Group:
    """Refusals, or notes, of one kind: the first of them, in which domains they are, and which QEMUs say so."""

    file: str
    refusal: Refusal | Note
    files: dict[str, None] = field(default_factory=dict)
    versions: dict[str, None] = field(default_factory=dict)
    by: dict[str, None] = field(default_factory=dict)


def run_check_many(files: Sequence[str], sources: Sequence[Source], asked: CheckAsked, form: Form) -> ExitCode:
    """Print a row for each domain and for each QEMU, and then each kind of refusal and of note once.

    A domain that cannot be read, and a QEMU that cannot be asked, is told of on stderr, and does not keep the others
    from being told of.
    """
    told: list[DomainTold] = []
    with output.ProgressLine() as progress:
        for number, source in enumerate(sources):
            progress.show(f"reading {number} of {len(sources)} QEMUs …")
            _learn(source)
        for one in _ask_all(files, sources, asked):
            told.append(one)
            progress.show(f"{len(told)} of {len(files)} domains against {len(sources)} QEMUs")
    _complain(told)
    if form is Form.json:
        output.write_json(_as_json(told))
    elif form is Form.text:
        _print(told, len(sources))
    else:
        from prober.cli.forms.domains import report_domains
        from prober.cli.forms.write import write_form

        write_form(report_domains(told), form)
    for line in name_left_out(outcome for one in told for outcome in one.outcomes):
        output.note(line)
    codes = [one.unreadable[2] for one in told if one.unreadable]
    code = worst(outcome for one in told for outcome in one.outcomes)
    return max(codes) if codes and code is not ExitCode.failed else code


def _learn(source: Source) -> None:
    """Know the QEMU and its host before there are processes, so that each has them; what is wrong is told later."""
    with suppress(ProberError):
        source.qemu.version()
    with suppress(ProberError):
        source.settings.host  # noqa: B018 - it is kept


def _ask_all(files: Sequence[str], sources: Sequence[Source], asked: CheckAsked) -> Iterator[DomainTold]:
    """What is said of each, in order."""
    processors = len(os.sched_getaffinity(0))
    if processors == 1 or len(files) * len(sources) < _ALONE or asked.prove or "-" in files:
        yield from (_ask_of(file, sources, asked) for file in files)
        return
    _Work.sources, _Work.asked = sources, asked
    with _processes(processors) as pool:
        with uninterrupted():  # With the first work all of them are forked.
            answers = pool.map(_work, files, chunksize=_AT_A_TIME)
        yield from answers


class _Work:
    """What each process has from the one that forked it: capabilities are not copied, and not read again."""

    sources: Sequence[Source] = ()
    asked = CheckAsked()


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that have all that this one has; whatever happens, none is left."""
    gc.freeze()
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        for process in list(pool._processes.values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _begin() -> None:
    """Ctrl-C is for the one who waits for us, and who ends us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _work(file: str) -> DomainTold:
    return _ask_of(file, _Work.sources, _Work.asked)


def _ask_of(file: str, sources: Sequence[Source], asked: CheckAsked) -> DomainTold:
    shown = shown_name(file)
    try:
        about = read_asked(expand_xml(read_xml_file(file)), file, asked.wishes)
    except UnreadableDomainError as error:
        return DomainTold(shown, unreadable=(error.message, error.hint, exit_code(error)))
    outcomes = [ask(source, about, asked) for source in sources]
    outcomes = [*ask_those_left_out(outcomes, sources, about, asked)]
    return DomainTold(shown, tuple(outcomes), path=file, xml=about.xml if file == "-" else b"")


def _complain(told: Sequence[DomainTold]) -> None:
    failed: dict[str, tuple[str, str]] = {}
    for one in told:
        if one.unreadable:
            output.complain(*one.unreadable[:2])
        for outcome in one.outcomes:
            if outcome.error is not None:
                failed.setdefault(outcome.label, outcome.error[:2])
    for label, (message, hint) in failed.items():
        output.complain(f"{label}: {message}", hint)


def _print(told: Sequence[DomainTold], asked: int) -> None:
    rows = [(one.file, *_counts(one.outcomes), _refusing(one)) for one in told]
    output.write_table(("domain", "yes", "no", "other", "refused by"), rows)
    output.write("")
    columns = zip(*(one.outcomes for one in told if not one.unreadable), strict=True)
    rows_of_qemus = [
        (outcomes[0].numbers, *_counts(outcomes), " ".join({one.ground: None for one in outcomes}), outcomes[0].label)
        for outcomes in columns
        if not all(one.other_target for one in outcomes)
    ]
    output.write_table(("QEMU", "yes", "no", "other", "ground", "from"), rows_of_qemus)
    elsewhere = {
        label for label, every in _by_label(told).items() if all(one.other_target is not None for one in every)
    }
    for group in (*_groups(told, lambda one: one.refusals), *_groups(told, lambda one: one.notes)):
        output.write("")
        more = len(group.files) - 1
        output.write(f"{group.file}:{group.refusal}")
        who = "all" if len(group.by) == asked - len(elsewhere) > 1 else ", ".join(group.versions)
        others = f"; and so in {more} more domain{'s' if more > 1 else ''}" if more else ""
        output.write(f"  by {who}{others} [{group.refusal.rule}]")


def _by_label(told: Sequence[DomainTold]) -> dict[str, list[QemuOutcome]]:
    found: dict[str, list[QemuOutcome]] = {}
    for one in told:
        for outcome in one.outcomes:
            found.setdefault(outcome.label, []).append(outcome)
    return found


def _counts(outcomes: Sequence[QemuOutcome]) -> tuple[object, object, object]:
    """How many say yes, how many say no, and how many neither."""
    verdicts = [one.verdict for one in outcomes if one.other_target is None]
    yes, no = verdicts.count("yes"), verdicts.count("no")
    return yes or "", no or "", len(verdicts) - yes - no or ""


def _refusing(one: DomainTold) -> str:
    if one.unreadable:
        return "cannot be read"
    refusing = [outcome.numbers for outcome in one.outcomes if outcome.verdict == "no"]
    asked = sum(outcome.other_target is None for outcome in one.outcomes)
    return "all" if len(refusing) == asked > 1 else ", ".join(refusing)


def _groups(told: Sequence[DomainTold], said_by: Callable[[QemuOutcome], Sequence[Refusal | Note]]) -> list[_Group]:
    """Refusals, or notes, that differ in nothing but domain, line and the version that gives them, the most frequent
    first."""
    groups: dict[tuple[str, str, str], _Group] = {}
    for one in told:
        for outcome in one.outcomes:
            for refusal in said_by(outcome):
                said = refusal.model_copy(update={"message": unversioned(refusal, outcome)})
                key = (said.place.path, said.message, said.hint)
                group = groups.setdefault(key, _Group(one.file, said))
                group.files[one.file] = group.versions[outcome.numbers] = group.by[outcome.label] = None
    return sorted(groups.values(), key=lambda group: -len(group.files))


def _as_json(told: Sequence[DomainTold]) -> dict[str, Any]:
    return {
        "domains": [
            {
                "domain": one.file,
                "error": one.unreadable[0] if one.unreadable else None,
                "against": [outcome_json(outcome) for outcome in one.outcomes if outcome.other_target is None],
                "left_out": [left_out_json(outcome) for outcome in one.outcomes if outcome.other_target is not None],
                "refusals": [
                    {**refusal.model_dump(mode="json", exclude={"evidence"}), "by": outcome.label}
                    for outcome in one.outcomes
                    for refusal in outcome.refusals
                ],
                "notes": [
                    {**note.model_dump(mode="json"), "by": outcome.label}
                    for outcome in one.outcomes
                    for note in outcome.notes
                ],
            }
            for one in told
        ]
    }


def outcome_json(one: QemuOutcome) -> dict[str, Any]:
    """What one QEMU says, as JSON."""
    return {
        "from": one.label,
        "version": one.version,
        "accepts": {"yes": True, "no": False}.get(one.verdict),
        "ground": one.ground or None,
        "proof": one.proof,
        "refusals": len(one.refusals),
        "notes": len(one.notes),
        "error": one.error.message if one.error else None,
    }


def left_out_json(one: QemuOutcome) -> dict[str, Any]:
    """A recording of a directory that is for something else than the domain, as JSON."""
    return {"from": one.label, "version": one.version, "target": one.other_target}
