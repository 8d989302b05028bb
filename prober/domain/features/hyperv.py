"""``<features><hyperv>``: what a guest that knows Hyper-V finds of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal, Unfit
from prober.commandline.text import Text
from prober.domain.clock import Clock
from prober.domain.features.switch import Switch, is_on
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AnyCount, OnOff

#: QEMU reads up to twelve bytes (``target/i386/kvm/kvm.c``), and libvirt allows no comma.
_VENDOR = re.compile(r"[\x20-\x2b\x2d-\x7e]{0,12}")

#: The fewest retries that Hyper-V knows; the largest number means never to notify.
_FEWEST_RETRIES = 0xFFF


def _vendor(value: str) -> str:
    if not _VENDOR.fullmatch(value):
        raise Unfit("is not a vendor of at most 12 printable ASCII characters without comma")
    return value


HypervVendorName: TypeAlias = Annotated[str, AfterValidator(_vendor)]


class Spinlocks(Checked):
    """After how many failed attempts to get a lock the guest tells its hypervisor."""

    state: Annotated[OnOff, At("@state"), Becomes("whether `hv-spinlocks` is written")]
    retries: Annotated[AnyCount | None, At("@retries"), Becomes("`hv-spinlocks` of `-cpu`, if they are on")] = None

    def rules(self) -> Iterator[Broken]:
        """Spinlocks that are on count retries."""
        if not self.state:
            return
        if self.retries is None:
            yield Broken("", f"spinlocks need retries=…, at least {_FEWEST_RETRIES}")
        elif self.retries < _FEWEST_RETRIES:
            yield Broken("retries", f"'{self.retries}' is too few: Hyper-V begins at {_FEWEST_RETRIES}")


class HypervVendor(Checked):
    """The vendor of the hypervisor that the guest sees."""

    state: Annotated[OnOff, At("@state"), Becomes("whether `hv-vendor-id` is written")]
    value: Annotated[HypervVendorName | None, At("@value"), Becomes("`hv-vendor-id` of `-cpu`")] = None

    def rules(self) -> Iterator[Broken]:
        """A vendor that is on has a name."""
        if self.state and self.value is None:
            yield Broken("", "vendor_id needs value=…")


class SyntheticTimer(Element):
    """Hyper-V's timers, and whether they interrupt without a message."""

    state: Annotated[OnOff, At("@state"), Becomes("whether `hv-stimer` is written")]
    direct: Annotated[Switch | None, At("direct"), Becomes("`hv-stimer-direct` of `-cpu`")] = None


class TlbFlush(Element):
    """Flushing the TLB of other virtual CPUs by a hypercall, and the kinds of it."""

    state: Annotated[OnOff, At("@state"), Becomes("whether `hv-tlbflush` is written")]
    direct: Annotated[Switch | None, At("direct"), Becomes("`hv-tlbflush-direct` of `-cpu`")] = None
    extended: Annotated[Switch | None, At("extended"), Becomes("`hv-tlbflush-ext` of `-cpu`")] = None


#: The enlightenments, in the order in which libvirt writes them (11.3, ``virDomainHyperv``), each with QEMU's name.
ENLIGHTENMENTS = {
    "relaxed": "hv-relaxed",
    "vapic": "hv-vapic",
    "spinlocks": "hv-spinlocks",
    "vpindex": "hv-vpindex",
    "runtime": "hv-runtime",
    "synic": "hv-synic",
    "stimer": "hv-stimer",
    "reset": "hv-reset",
    "vendor_id": "hv-vendor-id",
    "frequencies": "hv-frequencies",
    "reenlightenment": "hv-reenlightenment",
    "tlbflush": "hv-tlbflush",
    "ipi": "hv-ipi",
    "evmcs": "hv-evmcs",
    "avic": "hv-avic",
    "emsr_bitmap": "hv-emsr-bitmap",
    "xmm_input": "hv-xmm-input",
}


#: What KVM's side of QEMU does not start without (QEMU 4.1 and later, target/i386/kvm/kvm.c, ``kvm_hyperv_properties``
#: and ``kvm_hyperv_expand_features``); ``time`` is the timer hypervclock.
_NEEDS = {
    "synic": ("vpindex",),
    "stimer": ("synic", "time"),
    "tlbflush": ("vpindex",),
    "tlbflush direct": ("vapic",),
    "ipi": ("vpindex",),
    "evmcs": ("vapic",),
}

#: Came with the rules.
_HAS_NEEDS = "hv-stimer-direct"


