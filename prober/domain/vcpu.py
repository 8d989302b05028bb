"""``<vcpu>``: how many virtual CPUs there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import JsonValue

from prober.capabilities import Evidence, Verdict
from prober.commandline.options import Keyval, Option, Property
from prober.commandline.refusal import Refusal
from prober.domain.binding import At, Checked
from prober.domain.target import Target
from prober.domain.values import PositiveCount

if TYPE_CHECKING:
    from prober.domain.domain import Domain


class Vcpu(Checked):
    """``<vcpu>``: how many; all are there at start."""

    value: Annotated[PositiveCount, At(".")]
    placement: Annotated[Literal["static"], At("@placement")] = "static"


def refuse_vcpu(domain: Domain, target: Target) -> Iterator[Refusal]:
    """More CPUs than the machine takes."""
    entry, vcpu = target.entry, domain.vcpu
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


def emit_vcpu(domain: Domain, target: Target) -> Iterator[Option]:
    """``-smp``: each CPU a socket of its own, libvirt's topology for a domain that asks for none."""
    vcpu = domain.vcpu
    topology = (
        Property("sockets", vcpu.value, vcpu.place()),
        Property("cores", 1, target.place),
        Property("threads", 1, target.place),
    )
    yield Keyval("-smp", str(vcpu.value), topology, vcpu.place(), group="smp-opts")
