"""Where each device is plugged in: PCI slots, and then USB ports (libvirt 11.3, ``qemuDomainAssignAddresses``)."""
