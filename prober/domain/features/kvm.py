"""``<features><kvm>``: how KVM shows itself to the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.domain.features.switch import Switch, is_on
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AnyCount, OnOff


class DirtyRing(Checked):
    """KVM counts the pages that a guest writes in a ring of ``size`` entries for each virtual CPU."""

    state: Annotated[OnOff, At("@state"), Becomes("`dirty-ring-size` of `-accel`, or nothing")]
    size: Annotated[AnyCount | None, At("@size"), Becomes("`dirty-ring-size` of `-accel`, if it is on")] = None

    def rules(self) -> Iterator[Broken]:
        """A ring has a size, which KVM bounds (libvirt 11.3, ``virDomainFeaturesKVMDefParse``)."""
        if not self.state:
            return
        if self.size is None:
            yield Broken("", "a dirty ring needs size=…, a power of 2 from 1024 to 65536")
        elif not 1024 <= self.size <= 65536 or self.size & (self.size - 1):
            yield Broken("size", f"'{self.size}' is not a power of 2 from 1024 to 65536")


class KvmFeatures(Element):
    """What of KVM a guest may see or use."""

    hidden: Annotated[Switch | None, At("hidden"), Becomes("`kvm=off` of `-cpu`")] = None
    hint_dedicated: Annotated[Switch | None, At("hint-dedicated"), Becomes("`kvm-hint-dedicated` of `-cpu`")] = None
    poll_control: Annotated[Switch | None, At("poll-control"), Becomes("`kvm-poll-control` of `-cpu`")] = None
    pv_ipi: Annotated[Switch | None, At("pv-ipi"), Becomes("`kvm-pv-ipi=off` of `-cpu`")] = None
    dirty_ring: Annotated[DirtyRing | None, At("dirty-ring"), Becomes("`dirty-ring-size` of `-accel`")] = None

    def cpu_properties(self) -> Iterator[Property]:
        """Keys of ``-cpu`` (libvirt 11.3, ``qemuBuildCpuCommandLine``); what is QEMU's default is not written."""
        if is_on(self.hidden):
            yield Property("kvm", False, self.place("hidden"))
        if is_on(self.hint_dedicated):
            yield Property("kvm-hint-dedicated", True, self.place("hint_dedicated"))
        if is_on(self.poll_control):
            yield Property("kvm-poll-control", True, self.place("poll_control"))
        if self.pv_ipi is not None and not self.pv_ipi.state:
            yield Property("kvm-pv-ipi", False, self.place("pv_ipi"))

    def accelerator_properties(self) -> Iterator[Property]:
        """Keys of ``-accel kvm`` (libvirt 11.3, ``qemuBuildAccelCommandLine``)."""
        ring = self.dirty_ring
        if ring is not None and ring.state and ring.size is not None:
            yield Property("dirty-ring-size", ring.size, ring.place("size"))
