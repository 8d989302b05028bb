"""ACPI or native hot-plug of PCI devices: the options that choose, and what the guest then sees."""

from prober.domain.hotplug.options import emit_hotplug, refuse_hotplug
from prober.domain.hotplug.seen import see_hotplug

__all__ = ["emit_hotplug", "refuse_hotplug", "see_hotplug"]
