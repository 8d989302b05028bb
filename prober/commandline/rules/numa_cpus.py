"""Which NUMA node each CPU is of, by ``cpus=`` of ``-numa node`` and by ``-numa cpu``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from prober.commandline.line import Line, number
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.numa import numa_values
from prober.commandline.rules.rule import Rule
from prober.commandline.text import as_range
from prober.commandline.topology import Ids, SmpTopology, topology_of

#: Keys that say where a CPU sits, the field of :class:`Ids` for each, and the level that has to have more than one for
#: a machine to know the key (``x86_possible_cpu_arch_ids``).  Books and drawers are not looked at, whatever is said of
#: them (``machine_set_cpu_numa_node``; tried with 10.0 and 11.1).
_KEYS: Mapping[str, tuple[str, str]] = {
    "thread-id": ("thread", ""),
    "core-id": ("core", ""),
    "module-id": ("module", "modules"),
    "die-id": ("die", "dies"),
    "socket-id": ("socket", ""),
    "cluster-id": ("", "clusters"),
}

#: More CPUs than these are not compared with options one by one: somebody may give thousands of both.
_MOST_COMPARED = 1 << 18


@dataclass
class _Map:
    """The node of each CPU that has one, and the nodes to which some were given."""

    topology: SmpTopology
    nodes: dict[int, int] = field(default_factory=dict)
    owners: set[int] = field(default_factory=set)
    ids: list[Ids] = field(default_factory=list)

    @classmethod
    def of(cls, topology: SmpTopology) -> _Map:
        """No CPU has a node yet."""
        return cls(topology, ids=[topology.ids(index) for index in range(topology.maxcpus)])

    def add_indices(self, option: Keyval, node: int, value: Value) -> Iterator[Fault]:
        """CPUs by their numbers, which have no sign (``qapi/opts-visitor.c``, ``opts_type_uint64``)."""
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.lstrip().startswith("-"):
                yield Fault(option.place, "cpus", f"the numbers of CPUs are from 0, not {item[:64]!r}")
        for first, last in _ranges(value):
            if last >= self.topology.maxcpus:
                message = f"there are {self.topology.maxcpus} CPUs, and no CPU {max(first, self.topology.maxcpus)}"
                yield Fault(option.place, "cpus", message)
                return
            for index in range(first, last + 1):
                yield from self._add(option, "cpus", node, index)

    def add_places(self, option: Keyval, node: int, values: Mapping[str, Value]) -> Iterator[Fault]:
        """CPUs by where they sit."""
        wanted: list[tuple[int, int]] = []
        for key, (name, level) in _KEYS.items():
            if key not in values:
                continue
            if level and (not name or self.topology.levels[level] < 2):
                yield Fault(option.place, key, f"the CPUs of this machine have no {key}")
                return
            where = number(values[key])
            if where is None:
                return
            wanted.append((Ids._fields.index(name), where))
        found = [index for index, ids in enumerate(self.ids) if all(ids[at] == where for at, where in wanted)]
        for index in found:
            yield from self._add(option, "node-id", node, index)
        if not found:
            yield Fault(option.place, "socket-id", "there is no CPU with these ids", "see the numbers of -smp")

    def _add(self, option: Keyval, part: str, node: int, index: int) -> Iterator[Fault]:
        before = self.nodes.setdefault(index, node)
        if before != node:
            yield Fault(option.place, part, f"CPU {index} is of NUMA node {before} already, and cannot be of {node}")


@dataclass
class NumaStep:
    """One ``-numa`` when its turn comes: ``cpus`` is what was given by then, None without the topology, and ``faults``
    what is wrong with its own."""

    option: Keyval
    kind: str
    values: Mapping[str, Value]
    cpus: _Map | None
    faults: list[Fault] = field(default_factory=list)

    @property
    def owners(self) -> set[int] | None:
        """The nodes that have CPUs by then; None where nobody knows."""
        return None if self.cpus is None else self.cpus.owners


class NodesWithCpus(NamedTuple):
    """The nodes that have CPUs in the end: ``given`` by the options, and the ``rest``, to which those go that no option
    gives to any."""

    given: set[int]
    rest: set[int]


def _ranges(value: Value) -> Iterator[tuple[int, int]]:
    """The numbers of a list, each with the last of its range."""
    for item in value if isinstance(value, list) else [value]:
        found = number(item)
        pair = (found, found) if found is not None else as_range(item) if isinstance(item, str) else None
        if pair is not None and pair[0] >= 0:
            yield pair


def _map_of(line: Line) -> _Map | None:
    topology = topology_of(line)
    if not isinstance(topology, SmpTopology) or line.kind == "none":
        return None
    most = line.machine.cpu_max if line.machine is not None else None
    options = len(line.keyval.get("-numa", ()))
    if topology.maxcpus > (most or 0) or topology.maxcpus * options > _MOST_COMPARED:
        return None
    if any(item.qom_type == "acpi-generic-initiator" for item in line.objects):
        return None  # A node with one of these is an initiator without CPUs.
    return _Map.of(topology)


def walk(line: Line) -> Iterator[NumaStep]:
    """Every ``-numa`` in its turn."""
    cpus = _map_of(line)
    count = 0
    for option in line.keyval.get("-numa", ()):
        values = numa_values(option)
        step = NumaStep(option, str(values.get("type")), values, cpus)
        if step.kind == "node":
            node = number(values["nodeid"]) if "nodeid" in values else count
            count += 1
            _assign(step, node if "cpus" in values else None)
        elif step.kind == "cpu":
            if "node-id" not in values:
                step.faults.append(Fault(option.place, "node-id", "-numa cpu needs node-id"))
            _assign(step, number(values.get("node-id")))
        yield step


def _assign(step: NumaStep, node: int | None) -> None:
    """Give a node the CPUs that are said."""
    cpus = step.cpus
    if cpus is None or node is None:
        return
    if step.kind == "node":
        step.faults += cpus.add_indices(step.option, node, step.values["cpus"])
    else:
        step.faults += cpus.add_places(step.option, node, step.values)
    cpus.owners.add(node)


def nodes_with_cpus(line: Line) -> NodesWithCpus | None:
    """The nodes that have CPUs in the end; None where nobody knows.

    Where no CPU was given to any, each goes to the node of its socket; else those that are left over go to node 0
    (``hw/core/machine.c``, ``machine_numa_finish_cpu_init``; seen in 5.2, 7.2, 10.0 and 11.1).
    """
    steps = list(walk(line))
    cpus = steps[-1].cpus if steps else None
    if cpus is None:
        return None
    most = cpus.topology.maxcpus
    if cpus.owners:
        rest = {0} if len(cpus.nodes) < most else set()
        return None if any(step.faults for step in steps) else NodesWithCpus(cpus.owners, rest)
    nodes = sum(step.kind == "node" for step in steps)
    return NodesWithCpus(set(), {cpus.topology.ids(index).socket % nodes for index in range(most)}) if nodes else None


def _cpus(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    for step in walk(line):
        yield from step.faults


def _machine(line: Line) -> Iterator[Fault]:
    since = line.family.numa_since
    if since is None or line.caps.version.numbers < since:
        of = "none" if since is None else f"{line.kind} of {line.caps.target} before QEMU {since[0]}.{since[1]}"
        for option in line.keyval.get("-numa", ()):
            yield Fault(option.place, "type", f"machine {of} has no NUMA nodes")


_TWO = "-display none -smp 2,sockets=2 -m 64 -object memory-backend-ram,id=a,size=64M -numa node,memdev=a"

RULES = (
    Rule(
        "line/numa-cpus",
        "CPUs of NUMA nodes are there, and of one node each",
        "hw/core/machine.c, machine_set_cpu_numa_node; hw/core/numa.c, parse_numa_node, set_numa_options",
        _cpus,
        about=("-numa",),
        wrong=f"{_TWO},cpus=0-1 -numa node,cpus=1",
        right=f"{_TWO},cpus=0 -numa node,cpus=1",
    ),
    Rule(
        "line/numa-machine",
        "machine `none` has no NUMA nodes, and `virt` of LoongArch only from 8.1 on",
        "hw/core/numa.c, set_numa_options",
        _machine,
        about=("-numa",),
        wrong="-display none -machine none -numa node",
        right="-display none -machine none",
    ),
)
