"""``<video>``: what a graphics card is like, and what does not go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.refusal import Broken
from prober.domain.shared.address import Address, PciAddress, Spot, VirtioMmioAddress
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import AbsolutePath, Count, OnOff, PositiveCount, YesNo

#: Cards that are no PCI device.
_WITHOUT_SLOT = ("none", "ramfb")

#: What belongs to one type, or to few.
_OF_TYPES: dict[str, tuple[str, ...]] = {
    "ram": ("qxl",),
    "vram64": ("qxl",),
    "vgamem": ("qxl",),
    "blob": ("virtio",),
    "edid": ("vga", "virtio", "bochs"),
    "virtio_iommu": ("virtio",),
    "virtio_ats": ("virtio",),
    "virtio_packed": ("virtio",),
    "virtio_page_per_vq": ("virtio",),
    "resolution": ("vga", "qxl", "virtio", "bochs"),
}

#: The greatest amount of memory in KiB that libvirt takes (it counts bytes in 32 bits).
_MOST = (2**32 - 1) // 1024


def power_of_two(amount: int) -> int:
    """The least power of two that is not less; 0 stays (libvirt, ``VIR_ROUND_UP_POWER_OF_TWO``)."""
    return 1 << (amount - 1).bit_length() if amount else 0


class Acceleration(Checked):
    """``<acceleration>``: whether the host's GPU draws."""

    accel3d: Annotated[YesNo | None, At("@accel3d"), Becomes("`virtio-vga-gl`, `virtio-gpu-gl-pci`, or `virgl`")] = None
    accel2d: Annotated[YesNo | None, At("@accel2d"), Neutral("`no` is how it is; `yes` is refused")] = None
    rendernode: Annotated[AbsolutePath | None, At("@rendernode"), Becomes("the resource of vhost-user-gpu")] = None

    def rules(self) -> Iterator[Broken]:
        """It says something, and nothing that QEMU has not."""
        if self.accel3d is None and self.accel2d is None and self.rendernode is None:
            yield Broken("", "<acceleration> says nothing; it has accel3d and rendernode")
        if self.accel2d:
            yield Broken("accel2d", "QEMU has no acceleration of 2D")


class Resolution(Element):
    """``<resolution>``: what the guest is shown to prefer."""

    x: Annotated[PositiveCount, At("@x"), Becomes("`xres`")]
    y: Annotated[PositiveCount, At("@y"), Becomes("`yres`")]


