"""Libvirt domain XML, and its way to a QEMU command line."""

from prober.domain.translation import PortHotplug, Resource, Translation

__all__ = ["PortHotplug", "Resource", "Translation"]
