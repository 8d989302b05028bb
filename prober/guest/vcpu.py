"""How many virtual CPUs there are, how they are grouped, and which of them can be unplugged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pydantic import JsonValue

from prober.capabilities.evidence import Evidence, Verdict
from prober.commandline.options import DeviceOption, Keyval, Need, Option, Prepared, Property
from prober.commandline.refusal import Note, Refusal
from prober.domain.cpu.model import Topology
from prober.domain.domain import Domain
from prober.domain.vcpu import OneVcpu, Vcpu, Vcpus
from prober.guest.cpu.own import cpu_type
from prober.host.target import Target


def check_vcpu(domain: Domain, target: Target) -> Iterator[Refusal | Note]:
    """Numbers that do not fit the machine, or one another."""
    yield from _check_hotplug(domain, target)
    yield from _check_number(domain.vcpu, target)
    yield from _check_topology(domain, target)
    if domain.vcpus is not None and domain.vcpus.every:
        yield from _check_states(domain.vcpus, domain.vcpu.value)


def _check_number(vcpu: Vcpu, target: Target) -> Iterator[Refusal]:
    """More CPUs than the machine takes."""
    entry = target.entry
    if entry is None or entry.cpu_max is None or vcpu.value <= entry.cpu_max:
        return
    note = f"query-machines says cpu-max {entry.cpu_max} for {entry.name}"
    reply: JsonValue = {"name": entry.name, "cpu-max": entry.cpu_max}
    evidence = Evidence(
        fact=f"{entry.name}.cpu-max", verdict=Verdict.present, note=note, command="query-machines", reply=reply
    )
    yield Refusal(
        place=vcpu.place("value"),
        message=f"machine {target.machine} takes at most {entry.cpu_max} CPUs, not {vcpu.value}",
        qemu_name=evidence.fact,
        evidence=evidence,
    )


def _check_hotplug(domain: Domain, target: Target) -> Iterator[Refusal | Note]:
    """CPUs that come and go, on a machine that has none of it: ``hotpluggable-cpus`` of ``query-machines``."""
    entry, vcpus = target.entry, domain.vcpus
    if entry is None or entry.hotpluggable_cpus or target.is_x86 or not target.is_understood:
        return
    note = f"query-machines says hotpluggable-cpus false for {entry.name}"
    reply: JsonValue = {"name": entry.name, "hotpluggable-cpus": False}
    if vcpus is not None and (plugged := _plugged(vcpus.by_number(domain.vcpu.value)) if vcpus.every else []):
        evidence = Evidence(
            fact=f"{entry.name}.hotpluggable-cpus", verdict=Verdict.absent, note=note, command="query-machines",
            reply=reply,
        )  # fmt: skip
        yield Refusal(
            place=plugged[0].place("hotpluggable"),
            message=f"machine {target.machine} of {target.caps.target} plugs no CPUs in",
            qemu_name=evidence.fact,
            evidence=evidence,
            hint="leave <vcpus> out, or write hotpluggable='no'",
        )
    elif (domain.vcpu.current or domain.vcpu.value) < domain.vcpu.value:
        text = f"the CPUs beyond current='{domain.vcpu.current}' never come: {note}"
        yield Note(place=domain.vcpu.place("current"), message=text)


def _check_topology(domain: Domain, target: Target) -> Iterator[Refusal]:
    topology = domain.cpu.topology if domain.cpu is not None else None
    if topology is None:
        return
    if topology.cpus != domain.vcpu.value:
        yield Refusal(
            place=topology.place(),
            message=f"the topology has room for {topology.cpus} CPUs, and <vcpu> says {domain.vcpu.value}",
        )
    for field, fact, of in (("dies", "die-id", "socket"), ("clusters", "cluster-id", "die")):
        if getattr(topology, field) != 1 and not target.caps.has(f"set-numa-node.{fact}"):
            yield Refusal(
                place=topology.place(field),
                message=f"QEMU {target.caps.version} has one of {field} in each {of}, and no more",
                qemu_name=f"set-numa-node.{fact}",
                evidence=target.caps.supports(f"set-numa-node.{fact}"),
            )


def _check_states(vcpus: Vcpus, most: int) -> Iterator[Refusal]:
    """libvirt 11.3, ``qemuDomainDefVcpusPostParse`` and ``qemuProcessValidateHotpluggableVcpus``."""
    numbers: set[int] = set()
    for vcpu in vcpus.every:
        if vcpu.id >= most:
            yield Refusal(place=vcpu.place("id"), message=f"vcpu {vcpu.id} is beyond the last, which is {most - 1}")
        elif vcpu.id in numbers:
            yield Refusal(place=vcpu.place("id"), message=f"vcpu {vcpu.id} is given twice")
        numbers.add(vcpu.id)
    if 0 not in numbers:
        yield Refusal(place=vcpus.place(), message="vcpu 0 cannot be absent")
        return
    every = vcpus.by_number(most)
    yield from _check_order([vcpu for vcpu in every if vcpu.enabled], most)
    for before, vcpu in pairwise(every):
        if not vcpu.is_hotpluggable and before.is_hotpluggable:
            message = f"vcpu {vcpu.id} cannot be plugged, so it must come before all that can"
            yield Refusal(place=vcpu.place("hotpluggable"), message=message)


def _check_order(there: list[OneVcpu], most: int) -> Iterator[Refusal]:
    """An order is for all that are there or for none; each has its own, and those that stay come first."""
    taken: set[int] = set()
    last = 0
    for vcpu in there:
        if (vcpu.order is None) != (there[0].order is None):
            yield Refusal(place=vcpu.place("order"), message="either every CPU that is there has an order, or none has")
            return
        if vcpu.order is None:
            continue
        if vcpu.order in taken or vcpu.order > most:
            yield Refusal(place=vcpu.place("order"), message=f"order='{vcpu.order}' is taken, or beyond {most}")
        if not vcpu.is_hotpluggable and vcpu.order < last:
            yield Refusal(place=vcpu.place("order"), message="CPUs that cannot be plugged are in ascending order")
        taken.add(vcpu.order)
        last = vcpu.order


def _plugged(every: list[OneVcpu]) -> list[OneVcpu]:
    """Those to plug in before the guest starts, in their order."""
    return sorted(
        (vcpu for vcpu in every if vcpu.enabled and vcpu.is_hotpluggable), key=lambda vcpu: (vcpu.order or 0, vcpu.id)
    )


def emit_vcpu(domain: Domain, target: Target) -> Iterator[Option]:
    """``-smp``: the CPUs that stay, how many there may be, and how they are grouped."""
    vcpu, vcpus = domain.vcpu, domain.vcpus
    at_start = vcpu.current or vcpu.value
    needs: tuple[Need, ...] = ()
    place = vcpu.place("current" if vcpu.current is not None else "value")
    pairs: list[Property] = []
    if vcpus is not None and vcpus.every:
        every = vcpus.by_number(vcpu.value)
        at_start = sum(one.enabled and not one.is_hotpluggable for one in every)
        place = vcpus.place()
        needs = () if target.monitor is None else tuple(map(_plug, _plugged(every)))
    if at_start != vcpu.value:
        most = Prepared(str(vcpu.value), *needs) if needs else vcpu.value
        pairs.append(Property("maxcpus", most, vcpu.place("value")))
    topology = domain.cpu.topology if domain.cpu is not None else None
    if topology is None:
        values = (("sockets", vcpu.value), ("cores", 1), ("threads", 1))
        pairs += [Property(name, value, vcpu.place() if name == "sockets" else target.place) for name, value in values]
    else:
        pairs += _grouped(topology, target)
    yield Keyval("-smp", str(at_start), tuple(pairs), place, group="smp-opts")


def emit_plugged(domain: Domain, target: Target) -> Iterator[Option]:
    """Without a monitor to plug them in over, the CPUs that can be unplugged, as ``-device``.

    The ids are those that x86 machines count CPUs by (QEMU, ``x86_cpu_pre_plug``); a level of one member needs none.
    """
    if target.monitor is not None or domain.vcpus is None or domain.cpu is None:
        return
    topology = domain.cpu.topology
    levels = [("socket-id", domain.vcpu.value), ("core-id", 1), ("thread-id", 1)]
    if topology is not None:
        deep = [("die-id", topology.dies), ("module-id", topology.clusters)]
        levels = [
            ("socket-id", topology.sockets),
            *((name, count) for name, count in deep if count > 1),
            ("core-id", topology.cores),
            ("thread-id", topology.threads),
        ]
    typename = cpu_type(domain.cpu.qemu_name, target)
    for vcpu in _plugged(domain.vcpus.by_number(domain.vcpu.value)):
        number, ids = vcpu.id, []
        for name, count in reversed(levels):
            number, at = divmod(number, count)
            ids.append(Property(name, at, vcpu.place("id")))
        yield DeviceOption(typename, (Property("id", f"vcpu{vcpu.id}", vcpu.place("id")), *reversed(ids)), vcpu.place())


def _grouped(topology: Topology, target: Target) -> Iterator[Property]:
    """Each level that the binary has (libvirt asks by what a CPU of ``query-hotpluggable-cpus`` has)."""
    yield Property("sockets", topology.sockets, topology.place("sockets"))
    if target.caps.has("set-numa-node.die-id"):
        yield Property("dies", topology.dies, topology.place("dies"))
    if target.caps.has("set-numa-node.cluster-id"):
        yield Property("clusters", topology.clusters, topology.place("clusters"))
    yield Property("cores", topology.cores, topology.place("cores"))
    yield Property("threads", topology.threads, topology.place("threads"))


def _plug(vcpu: OneVcpu) -> Need:
    return Need(
        "vcpu",
        f"vcpu{vcpu.id}",
        f"before the guest starts, device_add the CPU number {vcpu.id} of query-hotpluggable-cpus, by its type and "
        f"props, with the id vcpu{vcpu.id}",
    )
