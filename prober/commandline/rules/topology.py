"""``-smp``: what its numbers come to."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from prober.commandline.line import Line, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Levels of the hierarchy; those without a number are 1, but for the three that QEMU calculates.
_LEVELS = ("drawers", "books", "sockets", "cores", "threads", "dies", "clusters", "modules")
_CALCULATED = {"sockets", "cores", "threads"}


def _topology(line: Line) -> Iterator[Fault]:
    options = line.keyval.get("-smp", ())
    if not options:
        return
    place = options[-1].place
    counts = {name: number(value) for name, value in line.merged("-smp").items()}
    cpus, most = counts.get("cpus"), counts.get("maxcpus")
    total = most or cpus
    if cpus and most and most < cpus:
        yield Fault(place, "maxcpus", f"maxcpus is {most}, less than {cpus} CPUs")
    limit = line.machine.cpu_max if line.machine is not None else None
    if total and limit and total > limit and line.machine is not None:
        yield Fault(place, "maxcpus", f"machine {line.machine.name} has up to {limit} CPUs, not {total}")
    given = {name: count for name in _LEVELS if (count := counts.get(name))}
    product = prod(given.values())
    complete = given.keys() >= _CALCULATED
    # What is left out, QEMU 5.2 calculates in another way.
    if total and (product != total if complete else total % product and line.caps.version.numbers >= (7, 2, 0)):
        shown = " * ".join(f"{name} {count}" for name, count in given.items())
        yield Fault(place, "maxcpus" if most else "cpus", f"{shown} is {product}, and there are {total} CPUs")


RULES = (
    Rule(
        "line/smp",
        "the numbers of `-smp` multiply to the CPUs",
        "hw/core/machine-smp.c, machine_parse_smp_config (5.2: hw/i386/pc.c, pc_smp_parse)",
        _topology,
        about=("-smp",),
    ),
)
