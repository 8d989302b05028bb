"""``<iommufd>``: whether devices of the host reach memory through the kernel's iommufd, not through VFIO's own way."""

from __future__ import annotations

from typing import Annotated

from prober.xml.binding import At, Becomes, Element, Neutral
from prober.xml.values import Line, YesNo


class IommuFd(Element):
    """What holds for all devices of the host that do not say it themselves (libvirt 12)."""

    enabled: Annotated[YesNo, At("@enabled"), Becomes("`-object iommufd`, and `iommufd` of `vfio-pci`")]
    fd_group: Annotated[
        Line | None, At("@fdgroup"), Neutral("a descriptor of libvirt's client; here QEMU opens /dev/iommu itself")
    ] = None
