"""Where each device is plugged in: PCI slots, and then USB ports (libvirt 11.3, ``qemuDomainAssignAddresses``)."""

from prober.domain.addresses.kinds import check_addresses
from prober.domain.addresses.pci import assign_pci
from prober.domain.addresses.usb import assign_usb
from prober.domain.addresses.virtio_serial import assign_virtio_serial

__all__ = ["assign_pci", "assign_usb", "assign_virtio_serial", "check_addresses"]
