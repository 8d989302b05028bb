"""Where libvirt keeps what is made for one running domain (11.3, ``qemuDomainSetPrivatePaths``)."""

from __future__ import annotations

from prober.domain.target import Target

#: How much of a domain's name is in the name of its directory (libvirt, ``VIR_DOMAIN_SHORT_NAME_MAX``).
_SHORT = 20


def domain_directory(name: str, target: Target) -> str:
    """The directory of a domain of this name, which is to be made before QEMU starts.

    libvirt's number of a running domain is part of it; here it has none, and -1 stands in its place.
    """
    return f"{target.settings.state_directory}/domain--1-{name[:_SHORT]}"
