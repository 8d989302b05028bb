"""The table of rules, held against a command line."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities import Evidence, Verdict
from prober.commandline.finding import Finding, Kind
from prober.commandline.line import Line
from prober.commandline.rules import (
    addresses,
    backends,
    chardevs,
    disks,
    memory,
    network,
    numa,
    pci,
    ports,
    sound,
    topology,
)
from prober.commandline.rules.rule import Rule

#: Every rule.
RULES: tuple[Rule, ...] = (
    *addresses.RULES,
    *backends.RULES,
    *chardevs.RULES,
    *disks.RULES,
    *memory.RULES,
    *network.RULES,
    *numa.RULES,
    *pci.RULES,
    *ports.RULES,
    *sound.RULES,
    *topology.RULES,
)


def check_rules(line: Line) -> Iterator[Finding]:
    """What QEMU would not take of options that are each right by themselves."""
    for rule in RULES:
        for place, part, message, hint in rule.find(line) if rule.concerns(line) else ():
            yield Finding(
                kind=Kind.error,
                place=place,
                part=part,
                message=message,
                evidence=Evidence(fact=part, verdict=Verdict.absent, note=f"QEMU refuses it ({rule.source})"),
                hint=hint,
            )
