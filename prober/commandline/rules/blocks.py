"""The block sizes of a disk, held against one another."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, Made, size
from prober.commandline.refusal import Fault
from prober.commandline.rules.limits import DISKS
from prober.commandline.rules.rule import Rule

#: A sector, which a block is where nothing is said.
_SECTOR = 512

#: What is told to the guest in logical blocks, and how many of these at most (``min_io_size`` has 16 bits).
_IN_BLOCKS = {"min_io_size": 65535, "opt_io_size": 2**64, "discard_granularity": 2**64}

#: ``discard_granularity`` that stands for one that QEMU chooses.
_CHOSEN = (2**32 - 1, 2**64 - 1)

_SIZES = ("logical_block_size", "physical_block_size", *_IN_BLOCKS)
_DISK = "-display none -blockdev null-co,node-name=n -device virtio-blk-pci,drive=n"


def _disks(line: Line) -> Iterator[tuple[Made, int, int]]:
    """The disks that say something of their blocks, with the sizes of a logical and a physical one.

    A disk may be asked for its own sizes where it is a host's, which x86 does of none (``block/file-posix.c``,
    ``hdev_probe_blocksizes``).
    """
    if line.is_open or line.globals.intersection(_SIZES):
        return
    for device in line.devices:
        values = device.values
        if device.type.lineage.isdisjoint(DISKS) or not any(name in values for name in _SIZES):
            continue
        logical, physical = size(values.get("logical_block_size", 0)), size(values.get("physical_block_size", 0))
        if logical is not None and physical is not None and min(logical, physical) >= 0:
            yield device, logical or _SECTOR, physical or _SECTOR


def _order(line: Line) -> Iterator[Fault]:
    for device, logical, physical in _disks(line):
        if logical > physical:
            message = f"a logical block of {logical} bytes is larger than the physical one of {physical}"
            yield Fault(device.place, "logical_block_size", message, f"write physical_block_size={logical} as well")


def _multiples(line: Line) -> Iterator[Fault]:
    for device, logical, _ in _disks(line):
        for name, most in _IN_BLOCKS.items():
            found = size(device.values.get(name, 0))
            if found is None or found < 0 or (name == "discard_granularity" and found in _CHOSEN):
                continue
            if found % logical:
                yield Fault(device.place, name, f"{name} is a multiple of the logical block of {logical}, not {found}")
            elif found // logical > most:
                yield Fault(device.place, name, f"{name} is at most {most} logical blocks of {logical}, not {found}")


RULES = (
    Rule(
        "line/block-sizes",
        "a disk's logical block is not larger than its physical one",
        "hw/block/block.c, blkconf_blocksizes",
        _order,
        about=("logical_block_size",),
        wrong=f"{_DISK},logical_block_size=4096",
        right=f"{_DISK},logical_block_size=4096,physical_block_size=4096",
    ),
    Rule(
        "line/block-multiples",
        "`min_io_size`, `opt_io_size` and `discard_granularity` are whole logical blocks",
        "hw/block/block.c, blkconf_blocksizes: QEMU_IS_ALIGNED",
        _multiples,
        about=tuple(_IN_BLOCKS),
        wrong=f"{_DISK},min_io_size=1000",
        right=f"{_DISK},min_io_size=1024",
    ),
)
