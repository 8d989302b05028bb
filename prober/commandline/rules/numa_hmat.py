"""HMAT: what ``-numa`` says of the speed of memory and of its caches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prober.commandline.line import Line, number, size, switch
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.numa import numa_nodes, numa_values
from prober.commandline.rules.numa_cpus import NumaStep, nodes_with_cpus, walk
from prober.commandline.rules.rule import Rule

_MIB = 1 << 20


def _memory_attributes(line: Line) -> Iterator[Fault]:
    is_on = switch(line.machine_value("hmat")) is True or "hmat" in line.globals
    seen: set[tuple[str, ...]] = set()
    for option in line.keyval.get("-numa", ()):
        values = numa_values(option)
        kind = str(values.get("type"))
        part = kind if kind.startswith("hmat-") else "initiator" if kind == "node" and "initiator" in values else ""
        if not part:
            continue
        if not is_on:
            yield Fault(
                option.place, part, f"-numa {kind} {part} needs -machine hmat=on".replace(f"{kind} {kind}", kind)
            )
        if kind != "hmat-lb":
            continue
        yield from _latency_or_bandwidth(option, values)
        key = tuple(str(values.get(name)) for name in ("initiator", "target", "hierarchy", "data-type"))
        if key in seen:
            yield Fault(option.place, "data-type", f"{key[3]} between these nodes is given twice")
        seen.add(key)


def _initiators(line: Line) -> Iterator[Fault]:
    """A node with CPUs is its own initiator."""
    if switch(line.machine_value("hmat")) is not True:
        return
    for option, node, values in numa_nodes(line):
        if "cpus" in values and node is not None and number(values.get("initiator", node)) not in (None, node):
            message = f"NUMA node {node} has CPUs, and is its own initiator, not node {values['initiator']}"
            yield Fault(option.place, "initiator", message)


def _initiators_before(line: Line) -> Iterator[Fault]:
    """QEMU 5.2 takes node 0 for the initiator where CPUs are given with the node."""
    if switch(line.machine_value("hmat")) is not True:
        return
    for option, node, values in numa_nodes(line):
        if "cpus" in values and node:
            message = f"NUMA node {node} has CPUs, and node 0 is its initiator in QEMU {line.caps.version}"
            yield Fault(option.place, "initiator", message, f"name its CPUs by -numa cpu,node-id={node}")


def _latency_or_bandwidth(option: Keyval, values: Mapping[str, Value]) -> Iterator[Fault]:
    data = str(values.get("data-type"))
    needed, other = ("latency", "bandwidth") if data.endswith("latency") else ("bandwidth", "latency")
    if not data.endswith(needed):
        return  # no word that QEMU knows
    if needed not in values:
        yield Fault(option.place, needed, f"-numa hmat-lb of {data} needs {needed}")
    if other in values:
        yield Fault(option.place, other, f"-numa hmat-lb of {data} takes no {other}")
    bandwidth = size(values.get("bandwidth"))
    if needed == "bandwidth" and bandwidth is not None and bandwidth % _MIB:
        yield Fault(option.place, "bandwidth", f"a bandwidth is a multiple of 1 MiB, not {bandwidth}")


#: What is kept of a latency or a bandwidth (``UINT16_MAX``).
_WORD = 0xFFFF


@dataclass
class _Entries:
    """What was given of one kind of latency or bandwidth: the unit, and the most (``HMAT_LB_Info``)."""

    base: int = 0
    most: int = 0

    def add_latency(self, latency: int) -> bool:
        """Whether one more can be told in the same unit."""
        if not latency:
            return True
        base, unit, rest = self.base or (1 << 64) - 1, 1, latency
        while not rest % 10:
            rest, unit = rest // 10, unit * 10
        most = max(self.most, latency // base)
        if most >= _WORD:
            return False
        self.base, self.most = min(base, unit), most
        return True

    def add_bandwidth(self, bandwidth: int) -> bool:
        """Whether one more can be told in the same unit."""
        if not bandwidth:
            return True
        bits = self.most | bandwidth
        unit = bits & -bits
        if bits.bit_length() - (unit.bit_length() - 1) > 16 or bandwidth // unit >= _WORD:
            return False
        self.base, self.most = unit, bits
        return True


@dataclass
class _Hmat:
    """What was said of HMAT so far."""

    entries: dict[tuple[str, str], _Entries] = field(default_factory=dict)
    told: dict[int, set[str]] = field(default_factory=dict)
    caches: dict[tuple[int, int], int] = field(default_factory=dict)

    def add_speed(self, step: NumaStep) -> Iterator[Fault]:
        """One ``hmat-lb``: between nodes that are there, of a value that goes with those before it."""
        values = step.values
        initiator, target = number(values.get("initiator")), number(values.get("target"))
        if step.owners is not None and initiator is not None and initiator not in step.owners:
            message = f"node {initiator} has no CPUs when it is named, and cannot be an initiator"
            yield Fault(step.option.place, "initiator", message, "give it CPUs before that, by -numa cpu or cpus=")
        data = str(values.get("data-type"))
        part = "latency" if data.endswith("latency") else "bandwidth"
        value = number(values.get(part)) if part == "latency" else size(values.get(part))
        if value is None or not 0 <= value < 1 << 64:
            return
        entries = self.entries.setdefault((str(values.get("hierarchy")), data), _Entries())
        if not (entries.add_latency if part == "latency" else entries.add_bandwidth)(value):
            message = f"{data} {value} is too far from the others: the largest is up to {_WORD - 1} times their unit"
            yield Fault(step.option.place, part, message)
        if value and target is not None:
            self.told.setdefault(target, set()).add(part)

    def add_cache(self, step: NumaStep) -> Iterator[Fault]:
        """One ``hmat-cache``: after what it caches, from level 1 on, each larger than the one before."""
        values, place = step.values, step.option.place
        node, level, length = number(values.get("node-id")), number(values.get("level")), size(values.get("size"))
        if node is None or level is None:
            return
        missing = {"latency", "bandwidth"} - self.told.get(node, set())
        if missing:
            message = f"the caches of node {node} come after its {' and '.join(sorted(missing))}"
            yield Fault(place, "node-id", message, f"write -numa hmat-lb,target={node} for both before it")
            return
        if not 1 <= level <= _MOST_LEVELS:
            yield Fault(place, "level", f"level is from 1 to {_MOST_LEVELS}, not {level}")
        elif (node, level) in self.caches:
            yield Fault(place, "level", f"the cache of node {node} at level {level} is given twice")
        elif level > 1 and (node, level - 1) not in self.caches:
            yield Fault(place, "level", f"the cache at level {level - 1} comes before that at level {level}")
        elif length is not None and level > 1 and length <= self.caches[node, level - 1]:
            message = f"the cache at level {level} is larger than that at level {level - 1}, not {length} bytes"
            yield Fault(place, "size", message)
        if length is not None:
            self.caches.setdefault((node, level), length)


#: How many levels of caches there are (``HMAT_LB_LEVELS``).
_MOST_LEVELS = 3


def _speeds(line: Line) -> Iterator[Fault]:
    return _said(line, "hmat-lb")


def _caches(line: Line) -> Iterator[Fault]:
    return _said(line, "hmat-cache")


def _said(line: Line, wanted: str) -> Iterator[Fault]:
    """What is wrong with the options of one kind, each of which goes with those before it."""
    if switch(line.machine_value("hmat")) is not True:
        return
    hmat = _Hmat()
    for step in walk(line):
        about = {"hmat-lb": hmat.add_speed, "hmat-cache": hmat.add_cache}.get(step.kind)
        found = list(about(step)) if about is not None else []
        if step.kind == wanted:
            yield from found


def _initiator_nodes(line: Line) -> Iterator[Fault]:
    """An initiator has CPUs in the end; nodes to which no CPU was given get them by their sockets."""
    if switch(line.machine_value("hmat")) is not True:
        return
    cpus = nodes_with_cpus(line)
    present = {node for _, node, _ in numa_nodes(line)}
    for option, node, values in numa_nodes(line):
        initiator = number(values.get("initiator"))
        if initiator is None:
            if cpus is not None and node is not None and _lacks_initiator(line, node, cpus.rest):
                message = f"QEMU {line.caps.version} finds no initiator of NUMA node {node} by itself"
                yield Fault(option.place, "initiator", message, "write initiator= of a node with CPUs")
        elif initiator not in present:
            yield Fault(option.place, "initiator", f"there is no NUMA node {initiator} that could be the initiator")
        elif cpus is not None and (message := _against(initiator, node, cpus.given | cpus.rest, values)):
            yield Fault(option.place, "initiator", message)


def _against(initiator: int, node: int | None, owners: set[int], values: Mapping[str, Value]) -> str:
    """Why a node that is there cannot be the initiator of another; empty where it can."""
    if initiator not in owners:
        return f"node {initiator} has no CPUs, and cannot be an initiator"
    if node in owners and initiator != node and "cpus" not in values:
        return f"NUMA node {node} has CPUs, and is its own initiator, not node {initiator}"
    return ""


def _lacks_initiator(line: Line, node: int, rest: set[int]) -> bool:
    """QEMU 5.2 forgets that a node has CPUs which are given with it, and asks for an initiator of each node that has
    none by ``-numa cpu`` or of the ``rest``."""
    if line.caps.version.numbers >= (6, 0, 0) or "initiator" in line.globals:
        return False
    given = [numa_values(option) for option in line.keyval.get("-numa", ())]
    return node not in rest | {number(values.get("node-id")) for values in given if values.get("type") == "cpu"}


RULES = (
    Rule(
        "line/numa-hmat",
        "HMAT is on where it is used, with a latency or a bandwidth as its type says",
        "hw/core/numa.c, parse_numa_node, set_numa_options, parse_numa_hmat_lb",
        _memory_attributes,
        about=("-numa",),
        wrong=(
            "-display none -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0,initiator=0 -numa "
            "node,memdev=b,initiator=0 -numa "
            "hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency"
        ),
        right=(
            "-display none -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0,initiator=0 -numa "
            "node,memdev=b,initiator=0 -numa "
            "hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5"
        ),
    ),
    Rule(
        "line/numa-initiator",
        "a NUMA node with CPUs is its own initiator",
        "hw/core/machine.c, machine_set_cpu_numa_node",
        _initiators,
        about=("-numa",),
        wrong=(
            "-display none -smp 2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0 -numa "
            "node,memdev=b,cpus=1,initiator=0"
        ),
        right=(
            "-display none -smp 2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0 -numa "
            "node,memdev=b,cpus=1,initiator=1"
        ),
        since=(6, 0, 0),
    ),
    Rule(
        "line/numa-initiator-0",
        "CPUs that are given with a NUMA node are of node 0 where HMAT is on",
        "hw/core/machine.c, machine_set_cpu_numa_node",
        _initiators_before,
        about=("-numa",),
        wrong=(
            "-display none -smp 2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0,initiator=0 "
            "-numa node,memdev=b,cpus=1,initiator=1"
        ),
        right=(
            "-display none -smp 2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b "
            "-numa cpu,node-id=1,socket-id=1 -numa cpu,node-id=0,socket-id=0"
        ),
        until=(6, 0, 0),
    ),
    Rule(
        "line/numa-speed",
        "an initiator has CPUs before it is named, and what is said of its speed has one unit",
        "hw/core/numa.c, parse_numa_hmat_lb",
        _speeds,
        about=("-numa",),
        wrong=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1,initiator=0 "
            "-numa node,memdev=b,initiator=0 "
            "-numa hmat-lb,initiator=1,target=0,hierarchy=memory,data-type=access-latency,latency=5"
        ),
        right=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1,initiator=0 "
            "-numa node,memdev=b,initiator=0 "
            "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5"
        ),
    ),
    Rule(
        "line/numa-cache",
        "caches of memory come after its latency and bandwidth, level by level",
        "hw/core/numa.c, parse_numa_hmat_cache",
        _caches,
        about=("-numa",),
        wrong=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1,initiator=0 "
            "-numa node,memdev=b,initiator=0 "
            "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5 "
            "-numa hmat-cache,node-id=0,size=10K,level=1,associativity=direct,policy=write-back,line=8"
        ),
        right=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1,initiator=0 "
            "-numa node,memdev=b,initiator=0 "
            "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5 "
            "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=200M "
            "-numa hmat-cache,node-id=0,size=10K,level=1,associativity=direct,policy=write-back,line=8"
        ),
    ),
    Rule(
        "line/numa-initiator-cpus",
        "the initiator of a NUMA node is there and has CPUs",
        "hw/core/machine.c, numa_validate_initiator",
        _initiator_nodes,
        about=("-numa",),
        wrong=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1 "
            "-numa node,memdev=b,initiator=1"
        ),
        right=(
            "-display none -smp 2,sockets=2 -M pc,hmat=on -m 128 -object memory-backend-ram,id=a,size=64M "
            "-object memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1,initiator=0 "
            "-numa node,memdev=b,initiator=0"
        ),
    ),
)