class HyperV(Element):
    """Single enlightenments (``mode='custom'``), all that KVM of the host has (``mode='passthrough'``), whatever single
    ones say, or by their names all that it has and single ones do not speak of (``mode='host-model'``)."""

    mode: Annotated[
        Literal["custom", "host-model", "passthrough"],
        At("@mode"),
        Becomes("`hv-passthrough` of `-cpu`, or single keys"),
    ] = "custom"
    relaxed: Annotated[Switch | None, At("relaxed"), Becomes("`hv-relaxed` of `-cpu`")] = None
    vapic: Annotated[Switch | None, At("vapic"), Becomes("`hv-vapic` of `-cpu`")] = None
    spinlocks: Annotated[Spinlocks | None, At("spinlocks"), Becomes("`hv-spinlocks` of `-cpu`")] = None
    vpindex: Annotated[Switch | None, At("vpindex"), Becomes("`hv-vpindex` of `-cpu`")] = None
    runtime: Annotated[Switch | None, At("runtime"), Becomes("`hv-runtime` of `-cpu`")] = None
    synic: Annotated[Switch | None, At("synic"), Becomes("`hv-synic` of `-cpu`")] = None
    stimer: Annotated[SyntheticTimer | None, At("stimer"), Becomes("`hv-stimer` of `-cpu`")] = None
    reset: Annotated[Switch | None, At("reset"), Becomes("`hv-reset` of `-cpu`")] = None
    vendor_id: Annotated[HypervVendor | None, At("vendor_id"), Becomes("`hv-vendor-id` of `-cpu`")] = None
    frequencies: Annotated[Switch | None, At("frequencies"), Becomes("`hv-frequencies` of `-cpu`")] = None
    reenlightenment: Annotated[Switch | None, At("reenlightenment"), Becomes("`hv-reenlightenment` of `-cpu`")] = None
    tlbflush: Annotated[TlbFlush | None, At("tlbflush"), Becomes("`hv-tlbflush` of `-cpu`")] = None
    ipi: Annotated[Switch | None, At("ipi"), Becomes("`hv-ipi` of `-cpu`")] = None
    evmcs: Annotated[Switch | None, At("evmcs"), Becomes("`hv-evmcs` of `-cpu`")] = None
    avic: Annotated[Switch | None, At("avic"), Becomes("`hv-avic` of `-cpu`")] = None
    emsr_bitmap: Annotated[Switch | None, At("emsr_bitmap"), Becomes("`hv-emsr-bitmap` of `-cpu`")] = None
    xmm_input: Annotated[Switch | None, At("xmm_input"), Becomes("`hv-xmm-input` of `-cpu`")] = None

    def lacking(self, has_time: bool) -> Iterator[tuple[str, str, str]]:
        """Each enlightenment that is on, with one that it needs and that is not: field, name and what it needs."""
        if self.mode == "passthrough":
            return
        on = {name for name in ENLIGHTENMENTS if is_on(getattr(self, name))}
        if has_time:
            on.add("time")
        if self.tlbflush is not None and self.tlbflush.state and is_on(self.tlbflush.direct):
            on.add("tlbflush direct")
        for name, needed in _NEEDS.items():
            for need in needed:
                if name in on and need not in on:
                    wanted = "<timer name='hypervclock' present='yes'/>" if need == "time" else f"<{need} state='on'/>"
                    yield name.partition(" ")[0], name, wanted

    def cpu_properties(self) -> Iterator[Property]:
        """Keys of ``-cpu`` (libvirt 11.3, ``qemuBuildCpuCommandLine``); what is off is QEMU's default."""
        if self.mode == "passthrough":
            yield Property("hv-passthrough", True, self.place("mode"))
            return
        for name, qemu in ENLIGHTENMENTS.items():
            switch = getattr(self, name)
            if switch is None or not switch.state:
                continue
            place = self.place(name)
            if isinstance(switch, Spinlocks):
                assert switch.retries is not None
                yield Property(qemu, Text(f"0x{switch.retries:x}"), switch.place("retries"))
            elif isinstance(switch, HypervVendor):
                assert switch.value is not None
                yield Property(qemu, switch.value, switch.place("value"))
            else:
                yield Property(qemu, True, place)
            if isinstance(switch, SyntheticTimer | TlbFlush) and is_on(switch.direct):
                yield Property(f"{qemu}-direct", True, switch.place("direct"))
            if isinstance(switch, TlbFlush) and is_on(switch.extended):
                yield Property("hv-tlbflush-ext", True, switch.place("extended"))


def check_hyperv(hyperv: HyperV | None, clock: Clock, target: Target) -> Iterator[Refusal]:
    """Enlightenments that lack what they need, which QEMU with KVM refuses and libvirt leaves to it."""
    if hyperv is None or target.accel != "kvm" or not target.caps.has(f"max-{target.caps.target}-cpu.{_HAS_NEEDS}"):
        return
    timer = clock.timer("hypervclock")
    for field, name, wanted in hyperv.lacking(timer is not None and bool(timer.present)):
        yield Refusal(place=hyperv.place(field), message=f"Hyper-V's {name} needs {wanted}")
