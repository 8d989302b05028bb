"""ACPI or native hot-plug of PCI devices: the options that choose, and what the guest then sees."""
