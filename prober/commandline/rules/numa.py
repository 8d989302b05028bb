"""``-numa``: what its options say of one another, of the machine and of the memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.keys import pairs_of
from prober.commandline.line import Line, number, size, switch, value_of
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_MIB = 1 << 20

#: A distance that means the same node, and the least between two (``include/sysemu/numa.h``).
_LOCAL = 10


def _values(option: Keyval) -> dict[str, Value]:
    return {item.name: item.value for item in pairs_of(option)}


def _nodes(line: Line) -> Iterator[tuple[Keyval, int | None, dict[str, Value]]]:
    """Each ``-numa node`` with its number: those without one are counted."""
    count = 0
    for option in line.keyval.get("-numa", ()):
        values = _values(option)
        if values.get("type") == "node":
            yield option, number(values["nodeid"]) if "nodeid" in values else count, values
            count += 1


def _numbers(line: Line) -> Iterator[Fault]:
    seen: set[int] = set()
    count = 0
    for option, node, _ in _nodes(line):
        count += 1
        if node is None:
            return
        if node in seen:
            yield Fault(option.place, "nodeid", f"there is a NUMA node {node} already")
        seen.add(node)
    for option in line.keyval.get("-numa", ())[-1:]:
        missing = next((node for node in range(len(seen)) if node not in seen), None)
        if missing is not None and len(seen) == count:
            yield Fault(option.place, "nodeid", f"there is no NUMA node {missing}, and nodes have no gaps")


def _references(line: Line) -> Iterator[Fault]:
    """Nodes that are named before they are there."""
    known: set[int] = set()
    count = 0
    for option in line.keyval.get("-numa", ()):
        values = _values(option)
        kind = str(values.get("type"))
        if kind == "node":
            node = number(values["nodeid"]) if "nodeid" in values else count
            count += 1
            if node is None:
                return
            known.add(node)
            continue
        for key in _NAMES_NODES.get(kind, ()):
            node = number(values.get(key))
            if node is not None and node not in known:
                yield Fault(option.place, key, f"{key} is NUMA node {node}, which is not there when it is named")


#: Members that name a node.  What an initiator is, QEMU finds out from its CPUs.
_NAMES_NODES = {"dist": ("src", "dst"), "cpu": ("node-id",), "hmat-lb": ("target",), "hmat-cache": ("node-id",)}


def _distances(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-numa", ()):
        values = _values(option)
        if values.get("type") != "dist":
            continue
        value = number(values.get("val"))
        if value is None:
            continue
        if value < _LOCAL:
            yield Fault(option.place, "val", f"a distance is {_LOCAL} or more, not {value}")
        elif value != _LOCAL and number(values.get("src")) == number(values.get("dst")):
            yield Fault(option.place, "val", f"the distance of a node from itself is {_LOCAL}, not {value}")


def _memory_attributes(line: Line) -> Iterator[Fault]:
    is_on = switch(line.machine_value("hmat")) is True or "hmat" in line.globals
    seen: set[tuple[str, ...]] = set()
    for option in line.keyval.get("-numa", ()):
        values = _values(option)
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
    for option, node, values in _nodes(line):
        if "cpus" in values and node is not None and number(values.get("initiator", node)) not in (None, node):
            message = f"NUMA node {node} has CPUs, and is its own initiator, not node {values['initiator']}"
            yield Fault(option.place, "initiator", message)


def _initiators_before(line: Line) -> Iterator[Fault]:
    """QEMU 5.2 takes node 0 for the initiator where CPUs are given with the node."""
    if switch(line.machine_value("hmat")) is not True:
        return
    for option, node, values in _nodes(line):
        if "cpus" in values and node:
            message = f"NUMA node {node} has CPUs, and node 0 is its initiator in QEMU {line.caps.version}"
            yield Fault(option.place, "initiator", message)


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


def ram_size(line: Line) -> int | None:
    """The size of memory that ``-m`` asks for; a number without a unit is of MiB (``system/vl.c``)."""
    found = _in_mib(line.value("-m", "size"))
    # Aligned to 8 KiB (``TARGET_PAGE_SIZE`` and more).
    return None if found is None else -(-found // 8192) * 8192


def _in_mib(value: Value) -> int | None:
    """A size in bytes of which a number without a unit is of MiB (``qemu_strtosz_MiB``)."""
    return None if value is None else size(f"{value}M" if str(value)[-1:].isdigit() else value)


def _sum(line: Line) -> Iterator[Fault]:
    if "-numa" not in line.keyval:
        return
    total, place = 0, None
    sizes = {backend.id: size(value_of(backend.properties, "size")) for backend in line.objects}
    ram = ram_size(line)
    for option, _, values in _nodes(line):
        if "mem" in values or "memdev" in values:
            length = _in_mib(values["mem"]) if "mem" in values else sizes.get(str(values["memdev"]))
            if length is None:
                return
            total, place = total + length, option.place
    if place is not None and ram is not None and total != ram:
        yield Fault(place, "memdev", f"the memory of all NUMA nodes is {total} bytes, and -m says {ram}")


def _mem(line: Line) -> Iterator[Fault]:
    """Memory by its size alone, where ``query-machines`` says that the machine has no such nodes."""
    for option, _, values in _nodes(line):
        if "mem" in values and line.machine is not None and line.machine.numa_mem_supported is False:
            message = f"machine {line.machine.name} takes the memory of a NUMA node from memdev alone, not from mem"
            yield Fault(option.place, "mem", message)


def _backend(line: Line) -> Iterator[Fault]:
    """The machine's memory, where it is not of the size that ``-m`` says; QEMU 5.2 took the backend's."""
    name = line.machine_value("memory-backend")
    if name is None:
        return
    for option in line.objects:
        if option.id == name:
            length, ram = size(value_of(option.properties, "size")), ram_size(line)
            if length is not None and ram is not None and length != ram:
                message = f"the machine's memory {option.id} is of {length} bytes, and -m says {ram}"
                yield Fault(option.place, "size", message)


def _not_both(line: Line) -> Iterator[Fault]:
    backend = line.machine_value("memory-backend")
    for option, _, values in _nodes(line):
        if backend is not None and "memdev" in values:
            yield Fault(option.place, "memdev", "memory is of -machine memory-backend or of NUMA nodes, not of both")
            return


RULES = (
    Rule(
        "line/numa-numbers",
        "NUMA nodes have numbers of their own, without gaps",
        "hw/core/numa.c, parse_numa_node, numa_complete_configuration",
        _numbers,
        about=("-numa",),
        wrong=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b,nodeid=2"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b,nodeid=1"
        ),
    ),
    Rule(
        "line/numa-node",
        "NUMA nodes are there when they are named",
        "hw/core/numa.c, parse_numa_distance, parse_numa_hmat_lb, set_numa_options",
        _references,
        about=("-numa",),
        wrong=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b -numa "
            "dist,src=0,dst=2,val=20"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b -numa "
            "dist,src=0,dst=1,val=20"
        ),
    ),
    Rule(
        "line/numa-distance",
        "distances between NUMA nodes are 10 or more",
        "hw/core/numa.c, parse_numa_distance",
        _distances,
        about=("-numa",),
        wrong=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b -numa "
            "dist,src=0,dst=1,val=5"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b -numa "
            "dist,src=0,dst=1,val=15"
        ),
    ),
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
        "line/numa-memory",
        "the memory of all NUMA nodes is that of `-m`",
        "hw/core/numa.c, numa_complete_configuration: sizes",
        _sum,
        about=("-numa",),
        wrong=(
            "-display none -m 192 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b"
        ),
    ),
    Rule(
        "line/numa-or-machine-memory",
        "memory is the machine's or the NUMA nodes'",
        "hw/core/numa.c, numa_complete_configuration: memory-backend",
        _not_both,
        about=("-numa",),
        wrong=(
            "-display none -M pc,memory-backend=m -m 64 -object memory-backend-ram,id=m,size=64M "
            "-object memory-backend-ram,id=n,size=64M -numa node,memdev=n"
        ),
        right="-display none -M pc -m 64 -object memory-backend-ram,id=n,size=64M -numa node,memdev=n",
    ),
    Rule(
        "line/numa-mem",
        "`mem=` of a NUMA node is for machines that have it",
        "hw/core/numa.c, parse_numa_node: numa_mem_supported",
        _mem,
        about=("-numa",),
        wrong="-display none -M pc -m 64 -numa node,mem=64",
        right="-display none -M pc -m 64 -object memory-backend-ram,id=n,size=64M -numa node,memdev=n",
    ),
    Rule(
        "line/machine-memory",
        "the machine's memory is of the size that `-m` says",
        "hw/core/machine.c, machine_run_board_init",
        _backend,
        about=("-machine",),
        wrong="-display none -M pc,memory-backend=m -m 128 -object memory-backend-ram,id=m,size=64M",
        right="-display none -M pc,memory-backend=m -m 64 -object memory-backend-ram,id=m,size=64M",
        since=(7, 2, 0),
    ),
)
