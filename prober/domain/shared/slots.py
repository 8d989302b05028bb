"""What a device's plug is like: which kinds of PCI slot it fits.

The kinds are libvirt's (11.3, ``src/conf/domain_addr.h``), so that a domain gets the same addresses.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from prober.host.target import Target

#: A set of :class:`Plug`'s bits.
Kinds: TypeAlias = int


class Plug:
    """What a device is to the bus it sits on, and what a bus accepts, as bits.

    ``AUTO`` on a device: it takes whatever slot is found; on a bus: slots may be given to such devices.
    ``SHARE``: several of the kind may share a slot, a function each (root ports).
    ``INTEGRATED``: it belongs on the machine's own bus, whatever that accepts otherwise (an IOMMU, pvpanic).

    Plain numbers, as they are asked hundreds of times a domain, and :mod:`enum` takes ten times as long.
    """

    PCI_DEVICE: Final = 1
    PCIE_DEVICE: Final = 2
    PCI_BRIDGE: Final = 4
    PCIE_ROOT_PORT: Final = 8
    DMI_TO_PCI_BRIDGE: Final = 16
    PCIE_TO_PCI_BRIDGE: Final = 32
    UPSTREAM_PORT: Final = 64
    DOWNSTREAM_PORT: Final = 128
    PCI_EXPANDER_BUS: Final = 256
    PCIE_EXPANDER_BUS: Final = 512
    ALL_KINDS: Final = 1023
    AUTO: Final = 1024
    SHARE: Final = 2048
    INTEGRATED: Final = 4096

    @classmethod
    def pci(cls) -> Kinds:
        """A conventional PCI device."""
        return cls.PCI_DEVICE | cls.AUTO

    @classmethod
    def pcie(cls, target: Target) -> Kinds:
        """A PCI Express device, on a machine that has PCI Express."""
        return cls.PCIE_DEVICE | cls.AUTO if target.has_express else cls.pci()

    @classmethod
    def virtio(cls, target: Target) -> Kinds:
        """A virtio device: Express where it can be, without losing old guests."""
        return cls.pcie(target) if target.virtio_is_pcie else cls.pci()


_DESCRIPTIONS = {
    Plug.PCI_DEVICE: "PCI device",
    Plug.PCIE_DEVICE: "PCI Express device",
    Plug.PCI_BRIDGE: "pci-bridge",
    Plug.PCIE_ROOT_PORT: "pcie-root-port",
    Plug.DMI_TO_PCI_BRIDGE: "dmi-to-pci-bridge",
    Plug.PCIE_TO_PCI_BRIDGE: "pcie-to-pci-bridge",
    Plug.UPSTREAM_PORT: "pcie-switch-upstream-port",
    Plug.DOWNSTREAM_PORT: "pcie-switch-downstream-port",
    Plug.PCI_EXPANDER_BUS: "pci-expander-bus",
    Plug.PCIE_EXPANDER_BUS: "pcie-expander-bus",
}


def describe_plug(plug: Kinds) -> str:
    """The kinds in words: ``PCI device or pci-bridge``."""
    return " or ".join(words for kind, words in _DESCRIPTIONS.items() if plug & kind)