class VideoElement(VirtioDevice):
    """A graphics card.  The first, or that with ``primary='yes'``, is the one that firmware draws on."""

    alias_prefix = "video"

    type: Annotated[
        Literal["vga", "cirrus", "vmvga", "qxl", "virtio", "bochs", "ramfb", "none"] | None,
        At("model/@type"),
        Becomes("the device; without it, Cirrus or VGA"),
    ] = None
    primary: Annotated[YesNo | None, At("model/@primary"), Becomes("which card is the first, and its device")] = None
    ram: Annotated[Count | None, At("model/@ram"), Becomes("`ram_size`")] = None
    vram: Annotated[
        Count | None, At("model/@vram"), Becomes("`vram_size`, `vgamem_mb`, `vgamem`; others have no such property")
    ] = None
    vram64: Annotated[Count | None, At("model/@vram64"), Becomes("`vram64_size_mb`")] = None
    vgamem: Annotated[Count | None, At("model/@vgamem"), Becomes("`vgamem_mb`")] = None
    heads: Annotated[Count, At("model/@heads"), Becomes("`max_outputs`")] = 1
    blob: Annotated[OnOff | None, At("model/@blob"), Becomes("`blob`")] = None
    edid: Annotated[OnOff | None, At("model/@edid"), Becomes("`edid`: whether the screen says what it can show")] = None
    acceleration: Annotated[Acceleration | None, At("model/acceleration"), Becomes("the device")] = None
    resolution: Annotated[Resolution | None, At("model/resolution"), Becomes("`xres`, `yres`")] = None
    driver: Annotated[Literal["qemu", "vhostuser"], At("driver/@name"), Becomes("`vhost-user-gpu`")] = "qemu"
    vgaconf: Annotated[
        Literal["io", "on", "off"] | None, At("driver/@vgaconf"), Neutral("for bhyve, as libvirt has it")
    ] = None
    address: Annotated[Address | None, At("address"), Becomes("where it is plugged in")] = None

    #: Whether firmware draws on it; filled in by completing.
    is_first: bool = False

    @property
    def may_be_mmio(self) -> bool:
        """Where it is virtio's."""
        return self.type == "virtio" and self.driver == "qemu"

    def plug(self, target: Target) -> Kinds | None:
        """virtio, Express for Bochs, else conventional."""
        if self.type in _WITHOUT_SLOT:
            return None
        if self.type == "virtio":
            return Plug.virtio(target)
        return Plug.pcie(target) if self.type == "bochs" else Plug.pci()

    def chipset_spots(self, number: int, target: Target) -> tuple[Spot, ...]:
        """QEMU's own first card is in slot 2 of pc, and in slot 1 of q35."""
        return target.family.chipset.video_spots if self.is_first else ()

    def is_placed_early(self, number: int, target: Target) -> bool:
        """The first card, whatever the slot, where the chipset has one."""
        return self.is_first and bool(target.family.chipset.video_spots)

    def rules(self) -> Iterator[Broken]:
        """What belongs to which type (11.3, ``virDomainVideoDefValidate``, ``qemuValidateDomainDeviceDefVideo``)."""
        if self.type == "none":
            return  # whatever is said of a card that is not there
        kind = self.type or "the default type"
        for name, types in _OF_TYPES.items():
            value = getattr(self, name)
            said = value is not None and (value is False or value != 0)  # an amount of 0 says nothing
            if said and self.type not in types:
                yield Broken(name, f"belongs to {' or '.join(types)} alone, not to {kind}")
        if self.type not in ("qxl", "virtio") and self.heads != 1:
            yield Broken("heads", f"{kind} has one head")
        if self.address is not None and not self._fits(self.address):
            yield Broken("address", f"{kind} has no address of this type")
        if self.acpi_index is not None and self.type in _WITHOUT_SLOT:
            yield Broken("acpi_index", f"{kind} is no PCI device")
        yield from self._memory_rules()
        yield from self._drawing_rules(kind)

    def _fits(self, address: Address) -> bool:
        """Whether it can be there."""
        kinds = PciAddress | VirtioMmioAddress if self.may_be_mmio else PciAddress
        return self.type not in _WITHOUT_SLOT and isinstance(address, kinds)

    def _memory_rules(self) -> Iterator[Broken]:
        if self.type in ("vga", "vmvga") and self.vram and self.vram < 1024:
            yield Broken("vram", "is at least 1024 KiB")
        if self.type != "qxl":
            return
        for name in ("ram", "vram"):
            amount = getattr(self, name)
            if amount is not None and power_of_two(amount) > _MOST:
                yield Broken(name, f"is at most {_MOST} KiB")
        if self.vgamem and (self.vgamem < 1024 or self.vgamem & (self.vgamem - 1)):
            yield Broken("vgamem", "is a power of two, and at least 1024 KiB")

    def _drawing_rules(self, kind: str) -> Iterator[Broken]:
        acceleration = self.acceleration
        if self.driver == "vhostuser" and self.type != "virtio":
            yield Broken("driver", f"vhostuser belongs to virtio alone, not to {kind}")
        if acceleration is None:
            return
        if acceleration.rendernode is not None and self.driver != "vhostuser":
            yield Broken("acceleration", "rendernode belongs to <driver name='vhostuser'>; else a display has it")
        if acceleration.accel3d and self.type != "virtio":
            yield Broken("acceleration", f"accel3d belongs to virtio alone, not to {kind}")

    @property
    def vhost_user_id(self) -> str:
        """The ``id`` of the socket to vhost-user-gpu."""
        return f"chr-vu-{self.id}"
