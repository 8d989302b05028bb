"""Where libvirt keeps what is made for one running domain (11.3, ``qemuDomainSetPrivatePaths``)."""

from __future__ import annotations

from prober.host.target import Target

#: How much of a domain's name is in the names of what is made for it (libvirt, ``VIR_DOMAIN_SHORT_NAME_MAX``).
_SHORT = 20


def short_name(name: str) -> str:
    """What is made for a domain of this name is called by this: its number, which is -1 before it runs, and the first
    letters of its name (11.3, ``virDomainDefGetShortName``)."""
    return f"-1-{name[:_SHORT]}"


def domain_directory(name: str, target: Target) -> str:
    """The directory of a domain of this name, which is to be made before QEMU starts."""
    return f"{target.settings.state_directory}/domain-{short_name(name)}"
