"""``-m`` and ``-machine``: how large memory is, how large it may grow, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.keys import pairs_of
from prober.commandline.line import Line, Made, kept_by_line, number, size, value_of
from prober.commandline.options import Keyval
from prober.commandline.refusal import Fault, Kind, Place
from prober.commandline.rules.numa import ram_of
from prober.commandline.rules.rule import Rule

_GIB = 1 << 30

_PC = ("pc", "q35")

#: How many slots for memory there may be (``ACPI_MAX_RAM_SLOTS``).
_MOST_SLOTS = 256

#: Devices that take of the range up to ``maxmem``.
_PLUGGED = ("pc-dimm", "nvdimm", "virtio-mem-pci", "virtio-pmem-pci")

#: What memory that is no file's is aligned to (``QEMU_VMALLOC_ALIGN``).
_ALIGNED = 2 << 20


@kept_by_line
def _growth(line: Line) -> tuple[Keyval, int, int, int] | None:
    """The last ``-m``, how large memory is, how large it may grow, and in how many slots; or None."""
    options, most = line.keyval.get("-m", ()), size(line.value("-m", "maxmem"))
    if not options or most is None or line.is_open or line.kind == "other":
        return None
    ram, slots = ram_of(line), number(line.value("-m", "slots") or "0")
    if ram is None or slots is None:
        return None
    return options[-1], ram, most, slots


def _slots(line: Line) -> Iterator[Fault]:
    found = _growth(line)
    if found is None:
        return
    option, ram, most, slots = found
    if slots > _MOST_SLOTS and line.kind in _PC:
        yield Fault(option.place, "slots", f"there are up to {_MOST_SLOTS} slots for memory, not {slots}")
    elif slots and most == ram:
        yield Fault(option.place, "maxmem", f"maxmem is {most} bytes, the size itself: the slots have no room")


def _pages(line: Line) -> Iterator[Fault]:
    found = _growth(line)
    if found is not None and line.kind in _PC and found[2] > found[1] and found[2] % 4096:
        yield Fault(found[0].place, "maxmem", f"maxmem is a multiple of 4096 bytes, not {found[2]}")


def _fixed(line: Line) -> Iterator[Fault]:
    found = _growth(line)
    if found is not None and line.kind == "isapc" and (found[3] or found[2] > found[1]):
        yield Fault(found[0].place, "maxmem", "machine isapc has memory of one size, and takes no slots or maxmem")


def _unused(line: Line) -> Iterator[Fault]:
    found = _growth(line)
    if found is None or found[2] <= found[1] or found[3]:
        return
    if any(name.startswith(("virtio-mem", "virtio-pmem")) for name in line.by_type):
        return
    if line.machine_value("sgx-epc.0.memdev") is not None:
        return  # an enclave's memory is beside the guest's own, and nobody sets a size for it
    if isinstance(found[0].place, Place):
        return  # a domain that has room may be given virtio-mem later, which takes no slot
    message = "maxmem without slots leaves room that no DIMM can take"
    yield Fault(found[0].place, "maxmem", message, "write slots=N, or leave out maxmem")


def _sizes(line: Line) -> Iterator[tuple[Made, str, int | None]]:
    """Each device that takes of the range up to ``maxmem``, the type of its memory, and how much it takes."""
    backends = {item.id: item for item in line.objects}
    for device in line.devices:
        if device.typename not in _PLUGGED:
            continue
        backend = backends.get(str(device.values.get("memdev")))
        kind = backend.qom_type if backend is not None else ""
        length = size(value_of(backend.properties, "size")) if backend is not None else None
        yield device, kind, _of_nvdimm(device, kind, length) if device.typename == "nvdimm" else length


def _of_nvdimm(device: Made, kind: str, length: int | None) -> int | None:
    """What an ``nvdimm`` takes: without its label, and of what is left only as much as is aligned (``nvdimm.c``)."""
    label = size(device.values.get("label-size", "0"))
    if length is None or label is None or kind != "memory-backend-ram":
        return None
    return (length - label) // _ALIGNED * _ALIGNED


def _room(line: Line) -> Iterator[Fault]:
    found = _growth(line)
    if found is None or not line.family.dimms:
        return
    left = found[2] - found[1]
    for device, _, length in _sizes(line):
        if length is None:
            return
        if length > left:
            message = f"{device.typename} takes {length} bytes, and {max(left, 0)} are left up to maxmem"
            yield Fault(device.place, "memdev", message, "make maxmem larger")
            return
        left -= length


def _aligned(line: Line) -> Iterator[Fault]:
    """DIMMs of memory that is no file's: their sizes and addresses."""
    if line.kind not in _PC or line.is_open or _growth(line) is None:
        return
    for device, kind, length in _sizes(line):
        if device.typename != "pc-dimm" or kind != "memory-backend-ram" or length is None:
            continue
        address = number(device.values.get("addr"))
        if length % _ALIGNED:
            yield Fault(device.place, "memdev", f"the memory of a DIMM is a multiple of {_ALIGNED} bytes, not {length}")
        elif address and address % _ALIGNED:
            yield Fault(device.place, "addr", f"a DIMM begins at a multiple of {_ALIGNED} bytes, not at {address}")
        elif address and address < 4 * _GIB:
            yield Fault(device.place, "addr", f"DIMMs begin at {4 * _GIB} or above, not at {address}")


