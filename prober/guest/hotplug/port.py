"""What is told of hot-plug on one bus: a part of the answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class PortHotplug(BaseModel):
    """How a guest sees hot-plug on one PCI bus: of the root bus, a bridge or a root port.

    ``controller`` is libvirt's alias (``pci.0``), ``rules`` the reasons, each with its source in QEMU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    controller: str
    model: str
    hotplug: Literal["acpi", "native", "shpc", "none", "unknown"]
    rules: tuple[str, ...]
