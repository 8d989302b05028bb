"""``-smp``: what its numbers come to, and the APIC ids that the CPUs get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

from prober.capabilities.models import Machine
from prober.commandline.line import Line, number, switch
from prober.commandline.options import Keyval
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.topology import LEVELS, NoTopology, SmpTopology, smp_values, topology_of

#: Levels that QEMU calculates where they are left out.
_CALCULATED = {"sockets", "cores", "threads"}


def _topology(line: Line) -> Iterator[Fault]:
    found = topology_of(line)
    place = next((option.place for option in line.keyval.get("-smp", ())[-1:]), None) or next(
        (option.place for option in line.keyval.get("-machine", ())[-1:]), None
    )
    if place is None or not smp_values(line):
        return
    yield from _keys(line, place)
    if isinstance(found, NoTopology):
        yield Fault(place, found.part, found.message)
    total, most = _limits(line, found), (line.machine.cpu_max if line.machine is not None else None)
    if line.machine is not None and most and total > most:
        yield Fault(place, "maxcpus", _too_many(line.machine, total))
    for part, message in _product_elsewhere(line) if line.kind == "other" else ():
        yield Fault(place, part, message)


def _keys(line: Line, place: Origin) -> Iterator[Fault]:
    """Keys of ``-machine smp.KEY`` that are none, and values that are no numbers."""
    of_machine = {name: value for name, value in smp_values(line).items() if name not in line.merged("-smp")}
    if not of_machine:
        return
    known = {key.name for key in (line.caps.options or {}).get("smp-opts", ())}
    for name, value in of_machine.items():
        if (known and name not in known) or number(value) is None:
            yield Fault(place, f"smp.{name}", f"-machine has no smp.{name[:64]} of {str(value)[:64]!r}")


def _limits(line: Line, found: SmpTopology | NoTopology | None) -> int:
    """How many CPUs there are at the most, as far as that is known."""
    if isinstance(found, SmpTopology):
        return found.maxcpus
    most = number(smp_values(line).get("maxcpus")) or number(smp_values(line).get("cpus")) or 0
    return most if abs(most) < 1 << 32 else 0


def _too_many(machine: Machine, total: int) -> str:
    return f"machine {machine.name} has up to {machine.cpu_max} CPUs, not {total}"


def _product_elsewhere(line: Line) -> Iterator[tuple[str, str]]:
    """What holds on any machine, where no more is known of it."""
    counts = {name: number(value) for name, value in line.merged("-smp").items()}
    now, most = counts.get("cpus"), counts.get("maxcpus")
    if now and most and most < now:
        yield "maxcpus", f"maxcpus is {most}, less than {now} CPUs"
    levels = {name: count for name in LEVELS if (count := counts.get(name))}
    total, product = most or now, prod(levels.values())
    if not total or product == total:
        return
    is_open = not levels.keys() >= _CALCULATED
    if is_open and (total % product == 0 or line.caps.version.numbers < (7, 2, 0)):
        return
    shown = " * ".join(f"{name} {count}" for name, count in levels.items())
    yield "maxcpus" if most else "cpus", f"{shown} is {product}, and there are {total} CPUs"


#: The first APIC id that is an x2APIC's.
_FIRST_OF_X2APIC = 255

#: Models that have no x2APIC unless it is asked for (``target/i386/cpu.c``, 10.0 and 11.1).
_NO_X2APIC = re.compile(
    r"(486|athlon|base|Conroe|core2duo|coreduo|Dhyana|EPYC(-IBPB|-Rome|-Milan|-Genoa)?|kvm32|kvm64|n270|Nehalem(-IBRS)?"
    r"|Opteron_G[1-5]|Penryn|pentium[23]?|phenom|qemu32|qemu64|Westmere(-IBRS)?)(-v1)?"
)

_IOMMU = "write -device intel-iommu,intremap=on,eim=on, with KVM and kernel-irqchip=split"


def _many_cpus(line: Line) -> Iterator[Fault]:
    """More CPUs than an APIC has ids for; holes in the topology count, too.

    TCG had no x2APIC before QEMU 9.0, and since then has it where the CPU has the feature.  QEMU 5.2 wants an IOMMU
    with Extended Interrupt Mode for that, which TCG has not.
    """
    topology = topology_of(line)
    if not isinstance(topology, SmpTopology) or not _is_apic_of(line, topology):
        return
    highest = topology.apic_id(topology.maxcpus - 1)
    if highest < _FIRST_OF_X2APIC:
        return
    version = line.caps.version.numbers
    place = [*line.keyval.get("-machine", ()), *line.keyval.get("-smp", ())][-1].place
    many = f"more than {_FIRST_OF_X2APIC} CPUs" if topology.maxcpus > _FIRST_OF_X2APIC else f"APIC ids up to {highest}"
    if line.accelerator != "tcg":
        if version < (6, 0, 0) and line.kind in ("pc", "q35") and not _has_eim(line):
            yield Fault(place, "maxcpus", f"{many} need an IOMMU that remaps their interrupts", _IOMMU)
    elif version < (9, 0, 0):
        is_early = version < (6, 0, 0) and line.kind == "microvm"
        if not is_early or topology.apic_id(topology.cpus - 1) >= _FIRST_OF_X2APIC:
            yield Fault(place, "maxcpus", f"TCG has no APIC for {many}", "use KVM")
    elif topology.apic_id(topology.cpus - 1) >= _FIRST_OF_X2APIC:
        yield from _no_x2apic(line, place, many)


def _is_apic_of(line: Line, topology: SmpTopology) -> bool:
    """Whether the machine numbers its CPUs this way, and has as many."""
    most = line.machine.cpu_max if line.machine is not None else None
    return line.kind in ("pc", "q35", "microvm") and topology.maxcpus <= (most or 0)


def _no_x2apic(line: Line, place: Origin, many: str) -> Iterator[Fault]:
    cpus = line.keyval.get("-cpu", ())
    if "x2apic" not in line.globals and (not cpus or _has_none(cpus[-1])):
        of = cpus[-1].place if cpus else place
        yield Fault(of, "x2apic", f"{many} need x2apic", "write x2apic=on behind the CPU model")


def _has_none(option: Keyval) -> bool:
    """Whether a CPU is of a model that has no x2APIC, unless it is said."""
    return _NO_X2APIC.fullmatch(option.first) is not None and all(item.name != "x2apic" for item in option.pairs)


def _has_eim(line: Line) -> bool:
    """Whether there is an IOMMU that may have Extended Interrupt Mode."""
    return any(switch(device.values.get("eim")) is not False for device in line.of_type("intel-iommu")) or bool(
        line.globals & {"eim", "intremap"}
    )


RULES = (
    Rule(
        "line/smp",
        "the numbers of `-smp` multiply to the CPUs, of which the machine has enough, at levels that it has",
        "hw/core/machine-smp.c, machine_parse_smp_config (5.2: hw/i386/pc.c, pc_smp_parse)",
        _topology,
        about=("-smp", "-machine"),
        wrong="-display none -smp 3,sockets=2",
        right="-display none -smp 4,sockets=2",
    ),
    Rule(
        "line/cpus-x2apic",
        "more than 255 CPUs go with an x2APIC, and before QEMU 6.0 with an IOMMU",
        "hw/i386/x86.c, x86_cpus_init (5.2: hw/i386/pc.c, pc_machine_done); hw/intc/apic_common.c, apic_common_set_id",
        _many_cpus,
        about=("-smp", "-machine"),
        wrong="-display none -machine q35 -smp 256",
        right="-display none -machine q35 -smp 254",
    ),
)
