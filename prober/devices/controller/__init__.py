"""``<controller>``: what other devices plug into; one class per type, for PCI one per model."""

from prober.devices.controller.base import Controller
from prober.devices.controller.ccid import CcidController
from prober.devices.controller.disk import FdcController, IdeController, SataController
from prober.devices.controller.nvme import NvmeController
from prober.devices.controller.pci import PciController, PcieRoot, PcieRootPort, PciRoot
from prober.devices.controller.scsi import ScsiController
from prober.devices.controller.usb import UsbController
from prober.devices.controller.virtio_serial import VirtioSerialController

Controller.choices = {
    "pci": PciController,
    "usb": UsbController,
    "scsi": ScsiController,
    "ide": IdeController,
    "sata": SataController,
    "fdc": FdcController,
    "virtio-serial": VirtioSerialController,
    "ccid": CcidController,
    "nvme": NvmeController,
}

__all__ = [
    "CcidController",
    "Controller",
    "FdcController",
    "IdeController",
    "NvmeController",
    "PciController",
    "PciRoot",
    "PcieRoot",
    "PcieRootPort",
    "SataController",
    "ScsiController",
    "UsbController",
    "VirtioSerialController",
]
