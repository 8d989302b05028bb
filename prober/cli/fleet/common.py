"""``prober fleet baseline``, ``supports`` and ``drift``: what hosts have in common, and what they have not."""

from __future__ import annotations

from typing import Annotated

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.fleet.asking import FleetAsked, as_of
from prober.cli.fleet.options import LISTEN_S, Credentials, Listen, Reader, Store, WhereOption
from prober.cli.options import Json
from prober.fleet.baseline import BaselineAnswer, baseline
from prober.fleet.census import SupportsAnswer, supports
from prober.fleet.drift import DriftAnswer, drift
from prober.fleet.known import Where
from prober.service.fleet.routes import BASELINE, DRIFT, SUPPORTS


def fleet_baseline_command(
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    target: Annotated[str, typer.Option("--target", metavar="TARGET", help="For guests of this kind.")] = "x86_64",
    json: Json = False,
) -> None:
    """The CPU model and features as `<cpu>` of a domain, the machine types, and how many devices. Each host counts by
    its newest QEMU for the target; one that has none, or is silent, is left out.

    Exit code: 0; 3 where no host has a QEMU for the target.

    Example: `prober fleet baseline --where rack=7`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    answer = asked.ask(
        BASELINE,
        BaselineAnswer,
        lambda fleet, _: baseline(fleet, chosen, target=target),
        {"where": where, "target": target},
    )
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        _write_baseline(answer)
    raise typer.Exit(ExitCode.ok if answer.hosts else ExitCode.refused)


def _write_baseline(answer: BaselineAnswer) -> None:
    output.write(f"{answer.hosts} hosts for {answer.target}, {as_of(answer.as_of)}")
    if answer.silent:
        output.write(f"left out: {answer.silent} silent")
    for reason, count in answer.without.items():
        output.write(f"left out: {count}: {reason}")
    if not answer.hosts:
        return
    output.write(f"oldest: QEMU {answer.oldest}")
    output.write(f"machines: {' '.join(answer.machines)}")
    if answer.deprecated:
        output.write(f"of these deprecated: {' '.join(answer.deprecated)}")
    output.write(f"devices: {len(answer.devices)} (--json names them)")
    output.write(answer.cpu or "which CPU they have in common is not known: not all of them told what KVM adds")
    if answer.cpu is not None and answer.features is None:
        output.write("what they have besides this model is not known")


def fleet_supports_command(
    fact: Annotated[str, typer.Argument(metavar="FACT", help="As `prober supports` takes it.")],
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    json: Json = False,
) -> None:
    """A host has what one of its QEMUs has.

    Exit code: 0 where some have it, 1 where none has, 4 where that is not known.

    Example: `prober fleet supports PIIX4_PM.acpi-root-pci-hotplug`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    answer = asked.ask(
        SUPPORTS, SupportsAnswer, lambda fleet, _: supports(fleet, fact, chosen), {"where": where, "fact": fact}
    )
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        output.write(
            f"{answer.fact}: {answer.present} of {answer.hosts} hosts have it, {answer.absent} have not, of "
            f"{answer.unknown} it is not known, {answer.silent} silent, {as_of(answer.as_of)}"
        )
        rows = [(one.version or "?", one.verdict, one.hosts, one.build, one.note) for one in answer.builds]
        output.write_table(("QEMU", "VERDICT", "HOSTS", "BUILD", "BECAUSE"), rows)
    if answer.present:
        raise typer.Exit(ExitCode.ok)
    raise typer.Exit(ExitCode.unknown if answer.unknown or answer.silent else ExitCode.absent)


def fleet_drift_command(
    store: Store = None,
    reader: Reader = None,
    credentials: Credentials = None,
    listen: Listen = LISTEN_S,
    where: WhereOption = None,
    label: Annotated[str, typer.Option("--by", metavar="LABEL", help="Peers have the same value of this label.")] = "",
    json: Json = False,
) -> None:
    """Compared are, path by path, the builds of QEMU, and among hosts of the usual build what their kernel and CPU add.
    Silent hosts are left out.

    Exit code: 0 where all have the same, 1 where some differ.

    Example: `prober fleet drift --by rack`
    """
    chosen = Where.parse(where)
    asked = FleetAsked(store, reader, credentials, listen)
    answer = asked.ask(
        DRIFT, DriftAnswer, lambda fleet, _: drift(fleet, chosen, label=label), {"where": where, "by": label}
    )
    if json:
        output.write_json(answer.model_dump(mode="json"))
    else:
        output.write(f"{answer.hosts} hosts compared, {as_of(answer.as_of)}")
        for one in answer.odd:
            peers = f"{label}={one.peers}: " if label else ""
            has = one.has or "nothing"
            output.write(
                f"{peers}{one.path}: {one.hosts} have {one.what} {has}, {one.usually} have {one.usual or 'nothing'}: "
                + " ".join(one.names)
                + (" …" if one.hosts > len(one.names) else "")
            )
    raise typer.Exit(ExitCode.absent if answer.odd else ExitCode.ok)
