"""Which GIC a machine ``virt`` of ARM gets (libvirt 11.3, ``qemuDomainDefEnableDefaultFeatures``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.domain.features.machine import Gic
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import Places


def settle_gic(domain: Domain, target: Target) -> Completion:
    """The best version that the host's kernel has; under TCG 2, as libvirt does: the emulated version 3 had no MSIs
    (QEMU before 8.0, ``hw/intc/arm_gicv3_its.c``)."""
    if not target.is_understood or "gic" not in target.family.features:
        return domain
    gic = domain.features.gic or Gic(places=Places(target.place))
    yield from _check_gic(gic, target)
    if gic.version is not None:
        return domain
    if target.accel == "kvm" and target.caps.gic is None:
        text = (
            "which GIC the host's kernel has is not known here: version 2 is taken, as by libvirt; version='host' fits"
        )
        yield Note(place=gic.place() if domain.features.gic is not None else domain.place("type"), message=text)
    version = "3" if target.accel == "kvm" and "3" in _of_kernel(target) else "2"
    return domain.replace(features=domain.features.replace(gic=gic.replace(version=version)))


def _of_kernel(target: Target) -> set[str]:
    """The versions that the kernel had where the binary was asked."""
    return {str(one.number) for one in target.caps.gic or () if one.kernel}


def _check_gic(gic: Gic, target: Target) -> Iterator[Refusal]:
    """What goes with KVM alone, and what this host's kernel has not."""
    if gic.version == "host" and target.accel != "kvm":
        message = "the host's GIC is for guests of KVM, and the domain's type is tcg"
        yield Refusal(place=gic.place("version"), message=message, hint="write version='2' or version='3'")
    known = target.is_here and target.accel == "kvm" and target.caps.gic is not None
    if known and gic.version in ("2", "3") and gic.version not in _of_kernel(target):
        message = f"the kernel of this host has no GIC of version {gic.version} for guests"
        yield Refusal(place=gic.place("version"), message=message, hint="write version='host', or leave <gic> out")
