"""``<controller type='pci'>``: the machine's own bus, bridges, ports, and buses of a NUMA node."""

from collections.abc import Mapping
from types import MappingProxyType

from prober.devices.controller.pci.base import PciBridge, PciController
from prober.devices.controller.pci.bridges import ConventionalBridge, DmiToPciBridge, PcieToPciBridge
from prober.devices.controller.pci.expanders import PcieExpanderBus, PciExpanderBus
from prober.devices.controller.pci.ports import DownstreamPort, PcieRootPort, UpstreamPort
from prober.devices.controller.pci.roots import PcieRoot, PciRoot, Root

#: Every model, by its name in the XML.
MODELS: Mapping[str, type[PciController]] = MappingProxyType(
    {
        "pci-root": PciRoot,
        "pcie-root": PcieRoot,
        "pci-bridge": ConventionalBridge,
        "pcie-root-port": PcieRootPort,
        "pcie-switch-upstream-port": UpstreamPort,
        "pcie-switch-downstream-port": DownstreamPort,
        "dmi-to-pci-bridge": DmiToPciBridge,
        "pcie-to-pci-bridge": PcieToPciBridge,
        "pci-expander-bus": PciExpanderBus,
        "pcie-expander-bus": PcieExpanderBus,
    }
)

PciController.choices = MODELS


def bridge_for(model: str, index: int) -> PciBridge:
    """A controller of this model that no XML asked for."""
    bridge = MODELS[model](type="pci", model=model, index=index)
    assert isinstance(bridge, PciBridge)
    return bridge


__all__ = ["MODELS", "PciBridge", "PciController", "PciRoot", "PcieRoot", "PcieRootPort", "Root", "bridge_for"]
