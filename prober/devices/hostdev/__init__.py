"""``<hostdev>``: devices of the host that the guest gets; one class per type."""

from prober.devices.hostdev.base import Hostdev
from prober.devices.hostdev.scsi import ScsiHostdev, VhostScsiHostdev
from prober.devices.hostdev.usb import UsbHostdev
from prober.devices.hostdev.vfio import MdevHostdev, PciHostdev

Hostdev.choices = {
    "usb": UsbHostdev,
    "pci": PciHostdev,
    "scsi": ScsiHostdev,
    "scsi_host": VhostScsiHostdev,
    "mdev": MdevHostdev,
}

__all__ = ["Hostdev", "MdevHostdev", "PciHostdev", "ScsiHostdev", "UsbHostdev", "VhostScsiHostdev"]
