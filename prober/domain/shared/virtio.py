"""What all virtio devices have in common: the options of ``<driver>``, and the three kinds of PCI device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from prober.commandline.options import DeviceOption, Option
from prober.domain.shared.address import VirtioMmioAddress
from prober.domain.shared.device import Device
from prober.domain.shared.slots import Kinds, Plug
from prober.host.target import Target
from prober.xml.binding import At, Qemu
from prober.xml.values import OnOff

#: What an old guest may see: ``virtio-transitional`` drives both, ``virtio-non-transitional`` is virtio 1 alone.
VirtioModel: TypeAlias = Literal["virtio", "virtio-transitional", "virtio-non-transitional"]


class VirtioDevice(Device):
    """A device that has virtio's own options (QEMU, ``hw/virtio/virtio-pci.c``; ``packed`` from 4.2)."""

    virtio_iommu: Annotated[OnOff | None, At("driver/@iommu"), Qemu("iommu_platform")] = None
    virtio_ats: Annotated[OnOff | None, At("driver/@ats"), Qemu("ats")] = None
    virtio_packed: Annotated[OnOff | None, At("driver/@packed"), Qemu("packed")] = None
    virtio_page_per_vq: Annotated[OnOff | None, At("driver/@page_per_vq"), Qemu("page-per-vq")] = None


def on_transport(options: Iterator[Option], device: Device) -> Iterator[Option]:
    """The options of a device, which on one of the machine's own transports is no PCI device."""
    is_mmio = isinstance(getattr(device, "address", None), VirtioMmioAddress)
    return map(_without_pci, options) if is_mmio else options


def _without_pci(option: Option) -> Option:
    if not isinstance(option, DeviceOption):
        return option
    name = "virtio-gpu-device" if option.driver.startswith("virtio-vga") else option.driver.replace("-pci", "-device")
    return replace(option, driver=name)


def virtio_driver(name: str, model: str) -> str:
    """QEMU's device: ``virtio-blk-pci``, or with its suffix (QEMU 4.0) ``virtio-blk-pci-transitional``."""
    return name + model.removeprefix("virtio")


def virtio_plug(target: Target, model: str) -> Kinds:
    """A slot for it: one that drives old guests is conventional PCI wherever it is."""
    return Plug.pci() if model == "virtio-transitional" else Plug.virtio(target)
