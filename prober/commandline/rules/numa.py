"""``-numa``: what its options say of one another, of the machine and of the memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.keys import pairs_of
from prober.commandline.line import Line, number, size, value_of
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: A distance that means the same node, and the least between two (``include/sysemu/numa.h``).
_LOCAL = 10

#: The greatest distance, which is none (``uint8``).
_FARTHEST = 255


#: The number of the last node that there may be (``MAX_NODES``).
_LAST_NODE = 127


def numa_values(option: Keyval) -> dict[str, Value]:
    """What one option says, by its keys; what kind it is stands for ``type``."""
    return {item.name: item.value for item in pairs_of(option)}


def numa_nodes(line: Line) -> Iterator[tuple[Keyval, int | None, dict[str, Value]]]:
    """Each ``-numa node`` with its number: those without one are counted."""
    count = 0
    for option in line.keyval.get("-numa", ()):
        values = numa_values(option)
        if values.get("type") == "node":
            yield option, number(values["nodeid"]) if "nodeid" in values else count, values
            count += 1


def _numbers(line: Line) -> Iterator[Fault]:
    seen: set[int] = set()
    count = 0
    for option, node, _ in numa_nodes(line):
        count += 1
        if node is None:
            return
        if not 0 <= node <= _LAST_NODE:
            yield Fault(option.place, "nodeid", f"NUMA nodes are from 0 to {_LAST_NODE}, not {node}")
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
        values = numa_values(option)
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
        values = numa_values(option)
        if values.get("type") != "dist":
            continue
        value = number(values.get("val"))
        if value is None:
            continue
        if not _LOCAL <= value <= _FARTHEST:
            yield Fault(option.place, "val", f"a distance is from {_LOCAL} to {_FARTHEST}, not {value}")
        elif value != _LOCAL and number(values.get("src")) == number(values.get("dst")):
            yield Fault(option.place, "val", f"the distance of a node from itself is {_LOCAL}, not {value}")


def ram_size(line: Line) -> int | None:
    """The size of memory that ``-m`` asks for; a number without a unit is of MiB (``system/vl.c``)."""
    found = _in_mib(line.value("-m", "size"))
    # Aligned to 8 KiB (``TARGET_PAGE_SIZE`` and more).
    return None if found is None else -(-found // 8192) * 8192


def _in_mib(value: Value) -> int | None:
    """A size in bytes of which a number without a unit is of MiB (``qemu_strtosz_MiB``)."""
    return None if value is None else size(f"{value}M" if str(value)[-1:].isdigit() else value)


def _sum(line: Line) -> Iterator[Fault]:
    if line.is_open or line.kind == "none":
        return
    total, place, nodes = 0, None, 0
    sizes = {backend.id: size(value_of(backend.properties, "size")) for backend in line.objects}
    ram = ram_of(line)
    for option, _, values in numa_nodes(line):
        nodes, place = nodes + 1, option.place
        length = _in_mib(values["mem"]) if "mem" in values else sizes.get(str(values.get("memdev")))
        if length is None and ("mem" in values or "memdev" in values):
            return
        total += length or 0
    if place is None:
        return
    if not total:
        message = f"{'the NUMA node has' if nodes == 1 else 'the NUMA nodes have'} no memory, and all of it is theirs"
        yield Fault(
            place, "memdev", message, "give each its memory: memdev=ID of an -object memory-backend-ram,id=ID,size=…"
        )
    elif ram is not None and total != ram:
        yield Fault(place, "memdev", f"the memory of all NUMA nodes is {total} bytes, and -m says {ram}")


#: What ``-m`` is where it is not given, on machines of x86 (``hw/core/machine.c``, ``default_ram_size``).
_DEFAULT_RAM = 128 << 20


def ram_of(line: Line) -> int | None:
    """The size of memory, also where ``-m`` says nothing of it."""
    if line.value("-m", "size") is not None or line.kind not in ("pc", "q35", "isapc", "microvm"):
        return ram_size(line) or None
    named = any(line.machine_value(key) is not None for key in ("memory-backend", "memory.size"))
    return None if named else _DEFAULT_RAM


def _mixed(line: Line) -> Iterator[Fault]:
    """Nodes of which some have ``mem`` and some ``memdev``."""
    ways: set[str] = set()
    for option, _, values in numa_nodes(line):
        ways.update(key for key in ("mem", "memdev") if key in values)
        if len(ways) > 1 and line.machine is not None and line.machine.numa_mem_supported is not False:
            yield Fault(option.place, "memdev", "all NUMA nodes have their memory by mem, or all by memdev")
            return


def _once(line: Line) -> Iterator[Fault]:
    """Memory of two nodes."""
    seen: set[str] = set()
    for option, _, values in numa_nodes(line):
        name = str(values.get("memdev", ""))
        if name and name in seen:
            yield Fault(option.place, "memdev", f"the memory of {name!r} is of another NUMA node already")
        seen.add(name)


def _pairs(line: Line) -> Iterator[Fault]:
    """Distances that are missing: each pair has one, and both where those of some pair differ."""
    given: dict[tuple[int | None, int | None], int | None] = {}
    place = None
    for option in line.keyval.get("-numa", ()):
        values = numa_values(option)
        if values.get("type") == "dist":
            place = option.place
            given[number(values.get("src")), number(values.get("dst"))] = number(values.get("val"))
    nodes = [node for _, node, _ in numa_nodes(line)]
    if place is None or line.is_open or len(nodes) > _LAST_NODE + 1 or None in given.values():
        return
    if any(node is None or node not in nodes for pair in given for node in pair):
        return  # which is another rule's
    missing = _missing(given, nodes)
    if missing is not None:
        message = f"there is no distance from node {missing[0]} to node {missing[1]}"
        yield Fault(place, "dst", message, "give one for each two nodes, and both ways where two differ by direction")


def _missing(
    given: Mapping[tuple[int | None, int | None], int | None], nodes: list[int | None]
) -> tuple[int | None, int | None] | None:
    """The first pair that has no distance, and needs one."""
    is_uneven = any(given.get((target, source), value) != value for (source, target), value in given.items())
    pairs = ((source, target) for source in nodes for target in nodes if source != target)
    return next((pair for pair in pairs if pair not in given and (is_uneven or (pair[1], pair[0]) not in given)), None)


def _mem(line: Line) -> Iterator[Fault]:
    """Memory by its size alone, where ``query-machines`` says that the machine has no such nodes."""
    for option, _, values in numa_nodes(line):
        if "mem" in values and line.machine is not None and line.machine.numa_mem_supported is False:
            message = f"machine {line.machine.name} takes the memory of a NUMA node from memdev alone, not from mem"
            yield Fault(option.place, "mem", message)


def _backend(line: Line) -> Iterator[Fault]:
    """The machine's memory, where it is not of the size that ``-m`` says; without ``-m`` it may be of any."""
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
    for option, _, values in numa_nodes(line):
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
            "dist,src=0,dst=1,val=20 -numa dist,src=0,dst=2,val=20"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b -numa "
            "dist,src=0,dst=1,val=20"
        ),
    ),
    Rule(
        "line/numa-distance",
        "distances between NUMA nodes are from 10 to 255",
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
        "line/numa-memory-ways",
        "NUMA nodes have their memory all by `mem` or all by `memdev`",
        "hw/core/numa.c, parse_numa_node: have_memdevs",
        _mixed,
        about=("-numa",),
        wrong=(
            "-display none -M pc-i440fx-5.0 -m 128 -object memory-backend-ram,id=a,size=64M "
            "-numa node,mem=64M -numa node,memdev=a"
        ),
        right="-display none -M pc-i440fx-5.0 -m 128 -numa node,mem=64M -numa node,mem=64M",
        until=(11, 0, 0),
    ),
    Rule(
        "line/numa-memory-once",
        "memory is of one NUMA node",
        "hw/core/machine.c, machine_consume_memdev",
        _once,
        about=("-numa",),
        wrong=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=a"
        ),
        right=(
            "-display none -m 128 -object memory-backend-ram,id=a,size=64M -object "
            "memory-backend-ram,id=b,size=64M -numa node,memdev=a -numa node,memdev=b"
        ),
    ),
    Rule(
        "line/numa-distances",
        "where distances are given, each two NUMA nodes have one",
        "hw/core/numa.c, validate_numa_distance",
        _pairs,
        about=("-numa",),
        wrong=(
            "-display none -m 64 -object memory-backend-ram,id=a,size=64M -numa node,memdev=a -numa node "
            "-numa node -numa dist,src=0,dst=1,val=20"
        ),
        right=(
            "-display none -m 64 -object memory-backend-ram,id=a,size=64M -numa node,memdev=a -numa node "
            "-numa dist,src=0,dst=1,val=20"
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
        about=("memory-backend",),
        wrong="-display none -M pc,memory-backend=m -m 128 -object memory-backend-ram,id=m,size=64M",
        right="-display none -M pc,memory-backend=m -m 64 -object memory-backend-ram,id=m,size=64M",
    ),
)
