"""``prober fleet can`` and ``why``: which hosts can run a domain, and why others cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name
from prober.cli.fleet.asking import ASSUME, FleetAsked, as_of, in_pages, make_question
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
from prober.cli.options import Assume, DomainFile, Json
from prober.fleet.can import CanAnswer, WhyAnswer, can, why
from prober.fleet.counting import CountAnswer, ReasonCount
from prober.fleet.judging import Able, FleetJudge
from prober.fleet.known import Fleet, Where
from prober.service.fleet.routes import CAN, WHY

#: So many reasons are told.
_TOLD = 20


def fleet_can_command(
    domain: DomainFile,
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    limit: Limit = 20,
    after: After = "",
    any_emulator: AnyEmulator = False,
    assume: Assume = False,
    json: Json = False,
) -> None:
    """Each host is able, unable, unknown or silent; a host that is unable counts for each of its reasons.

    Exit code: 0 where some can, 3 where none can, 4 where none can and of some it is not known.

    Example: `prober fleet can vm.xml --where rack=7`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    xml = read_xml_file(domain)

    def direct(fleet: Fleet, judge: FleetJudge) -> CanAnswer:
        return can(fleet, judge, make_question(xml, domain, any_emulator, assume), chosen, names=limit, after=after)

    query = {"where": where, "limit": limit, "after": after, "any_emulator": any_emulator, ASSUME: assume}
    answer = asked.ask(CAN, CanAnswer, direct, query, body=xml, file=domain)
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        for line in count_lines(answer):
            output.write(line)
        in_pages(answer.next, "that can")
    raise typer.Exit(exit_for(answer))


def exit_for(answer: CountAnswer) -> ExitCode:
    """0 where some can, 4 where that is not known, else 3."""
    if answer.able:
        return ExitCode.ok
    return ExitCode.unknown if answer.unknown or answer.silent else ExitCode.refused


def count_lines(answer: CountAnswer) -> Iterator[str]:
    """How many can, who, and why others cannot."""
    yield f"{answer.able} of {answer.hosts} can, {as_of(answer.as_of)}" + (":" if answer.names else "")
    yield from (f"  {name}" for name in answer.names)
    yield from _reasons(f"{answer.unable} cannot", answer.unable, answer.reasons)
    yield from _reasons(f"of {answer.unknown} it is not known", answer.unknown, answer.unknown_reasons)
    if answer.silent:
        yield f"{answer.silent} silent"


def _reasons(words: str, count: int, reasons: Sequence[ReasonCount]) -> Iterator[str]:
    if count:
        yield f"{words}:"
        yield from (f"  {reason.hosts:>6} {reason.message}" for reason in reasons[:_TOLD])
        if len(reasons) > _TOLD:
            yield f"  and {len(reasons) - _TOLD} more reasons (--json has all)"


def fleet_why_command(
    domain: DomainFile,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host.")],
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    any_emulator: AnyEmulator = False,
    assume: Assume = False,
    json: Json = False,
) -> None:
    """The refusals are those of `prober translate`, for each QEMU of the host.

    Exit code: 0 where it can, 3 where it cannot, 4 where it is not known.

    Example: `prober fleet why vm.xml node1`
    """
    asked = FleetAsked(store, reader, credentials, listen)
    xml = read_xml_file(domain)

    def direct(fleet: Fleet, judge: FleetJudge) -> WhyAnswer:
        return why(fleet, judge, make_question(xml, domain, any_emulator, assume), host)

    query = {"any_emulator": any_emulator, ASSUME: assume}
    answer = asked.ask(WHY, WhyAnswer, direct, query, places={"host": host}, body=xml, file=domain)
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        for line in _why_lines(answer, shown_name(domain)):
            output.write(line)
    codes = {Able.able: ExitCode.ok, Able.unable: ExitCode.refused, Able.unknown: ExitCode.unknown}
    raise typer.Exit(codes[answer.able])


def _why_lines(answer: WhyAnswer, file: str) -> Iterator[str]:
    words = {Able.able: "can", Able.unable: "cannot", Able.unknown: "is not known to be able to"}
    reason = f": {answer.reason}" if answer.reason else ""
    yield f"{answer.host} {words[answer.able]} run {file}, {as_of(answer.as_of)}{reason}"
    if answer.silent_since is not None:
        yield f"it is silent since {as_of(answer.silent_since).removeprefix('as of ')}"
    for one in answer.qemus:
        version = "?" if one.version is None else one.version
        verdict = {Able.able: "takes it", Able.unable: "refuses it", Able.unknown: "may refuse it"}[one.able]
        yield f"{one.path} (QEMU {version}) {verdict}" + (f": {one.error}" if one.error else "")
        yield from (f"  {file}:{refusal}" for refusal in one.refusals)
