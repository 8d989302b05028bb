"""The machine type that a guest runs, as it keeps it when it goes to another QEMU."""

from __future__ import annotations

from prober.capabilities import Capabilities
from prober.domain.domain import Domain
from prober.host.host import Host
from prober.translate.target import find_target


def canonical_machine(domain: Domain, caps: Capabilities, host: Host | None = None) -> str:
    """The canonical type (``pc-q35-7.2``) that a domain has with this QEMU: what an alias, or no word at all, stands
    for.  One that the QEMU does not have is as it is written."""
    return find_target(domain, caps, None, host or Host()).canonical


def with_machine(domain: Domain, machine: str) -> Domain:
    """The same domain, with this machine type written into it; each element keeps its place in the XML."""
    return domain.replace(os=domain.os.replace(type=domain.os.type.replace(machine=machine)))
