"""``<memtune>`` and ``<blkiotune>``: how much memory and disk a domain may use of its host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.refusal import Broken
from prober.domain.shared.twins import repeats
from prober.xml.binding import At, Checked, Element, Neutral
from prober.xml.values import UNITS, AbsolutePath, Amount, Count, Unit

_DONE = Neutral("libvirt sets it for the running QEMU, by cgroups")


class Limit(Checked):
    """An amount of memory, in KiB where no unit is given."""

    value: Annotated[Amount, At("."), _DONE]
    unit: Annotated[Unit, At("@unit"), _DONE] = "KiB"

    def rules(self) -> Iterator[Broken]:
        """libvirt counts bytes in 64 bits (11.3, ``virScaleInteger``)."""
        if self.value * UNITS[self.unit] >= 2**64:
            yield Broken("value", f"'{self.value}' {self.unit} is more than can be counted (16 EiB)")


class MemTune(Checked):
    """Bounds of QEMU's memory."""

    hard_limit: Annotated[Limit | None, At("hard_limit"), _DONE] = None
    soft_limit: Annotated[Limit | None, At("soft_limit"), _DONE] = None
    swap_hard_limit: Annotated[Limit | None, At("swap_hard_limit"), _DONE] = None
    min_guarantee: Annotated[Limit | None, At("min_guarantee"), Neutral("refused, if it is not 0")] = None

    def rules(self) -> Iterator[Broken]:
        """Nobody can promise QEMU memory."""
        if self.min_guarantee is not None and self.min_guarantee.value:
            yield Broken("min_guarantee", "<min_guarantee> is not to be had with QEMU")


class BlkioDevice(Element):
    """What the domain may do to one block device of the host."""

    path: Annotated[AbsolutePath, At("path"), _DONE]
    weight: Annotated[Count | None, At("weight"), _DONE] = None
    read_bytes_sec: Annotated[Amount | None, At("read_bytes_sec"), _DONE] = None
    write_bytes_sec: Annotated[Amount | None, At("write_bytes_sec"), _DONE] = None
    read_iops_sec: Annotated[Count | None, At("read_iops_sec"), _DONE] = None
    write_iops_sec: Annotated[Count | None, At("write_iops_sec"), _DONE] = None


class BlkioTune(Checked):
    """How much a running QEMU may read from and write to the host's disks."""

    weight: Annotated[Count | None, At("weight"), _DONE] = None
    devices: Annotated[tuple[BlkioDevice, ...], At("device"), _DONE] = ()

    def rules(self) -> Iterator[Broken]:
        """Each device once."""
        for path in repeats(device.path for device in self.devices):
            yield Broken("devices", f"the device {path} is given twice")
