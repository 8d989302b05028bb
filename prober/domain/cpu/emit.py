"""``-cpu``: the model and its features, and what other elements add (libvirt 11.3, ``qemuBuildCpuCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prober.commandline.options import Keyval, Option, Property
from prober.domain.target import Target

if TYPE_CHECKING:
    from prober.domain.domain import Domain

#: The model of a machine that does not tell its own.
_UNTOLD = {"i386": "qemu32", "x86_64": "qemu64"}


def emit_cpu(domain: Domain, target: Target) -> Iterator[Option]:
    """The CPU; the machine's own default by name (QEMU 4.2), where the domain names none."""
    pairs = tuple(_flags(domain, target))
    model = _default_model(target) or (_UNTOLD.get(target.caps.target) if pairs else None)
    if model is not None:
        yield Keyval("-cpu", model, pairs, target.place)


def _default_model(target: Target) -> str | None:
    default = target.entry.default_cpu_type if target.entry is not None else None
    suffix = f"-{target.caps.target}-cpu"
    return default.removesuffix(suffix) if default is not None and default.endswith(suffix) else None


def _flags(domain: Domain, target: Target) -> Iterator[Property]:
    """What other elements add to the model, in libvirt's order."""
    features = domain.features
    yield from features.interrupt_properties()
    if features.hyperv is not None:
        yield from features.hyperv.cpu_properties()
    if features.kvm is not None:
        yield from features.kvm.cpu_properties()
    if features.pmu is not None:
        yield Property("pmu", features.pmu.state, features.pmu.place("state"))
