"""What the guest is told of a disk's shape: ``<geometry>`` and ``<blockio>``."""

from __future__ import annotations

from typing import Annotated, Literal

from prober.domain.shared.device import Device
from prober.xml.binding import At, Qemu
from prober.xml.values import PositiveCount


class GeometryFields(Device):
    """Cylinders, heads and sectors, and the sizes of blocks in bytes."""

    cylinders: Annotated[PositiveCount | None, At("geometry/@cyls"), Qemu("cyls")] = None
    heads: Annotated[PositiveCount | None, At("geometry/@heads"), Qemu("heads")] = None
    sectors: Annotated[PositiveCount | None, At("geometry/@secs"), Qemu("secs")] = None
    translation: Annotated[Literal["none", "auto", "lba"] | None, At("geometry/@trans"), Qemu("bios-chs-trans")] = None
    logical_block_size: Annotated[
        PositiveCount | None, At("blockio/@logical_block_size"), Qemu("logical_block_size")
    ] = None
    physical_block_size: Annotated[
        PositiveCount | None, At("blockio/@physical_block_size"), Qemu("physical_block_size")
    ] = None
    discard_granularity: Annotated[
        PositiveCount | None, At("blockio/@discard_granularity"), Qemu("discard_granularity")
    ] = None
