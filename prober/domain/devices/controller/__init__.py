"""``<controller>``: what other devices plug into; one class per type, for PCI one per model."""

from prober.domain.devices.controller.base import Controller
from prober.domain.devices.controller.ccid import CcidController
from prober.domain.devices.controller.disk import FdcController, IdeController, SataController
from prober.domain.devices.controller.pci import PciController, PcieRoot, PcieRootPort, PciRoot, bridge_for
from prober.domain.devices.controller.scsi import ScsiController
from prober.domain.devices.controller.usb import UsbController, default_usb
from prober.domain.devices.controller.virtio_serial import VirtioSerialController

Controller.choices = {
    "pci": PciController,
    "usb": UsbController,
    "scsi": ScsiController,
    "ide": IdeController,
    "sata": SataController,
    "fdc": FdcController,
    "virtio-serial": VirtioSerialController,
    "ccid": CcidController,
}

__all__ = [
    "CcidController",
    "Controller",
    "FdcController",
    "IdeController",
    "PciController",
    "PciRoot",
    "PcieRoot",
    "PcieRootPort",
    "SataController",
    "ScsiController",
    "UsbController",
    "VirtioSerialController",
    "bridge_for",
    "default_usb",
]
