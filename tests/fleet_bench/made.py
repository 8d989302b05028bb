"""Builds and variants of a large fleet, made from the recordings that come with prober.

A *build* is a recording with a later micro version and without some devices, as distributions leave them out.  A
*variant* is what a host with a processor of libvirt's map adds to it: what each CPU model lacks there, and what the
host's own model comes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator, CpuExpansion, Kvm
from prober.fleet.blobs import pack_part
from prober.fleet.parts import split
from prober.fleet.records import HostBuild
from prober.guest.cpu.map import Model, cpu_map
from prober.guest.cpu.names import from_qemu, to_qemu
from tests.recordings import FIXTURES, load_capabilities

#: The recordings, from old to new.
VERSIONS = ("5.2.0", "7.2.22", "10.0.13", "11.1.2")

#: So many builds are made of each recording, and so many kinds of hosts have each build.
BUILDS_EACH, KINDS_EACH = 10, 5

#: Devices that a distribution may leave out; the n-th build of a recording is without the first n.
_LEFT_OUT = (
    "edu",
    "pci-testdev",
    "ivshmem-plain",
    "vmxnet3",
    "pvscsi",
    "usb-ccid",
    "sdhci-pci",
    "ivshmem-doorbell",
    "am53c974",
    "u2f-passthru",
)

PATH = "/usr/bin/qemu-system-x86_64"


@dataclass(frozen=True)
class Qemu:
    """One QEMU on one kind of host."""

    build: str
    variant: str
    #: What the two names stand for, as it is stored.
    blobs: tuple[tuple[str, bytes], tuple[str, bytes]]

    @property
    def in_record(self) -> HostBuild:
        """As a host's record has it."""
        return HostBuild(self.build, self.variant, PATH)


def make_qemus(builds_each: int = BUILDS_EACH, kinds_each: int = KINDS_EACH) -> list[Qemu]:
    """All of them: builds and variants that differ, each build on so many kinds of hosts; later ones on newer hosts."""
    builds = [(version, number) for version in VERSIONS for number in range(builds_each)]
    known, kinds = processors(), builds_each * kinds_each
    chosen = [known[kind * len(known) // kinds] for kind in range(kinds)]
    return [
        qemu
        for version, number in builds
        for qemu in _of_build(version, number, chosen[number * kinds_each : (number + 1) * kinds_each])
    ]


def _of_build(version: str, number: int, kinds: Iterable[Model]) -> Iterator[Qemu]:
    """The n-th build of a recording on these kinds of hosts."""
    build, packed = make_build(version, number), None
    for kind in kinds:
        of_build, of_host = split(_on_host(build, kind))
        packed = packed or pack_part(of_build)  # The same on each of them.
        variant = pack_part(of_host)
        yield Qemu(packed[0], variant[0], (packed, variant))


def make_build(version: str, number: int) -> Capabilities:
    """The n-th build of a recording, with what TCG has."""
    recorded = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    without = frozenset(_LEFT_OUT[:number])
    package = f"{recorded.version}-{number + 1}"
    return recorded.model_copy(
        update={
            "version": recorded.version.model_copy(
                update={"micro": recorded.version.micro + number, "package": package}
            ),
            "types": {name: parent for name, parent in (recorded.types or {}).items() if name not in without},
            "properties": {name: told for name, told in recorded.properties.items() if name not in without},
        }
    )


@cache
def processors() -> list[Model]:
    """Fifty kinds of processors and more: those of libvirt's map that are Intel's or AMD's and have long mode, and
    those of them that have TSX, with TSX switched off.  From few features to many.
    """
    known = cpu_map()
    long_mode, tsx = known.features["lm"], known.bits_of(("hle", "rtm"))
    found = [
        model
        for model in known.models.values()
        if model.is_for_guests and model.vendor in ("Intel", "AMD") and model.bits & long_mode
    ]
    found += [replace(model, bits=model.bits & ~tsx) for model in found if model.bits & tsx]
    distinct = {model.bits: model for model in found}
    return sorted(distinct.values(), key=lambda model: model.bits.bit_count())


def _on_host(build: Capabilities, processor: Model) -> Capabilities:
    """A build on a host with KVM and this processor."""
    tcg = build.accelerators["tcg"]
    host = _Host(processor)
    models = {
        name: model.model_copy(update={"unavailable_features": host.lacks(name)})
        for name, model in (tcg.cpu_models or {}).items()
    }
    kvm = tcg.model_copy(update={"cpu_models": models, "cpu_expansions": tuple(host.expansions(tcg))})
    told = {"accelerators": {"kvm": kvm, "tcg": tcg}, "kvm": Kvm(present=True, enabled=True)}
    return build.model_copy(update=told)


@dataclass(frozen=True)
class _Host:
    processor: Model

    @cached_property
    def features(self) -> frozenset[str]:
        """All that its processor has, by libvirt's names."""
        return frozenset(cpu_map().names_of(self.processor.bits))

    def lacks(self, name: str) -> tuple[str, ...]:
        """What a CPU model of QEMU's needs and this host has not, as far as libvirt's map tells; by QEMU's names."""
        known = cpu_map()
        model = known.models.get(re.sub(r"-v\d+$|-(x86_64|i386)-cpu$", "", name))
        missing = () if model is None else known.names_of(model.bits & ~self.processor.bits)
        return tuple(sorted(map(to_qemu, missing)))

    def expansions(self, tcg: Accelerator) -> Iterator[CpuExpansion]:
        """What ``host`` comes to: of the features that QEMU told of under TCG, those that the processor has."""
        vendor = cpu_map().vendors[self.processor.vendor or ""]
        for told in tcg.cpu_expansions[:1]:
            props = {
                name: from_qemu(name) in self.features if isinstance(value, bool) else value
                for name, value in (told.props or {}).items()
            }
            yield CpuExpansion(type="static", model="host", props={**props, "vendor": vendor})
