"""What ``-smp`` comes to on an x86 machine: how many CPUs, in which topology, and which APIC ids they get.

Sources: ``hw/i386/pc.c``, ``pc_smp_parse``, and ``hw/core/machine.c``, ``smp_parse`` (QEMU 5.2 to 6.1);
``hw/core/machine-smp.c``, ``machine_parse_smp_config`` (since 6.2); ``include/hw/i386/topology.h``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from prober.commandline.keys import pairs_of
from prober.commandline.line import Line, kept_by_line, number
from prober.commandline.options import Keyval, Value

#: Levels of the hierarchy, from the outermost; what is not said is 1, or calculated.
LEVELS = ("drawers", "books", "sockets", "dies", "clusters", "modules", "cores", "threads")
_CALCULATED = ("sockets", "cores", "threads")

#: Since when ``-smp`` is a property of the machine, and new machine types prefer cores over sockets.
_NEW_PARSER = (6, 2, 0)

#: Numbers are cut to so many bits (``unsigned``).
_WORD = 0xFFFFFFFF

#: The levels that not every machine has.
_LEVELS = ("drawers", "books", "clusters", "dies", "modules")

_MACHINE_VERSION = re.compile(r".*-(\d{1,3})\.(\d{1,3})")


class Ids(NamedTuple):
    """Where a CPU sits, each number counted within the level above."""

    socket: int
    die: int
    module: int
    core: int
    thread: int


@dataclass(frozen=True, slots=True)
class SmpTopology:
    """How many CPUs there are, how many there may be, and how many of each level within the one above."""

    cpus: int
    maxcpus: int
    levels: Mapping[str, int]

    def ids(self, index: int) -> Ids:
        """Where the CPU of an index sits (``x86_topo_ids_from_idx``)."""
        levels = self.levels
        rest, thread = divmod(index, levels["threads"])
        rest, core = divmod(rest, levels["cores"])
        rest, module = divmod(rest, levels["modules"])
        socket, die = divmod(rest, levels["dies"])
        return Ids(socket, die, module, core, thread)

    def apic_id(self, index: int) -> int:
        """The APIC id of the CPU of an index: each level has as many bits as its number needs."""
        ids, levels = self.ids(index), self.levels
        found = ids.socket
        for count, part in (
            (levels["dies"], ids.die),
            (levels["modules"], ids.module),
            (levels["cores"], ids.core),
            (levels["threads"], ids.thread),
        ):
            found = found << (count - 1).bit_length() | part
        return found


class NoTopology(NamedTuple):
    """Why ``-smp`` comes to nothing: the key that it is about, and what is wrong."""

    part: str
    message: str


@kept_by_line
def smp_values(line: Line) -> dict[str, Value]:
    """What counts for each key, of ``-smp`` and of ``-machine smp.KEY`` alike (QEMU 6.2)."""
    if line.caps.version.numbers < _NEW_PARSER or not any(name.startswith("smp.") for name in line.merged("-machine")):
        return line.merged("-smp")
    found: dict[str, Value] = {}
    for option in line.options:
        if isinstance(option, Keyval) and option.flag == "-smp":
            found.update((item.name, item.value) for item in pairs_of(option))
        elif isinstance(option, Keyval) and option.flag == "-machine":
            found.update((item.name[4:], item.value) for item in option.pairs if item.name.startswith("smp."))
    return found


@kept_by_line
def topology_of(line: Line) -> SmpTopology | NoTopology | None:
    """What all ``-smp`` come to; None where that is not known: of other machines, or of what is no number."""
    if line.kind == "other" or line.is_open:
        return None
    counts: dict[str, int] = {}
    for name, value in smp_values(line).items():
        count = number(value)
        if count is None or abs(count) > 1 << 64:
            return None
        counts[name] = count
    version = line.caps.version.numbers
    if version < _NEW_PARSER:
        return _parse_before_62(
            {name: count & _WORD for name, count in counts.items()}, line.kind in ("pc", "q35", "isapc")
        )
    return _wrong(counts, line) or _parse(
        {name: count & _WORD for name, count in counts.items()}, _prefers_sockets(line)
    )


def _wrong(counts: Mapping[str, int], line: Line) -> NoTopology | None:
    """What is no number of anything, or of what the machine has not."""
    if 0 in counts.values() and line.caps.version.numbers >= (9, 0, 0):
        zero = next(name for name, count in counts.items() if not count)
        return NoTopology(zero, f"{zero} is 1 or more, not 0")
    machine = line.machine.name if line.machine is not None else line.kind
    for name in _LEVELS:
        # Of a level that is not its own a machine has one (``smp_props``).
        if counts.get(name, 1) & _WORD > 1 and name not in line.family.smp_levels:
            return NoTopology(name, f"machine {machine} has no {name}, so {name} is 1, not {counts[name]}")
    return None


def _prefers_sockets(line: Line) -> bool:
    """Machine types up to 6.1 make sockets of CPUs, where nothing else is said."""
    match = _MACHINE_VERSION.fullmatch(line.machine.name if line.machine is not None else "")
    return match is not None and (int(match[1]), int(match[2])) <= (6, 1)


def _parse(counts: Mapping[str, int], prefers_sockets: bool) -> SmpTopology | NoTopology:
    now, most = counts.get("cpus") or 0, counts.get("maxcpus") or counts.get("cpus") or 0
    levels = {name: counts.get(name) or 1 for name in LEVELS if name not in _CALCULATED}
    found = {name: counts.get(name) or 0 for name in _CALCULATED}
    _fill(found, most // prod(levels.values()), prefers_sockets)
    levels |= {name: count if most else count or 1 for name, count in found.items()}
    most = most or prod(levels.values())
    return _checked(now or most, most, levels, counts)


def _fill(found: dict[str, int], left: int, prefers_sockets: bool) -> None:
    """Of sockets and cores the one that is left out is calculated, else threads; all else that is left out is 1."""
    order = ("sockets", "cores", "threads") if prefers_sockets else ("cores", "sockets", "threads")
    wanted = next((name for name in order if not found[name]), "")
    if not left or not wanted:
        return
    others = [name for name in order if name != wanted]
    for name in others:
        found[name] = found[name] or 1
    found[wanted] = left // (found[others[0]] * found[others[1]])


def _parse_before_62(counts: Mapping[str, int], has_dies: bool) -> SmpTopology | NoTopology:
    now, sockets, cores, threads = (counts.get(name, 0) for name in ("cpus", *_CALCULATED))
    dies = counts.get("dies", 1) if has_dies else 1
    if not dies:
        return NoTopology("dies", "dies is 1 or more, not 0")
    levels = {**dict.fromkeys(LEVELS, 1), "dies": dies}
    if not now or not sockets:
        cores, threads = cores or 1, threads or 1
        if not now:
            sockets = sockets or 1
            now = cores * threads * dies * sockets
        else:
            sockets = counts.get("maxcpus", now) // (cores * threads * dies)
    elif not cores:
        threads = threads or 1
        cores = now // (sockets * dies * threads) or 1
    elif not threads:
        threads = now // (cores * dies * sockets) or 1
    levels |= {"sockets": sockets, "cores": cores, "threads": threads}
    return _checked(now, counts.get("maxcpus", now), levels, counts)


def _checked(now: int, most: int, levels: Mapping[str, int], counts: Mapping[str, int]) -> SmpTopology | NoTopology:
    if most < now:
        return NoTopology("maxcpus", f"maxcpus is {most}, less than {now} CPUs")
    product = prod(levels.values())
    if product != most:
        given = {name: count for name in LEVELS if (count := counts.get(name))}
        shown = " * ".join(f"{name} {count}" for name, count in (given or levels).items())
        made = f"{shown} is {prod(given.values())}" if given else f"{shown} is {product}"
        return NoTopology("maxcpus" if counts.get("maxcpus") else "cpus", f"{made}, and there are {most} CPUs")
    return SmpTopology(now, most, levels)
