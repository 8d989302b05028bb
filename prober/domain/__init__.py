"""Libvirt domain XML, and its way to a QEMU command line."""

from prober.domain.domain import Domain
from prober.domain.firmware import Descriptor, read_firmware
from prober.domain.host import Host, HostCpu, Settings
from prober.domain.read import read_domain
from prober.domain.translate import translate
from prober.domain.translation import PortHotplug, Resource, Translation

__all__ = [
    "Descriptor",
    "Domain",
    "Host",
    "HostCpu",
    "PortHotplug",
    "Resource",
    "Settings",
    "Translation",
    "read_domain",
    "read_firmware",
    "translate",
]
