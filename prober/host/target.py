"""What a domain is translated for: the binary's capabilities, and the machine that the domain names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.machines.family import X86_TARGETS, MachineFamily, MachineKind, RootBus
from prober.commandline.refusal import Place
from prober.host.host import Host, Settings

_VERSION = re.compile(r"-(\d+)\.(\d+)")


@dataclass(frozen=True)
class Target:
    """What completing and emitting may ask about.

    ``machine`` is the name to write (an alias stays an alias), ``canonical`` QEMU's full name for it,
    ``family`` what it is, ``version`` the numbers in the canonical name (None where it has none).
    ``entry`` is what ``query-machines`` says of it.  ``place`` stands for everything that no XML asked for.
    ``monitor`` is the path of a QMP socket that QEMU shall make, or None; ``incoming`` where the guest comes from,
    if it ran before.  ``host`` is what the host brings along: the settings of libvirt's daemon, and the firmware that
    is installed.  ``is_here`` is whether the binary was asked on the host where the domain is to run, so that what it
    said of the CPU is said of that one.  ``seed`` is what that comes from which the domain leaves open for libvirt to
    make up; None where nothing is to be made up.  ``arch`` is libvirt's name of the guest's architecture, where the
    domain says it.
    """

    caps: Capabilities
    accel: Literal["kvm", "tcg"]
    machine: str
    canonical: str
    family: MachineFamily
    version: tuple[int, int] | None
    entry: Machine | None
    place: Place
    monitor: str | None = None
    incoming: str | None = None
    host: Host = field(default_factory=Host)
    is_here: bool = False
    seed: str | None = None
    arch: str | None = None

    @property
    def settings(self) -> Settings:
        """What libvirt's daemon would be told in ``qemu.conf``."""
        return self.host.settings

    @property
    def is_x86(self) -> bool:
        """Whether the binary emulates x86."""
        return self.caps.target in X86_TARGETS

    @property
    def kind(self) -> MachineKind:
        """The kind of the machine's family."""
        return self.family.kind

    @property
    def is_understood(self) -> bool:
        """Whether machines of this family can be translated."""
        return self.family.is_translated

    @property
    def runs_other_bits(self) -> bool:
        """Whether a guest of 32 bits runs on a CPU of 64, which KVM has to be told (libvirt, ``aarch64=off``)."""
        return self.arch == "armv7l" and self.caps.target == "aarch64" and self.accel == "kvm"

    @property
    def root(self) -> RootBus | None:
        """The machine's own PCI bus; None where it has none."""
        return self.family.root

    @property
    def has_pci(self) -> bool:
        """Whether the machine has a PCI bus."""
        return self.family.root is not None

    @property
    def has_express(self) -> bool:
        """Whether that bus is PCI Express."""
        return self.family.root is not None and self.family.root.is_express

    @property
    def root_bus(self) -> str:
        """The name of the machine's own PCI bus."""
        return self.family.root.name if self.family.root is not None else "pci.0"

    @cached_property
    def virtio_is_pcie(self) -> bool:
        """Whether a virtio device in a PCIe slot still serves old guests: ``disable-legacy`` (QEMU 2.6)."""
        return self.has_express and self.caps.has("virtio-blk-pci.disable-legacy")

    @cached_property
    def raw_without_format(self) -> bool:
        """Whether a raw image needs no format node of its own.

        libvirt does without it where block jobs can hide the missing layer: ``backing-mask-protocol`` of both
        ``block-commit`` and ``block-stream`` (QEMU 9.0; libvirt 11.3, ``qemuBlockStorageSourceNeedsFormatLayer``).
        """
        return all(self.caps.has(f"{command}.backing-mask-protocol") for command in ("block-commit", "block-stream"))


def machine_version(canonical: str) -> tuple[int, int] | None:
    """The version in a machine's canonical name."""
    match = _VERSION.search(canonical)
    return (int(match.group(1)), int(match.group(2))) if match else None
