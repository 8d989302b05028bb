"""``-smp``: what its numbers come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from prober.capabilities.models import Machine
from prober.commandline.line import Line, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Levels of the hierarchy; those without a number are 1, but for the three that QEMU calculates.
_LEVELS = ("drawers", "books", "sockets", "cores", "threads", "dies", "clusters", "modules")
_CALCULATED = {"sockets", "cores", "threads"}


class _Cpus(NamedTuple):
    """What all ``-smp`` together say: how many CPUs there are, how many there may be, and how many of each level."""

    now: int | None
    most: int | None
    levels: Mapping[str, int]

    @classmethod
    def of(cls, line: Line) -> _Cpus:
        """Those of a command line; what is 0, or no number, is not said."""
        counts = {name: number(value) for name, value in line.merged("-smp").items()}
        levels = {name: count for name in _LEVELS if (count := counts.get(name))}
        return cls(counts.get("cpus"), counts.get("maxcpus"), levels)

    @property
    def total(self) -> int | None:
        """How many there are at the most."""
        return self.most or self.now


def _topology(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-smp", ())[-1:]:
        cpus = _Cpus.of(line)
        for part, message in (*_maximum(cpus), *_limit(cpus, line.machine), *_product(cpus, line)):
            yield Fault(option.place, part, message)


def _maximum(cpus: _Cpus) -> Iterator[tuple[str, str]]:
    if cpus.now and cpus.most and cpus.most < cpus.now:
        yield "maxcpus", f"maxcpus is {cpus.most}, less than {cpus.now} CPUs"


def _limit(cpus: _Cpus, machine: Machine | None) -> Iterator[tuple[str, str]]:
    if machine is not None and cpus.total and machine.cpu_max and cpus.total > machine.cpu_max:
        yield "maxcpus", f"machine {machine.name} has up to {machine.cpu_max} CPUs, not {cpus.total}"


def _product(cpus: _Cpus, line: Line) -> Iterator[tuple[str, str]]:
    total, product = cpus.total, prod(cpus.levels.values())
    if not total or product == total:
        return
    # What is left out is calculated; 5.2 does so in another way.
    is_open = not cpus.levels.keys() >= _CALCULATED
    if is_open and (total % product == 0 or line.caps.version.numbers < (7, 2, 0)):
        return
    shown = " * ".join(f"{name} {count}" for name, count in cpus.levels.items())
    yield "maxcpus" if cpus.most else "cpus", f"{shown} is {product}, and there are {total} CPUs"


RULES = (
    Rule(
        "line/smp",
        "the numbers of `-smp` multiply to the CPUs",
        "hw/core/machine-smp.c, machine_parse_smp_config (5.2: hw/i386/pc.c, pc_smp_parse)",
        _topology,
        about=("-smp",),
        wrong="-display none -smp 4,sockets=2,cores=1,threads=1",
        right="-display none -smp 4,sockets=4,cores=1,threads=1",
    ),
)
