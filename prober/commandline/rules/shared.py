"""Memory that another process shares with the guest, where some device needs it."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, switch, value_of
from prober.commandline.options import Object
from prober.commandline.refusal import Fault, Kind
from prober.commandline.rules.numa import numa_nodes
from prober.commandline.rules.rule import Rule

#: Devices whose other process reads and writes the guest's memory.
_DEVICES = (
    "vhost-user-fs-pci",
    "vhost-user-gpu-pci",
    "vhost-user-vga",
    *(
        f"vhost-user-{kind}-pci{form}"
        for kind in ("blk", "scsi")
        for form in ("", "-transitional", "-non-transitional")
    ),
)

#: Backends that share what is theirs, unless it is said otherwise (``backends/hostmem-memfd.c``, ``hostmem-shm.c``).
_SHARE = ("memory-backend-memfd", "memory-backend-shm")

_HINT = (
    "write -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem, with SIZE as in -m; "
    "in a domain <memoryBacking> with <source type='memfd'/> and <access mode='shared'/>"
)


def _private(line: Line) -> Iterator[Fault]:
    """Devices that share memory, on a line that says where all of it comes from: from nothing that can be shared."""
    if line.is_open or line.kind == "other":
        return
    devices = list(line.of_type(*_DEVICES))
    if not devices or any(_is_shared(item) for item in _memory(line)):
        return
    for device in devices:
        message = f"{device.typename} shares the guest's memory with another process, and that memory is not shared"
        yield Fault(device.place, "driver", message, _HINT)


def _memory(line: Line) -> Iterator[Object]:
    """What the guest's memory comes from."""
    named = {str(values["memdev"]) for _, _, values in numa_nodes(line) if "memdev" in values}
    named.add(str(line.machine_value("memory-backend")))
    return (item for item in line.objects if item.id in named)


def _is_shared(item: Object) -> bool:
    said = switch(value_of(item.properties, "share"))
    return item.qom_type in _SHARE if said is None else said


_FS = "-display none -m 64 -chardev socket,id=c,path={dir}/fs -device vhost-user-fs-pci,chardev=c,tag=t"

RULES = (
    Rule(
        "line/shared-memory",
        "memory is shared where another process works on it",
        "hw/virtio/vhost-user.c, vhost_user_fill_set_mem_table_msg",
        _private,
        about=_DEVICES,
        wrong=_FS,
        right=f"{_FS} -object memory-backend-memfd,id=mem,size=64M,share=on -machine memory-backend=mem",
        kind=Kind.ignored,
    ),
)
