"""What a domain is translated for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from prober.capabilities import Capabilities
from prober.commandline.machines.find import machine_family
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.os.model import OsType
from prober.host.host import Host
from prober.host.target import Target, machine_version

#: The families of machines that become a command line.
_UNDERSTOOD = "x86's pc, q35 and isapc, and virt of aarch64, riscv64 and loongarch64"


def find_target(
    domain: Domain,
    caps: Capabilities,
    monitor: str | None,
    host: Host,
    incoming: str | None = None,
    *,
    is_here: bool = False,
    seed: str | None = None,
) -> Target:
    """What the domain is for.  A machine that the binary does not have is still told by its name."""
    accel: Literal["kvm", "tcg"] = "kvm" if domain.type == "kvm" else "tcg"
    accelerator = caps.accelerators.get(accel, caps.accelerator)
    name = domain.os.type.machine
    if name is None:
        default = accelerator.default_machine
        name = (default.alias or default.name) if default is not None else "none"
    entry = accelerator.machine(name)
    canonical = entry.name if entry is not None else name
    return Target(
        caps=caps,
        accel=accel,
        machine=canonical if host.settings.expand_machine_aliases else name,
        canonical=canonical,
        family=machine_family(canonical, caps.target),
        version=machine_version(canonical),
        entry=entry,
        place=domain.place(),
        monitor=monitor,
        incoming=incoming,
        host=host,
        is_here=is_here,
        seed=seed,
        arch=domain.os.type.arch,
    )


def check_target(os_type: OsType, target: Target) -> Iterator[Refusal]:
    """What this translator has no machine for; that the binary has it is for the check to say."""
    caps = target.caps
    if os_type.arch is not None and caps.target not in targets_of(os_type.arch):
        yield Refusal(
            place=os_type.place("arch"),
            message=f"the domain is for {os_type.arch}, and this QEMU is for {caps.target}",
            hint=f"choose a binary like qemu-system-{targets_of(os_type.arch)[0]}",
        )
    if target.entry is not None and not target.is_understood:
        of = f"machine {target.machine}" if target.is_x86 else f"machine {target.machine} of {caps.target}"
        yield Refusal(place=os_type.place("machine"), message=f"{of}: not understood; understood are {_UNDERSTOOD}")


def targets_of(arch: str) -> tuple[str, ...]:
    """What QEMU calls an architecture; 32 bits run on 64, too (libvirt, ``virQEMUCapsIsArchSupported``)."""
    return {"i686": ("i386", "x86_64"), "armv7l": ("arm", "aarch64")}.get(arch, (arch,))