def _path(line: Line) -> Iterator[Fault]:
    if line.machine_value("memory-backend") is not None:
        for option in line.plain.get("-mem-path", ()):
            message = "-mem-path and -machine memory-backend both say where memory comes from"
            yield Fault(option.place, "", message, "leave out -mem-path")


def _no_backend(line: Line) -> Iterator[Fault]:
    name = line.machine_value("memory-backend")
    for item in line.objects:
        if item.id == name and not item.qom_type.startswith("memory-backend"):
            place = line.keyval["-machine"][-1].place
            yield Fault(place, "memory-backend", f"{item.id} is of type {item.qom_type}, and no memory")


def _below(line: Line) -> Iterator[Fault]:
    if line.kind not in _PC:
        return
    for option in line.keyval.get("-machine", ()):
        for item in pairs_of(option):
            found = size(item.value) if item.name.replace("_", "-") == "max-ram-below-4g" else None
            if found is not None and found > 4 * _GIB:
                yield Fault(item.place, item.name, f"max-ram-below-4g is up to {4 * _GIB}, not {found}")


_DIMM = "-object memory-backend-ram,id=r,size={} -device pc-dimm,memdev=r"
_OF_BACKEND = "-display none -m 64 -object memory-backend-ram,id=a,size=64M -machine memory-backend=a"
_GROWING = "-display none -machine pc -m 256M,slots=2,maxmem="

RULES = (
    Rule(
        "line/maxmem-slots",
        "there are up to 256 slots for memory, and room for them",
        "hw/i386/pc.c, pc_memory_init; hw/core/machine.c, machine_set_mem",
        _slots,
        about=("maxmem",),
        wrong="-display none -m 256M,slots=257,maxmem=1G",
        right="-display none -m 256M,slots=256,maxmem=1G",
    ),
    Rule(
        "line/maxmem-pages",
        "`maxmem` is whole pages",
        "hw/i386/pc.c, pc_memory_init",
        _pages,
        about=("maxmem",),
        wrong="-display none -m 256M,slots=2,maxmem=1048577K",
        right="-display none -m 256M,slots=2,maxmem=1048580K",
    ),
    Rule(
        "line/maxmem-isapc",
        "memory of `isapc` does not grow",
        "hw/i386/pc.c, pc_memory_init: has_reserved_memory",
        _fixed,
        about=("maxmem",),
        wrong="-display none -machine isapc -m 256M,slots=2,maxmem=1G",
        right="-display none -machine isapc -m 256M",
    ),
    Rule(
        "line/maxmem-unused",
        "`maxmem` goes with slots, or with virtio-mem or virtio-pmem",
        "hw/mem/pc-dimm.c, pc_dimm_get_free_slot",
        _unused,
        about=("maxmem",),
        wrong="-display none -m 256M,maxmem=1G",
        right="-display none -m 256M,slots=2,maxmem=1G",
        kind=Kind.ignored,
    ),
    Rule(
        "line/maxmem-room",
        "memory devices have room up to `maxmem`",
        "hw/mem/memory-device.c, memory_device_check_addable",
        _room,
        about=_PLUGGED,
        wrong=f"{_GROWING}512M {_DIMM.format('258M')}",
        right=f"{_GROWING}512M {_DIMM.format('256M')}",
    ),
    Rule(
        "line/dimm-aligned",
        "DIMMs are of 2 MiB and multiples of it, and above 4 GiB",
        "hw/mem/memory-device.c, memory_device_get_free_addr",
        _aligned,
        about=("pc-dimm",),
        wrong=f"{_GROWING}512M {_DIMM.format('3M')}",
        right=f"{_GROWING}512M {_DIMM.format('4M')}",
    ),
    Rule(
        "line/memory-path",
        "memory is of `-mem-path` or of a backend",
        "system/vl.c, qemu_validate_options (5.2: softmmu/vl.c, qemu_init)",
        _path,
        about=("-mem-path",),
        wrong=f"{_OF_BACKEND} -mem-path /dev/shm",
        right=_OF_BACKEND,
    ),
    Rule(
        "line/memory-backend-type",
        "the machine's memory is a memory backend",
        "hw/core/machine.c, machine_run_board_init: memory-backend",
        _no_backend,
        about=("memory-backend",),
        wrong="-display none -m 64 -object rng-builtin,id=a -machine memory-backend=a",
        right="-display none -m 64 -object memory-backend-ram,id=a,size=64M -machine memory-backend=a",
    ),
    Rule(
        "line/memory-below",
        "`max-ram-below-4g` is up to 4 GiB",
        "hw/i386/pc.c, pc_machine_set_max_ram_below_4g",
        _below,
        about=("max-ram-below-4g",),
        wrong="-display none -machine q35,max-ram-below-4g=5G",
        right="-display none -machine q35,max-ram-below-4g=4G",
    ),
)
