"""What is told of hot-plug on one bus: a part of the answer."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

#: Who plugs on a bus: ACPI, the port or bridge itself, nobody.
Hotplug: TypeAlias = Literal["acpi", "native", "shpc", "none", "unknown"]


class PortHotplug(BaseModel):
    """How a guest sees hot-plug on one PCI bus: of the root bus, a bridge or a root port.

    ``controller`` is libvirt's alias (``pci.0``), ``rules`` the reasons, each with its source in QEMU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    controller: str
    model: str
    hotplug: Hotplug
    rules: tuple[str, ...]
