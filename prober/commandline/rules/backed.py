"""The sizes of memory behind `virtio-mem` and `ivshmem`."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, Made, size, value_of
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Properties of `virtio-mem` that it tells and nobody sets (``hw/virtio/virtio-mem.c``, ``virtio_mem_instance_init``).
_TOLD = ("size",)


def _backend(device: Made, line: Line) -> int | None:
    """The size of the memory that a device is backed by, where the line tells."""
    name = device.values.get("memdev")
    for option in line.objects:
        if option.id == name and option.qom_type.startswith("memory-backend-"):
            return size(value_of(option.properties, "size"))
    return None


#: What QEMU takes for a block where nothing is said: a huge page of x86; less in some version from 8.0 to 10.0.
_BLOCK = 2 << 20


def _block(device: Made, line: Line) -> int | None:
    """How large a block is, None where that is not known."""
    if "block-size" in device.values or line.caps.version.numbers[:2] > (7, 2) or "block-size" in line.globals:
        return size(device.values.get("block-size"))
    return _BLOCK


def _virtio_mem_ram(line: Line) -> Iterator[Fault]:
    """Memory that is no file's begins, and so ends, at huge pages."""
    for device in line.derived_from("virtio-mem-pci-base"):
        kinds = [option.qom_type for option in line.objects if option.id == device.values.get("memdev")]
        backend = _backend(device, line)
        if kinds == ["memory-backend-ram"] and backend is not None and backend % _BLOCK and not line.is_open:
            message = f"the memory behind virtio-mem is a multiple of {_BLOCK} bytes, not {backend}"
            yield Fault(device.place, "memdev", message)


def _virtio_mem(line: Line) -> Iterator[Fault]:
    for device in line.derived_from("virtio-mem-pci-base"):
        for name in _TOLD:
            if name in device.values:
                yield Fault(device.place, name, f"{name} of virtio-mem can be read, not set", "write requested-size")
        block = _block(device, line)
        if block is None or block <= 0 or block & (block - 1):
            continue
        backend, wish = _backend(device, line), size(device.values.get("requested-size", 0))
        if backend is not None and backend % block:
            message = f"the memory behind virtio-mem is whole blocks of {block}, not {backend}"
            yield Fault(device.place, "memdev", message)
        if wish is not None and wish % block:
            yield Fault(device.place, "requested-size", f"requested-size is whole blocks of {block}, not {wish}")


def _ivshmem(line: Line) -> Iterator[Fault]:
    for device in line.of_type("ivshmem-plain"):
        backend = _backend(device, line)
        if backend is not None and backend > 0 and backend & (backend - 1):
            yield Fault(device.place, "memdev", f"the memory of ivshmem is a power of two, not {backend}")


_MEM = ("-display none -m 256M,slots=1,maxmem=1G -object memory-backend-ram,id=m,size=96M "
        "-device virtio-mem-pci,memdev=m,block-size=4M")  # fmt: skip

RULES = (
    Rule(
        "line/virtio-mem-sizes",
        "`virtio-mem` has whole blocks, and tells its size itself",
        "hw/virtio/virtio-mem.c, virtio_mem_device_realize and virtio_mem_set_requested_size",
        _virtio_mem,
        about=("virtio-mem-pci-base",),
        wrong=f"{_MEM},requested-size=6M",
        right=f"{_MEM},requested-size=8M",
    ),
    Rule(
        "line/virtio-mem-aligned",
        "`memory-backend-ram` behind `virtio-mem` is of 2 MiB and multiples of it",
        "hw/mem/memory-device.c, memory_device_get_free_addr",
        _virtio_mem_ram,
        about=("virtio-mem-pci-base",),
        wrong="-display none -m 256M,slots=1,maxmem=1G -object memory-backend-ram,id=m,size=65M "
        "-device virtio-mem-pci,memdev=m,block-size=1M",
        right="-display none -m 256M,slots=1,maxmem=1G -object memory-backend-ram,id=m,size=66M "
        "-device virtio-mem-pci,memdev=m,block-size=1M",
    ),
    Rule(
        "line/ivshmem-size",
        "the memory of `ivshmem-plain` is a power of two",
        "hw/misc/ivshmem.c (10.0: ivshmem-pci.c), ivshmem_common_realize; hw/pci/pci.c, pci_register_bar",
        _ivshmem,
        about=("ivshmem-plain",),
        wrong="-display none -object memory-backend-ram,id=m,size=3M -device ivshmem-plain,memdev=m",
        right="-display none -object memory-backend-ram,id=m,size=4M -device ivshmem-plain,memdev=m",
    ),
)
