"""``<controller type='pci'>``: the machine's own bus, bridges, ports, and buses of a NUMA node."""

from prober.devices.controller.pci.base import PciBridge, PciController
from prober.devices.controller.pci.expanders import Expander
from prober.devices.controller.pci.models import MODELS
from prober.devices.controller.pci.ports import PcieRootPort
from prober.devices.controller.pci.roots import PcieRoot, PciRoot, Root

__all__ = ["MODELS", "Expander", "PciBridge", "PciController", "PciRoot", "PcieRoot", "PcieRootPort", "Root"]
