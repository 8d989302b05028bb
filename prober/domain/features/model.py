"""``<features>``: all of them, and what they add to ``-cpu``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.options import Property
from prober.domain.features.hyperv import HyperV
from prober.domain.features.kvm import KvmFeatures
from prober.domain.features.machine import MachineFeatures
from prober.domain.features.switch import SwitchOn
from prober.xml.binding import At, Becomes, Element, Neutral
from prober.xml.values import OnOff


class Apic(Element):
    """QEMU's x86 machines always have an APIC; ``eoi`` is KVM's way to end an interrupt without leaving the guest."""

    eoi: Annotated[OnOff | None, At("@eoi"), Becomes("`kvm-pv-eoi` of `-cpu`")] = None


class Features(MachineFeatures):
    """``<features>``: those of the machine, and what changes its CPUs."""

    apic: Annotated[Apic | None, At("apic"), Neutral("QEMU's x86 machines always have an APIC")] = None
    pvspinlock: Annotated[SwitchOn | None, At("pvspinlock"), Becomes("`kvm-pv-unhalt` of `-cpu`")] = None
    hyperv: Annotated[HyperV | None, At("hyperv"), Becomes("the `hv-` keys of `-cpu`")] = None
    kvm: Annotated[KvmFeatures | None, At("kvm"), Becomes("the `kvm` keys of `-cpu` and of `-accel`")] = None
    pmu: Annotated[SwitchOn | None, At("pmu"), Becomes("`pmu` of `-cpu`")] = None

    def interrupt_properties(self) -> Iterator[Property]:
        """Keys of ``-cpu`` for what KVM does with interrupts and locks."""
        if self.apic is not None and self.apic.eoi is not None:
            yield Property("kvm-pv-eoi", self.apic.eoi, self.apic.place("eoi"))
        if self.pvspinlock is not None:
            yield Property("kvm-pv-unhalt", self.pvspinlock.state, self.pvspinlock.place("state"))
