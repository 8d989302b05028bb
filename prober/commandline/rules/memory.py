"""Memory and CPUs that are plugged in as devices, and what of ``-m``, ``-smp`` and ``-machine`` they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.arm import has_32_bits
from prober.commandline.drives import own_drives
from prober.commandline.line import Line, Made, number, size, switch, value_of
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.numa import ram_size
from prober.commandline.rules.rule import Rule

_DIMMS = ("pc-dimm", "nvdimm")

#: Devices that the range between the size and ``maxmem`` is for.
_MEMORY = (*_DIMMS, "virtio-mem-pci", "virtio-pmem-pci")

_PC = ("pc", "q35")

#: How many bits an address of a 64-bit CPU has where nothing is said (``TCG_PHYS_ADDR_BITS``; under KVM the same).
_PHYS_BITS = 40

#: Models without long mode (``target/i386/cpu.c``), whose addresses are not looked at; ``host`` and ``max`` have the
#: host's bits under KVM.
_OTHER_BITS = frozenset(
    {"host", "max", "486", "athlon", "coreduo", "kvm32", "n270", "pentium", "pentium2", "pentium3", "qemu32"}
)


def _acpi(line: Line) -> Iterator[Fault]:
    for device in line.of_type(*_DIMMS):
        for what, hint in _lacking(line):
            yield Fault(device.place, "driver", f"{device.typename} needs {what}", hint)


def _lacking(line: Line) -> Iterator[tuple[str, str]]:
    """What the machine has not, and DIMMs need."""
    if line.family.dimms in ("acpi", "firmware") and not line.has_acpi:
        yield "ACPI, which this machine has turned off", "turn ACPI on"
    elif line.family.dimms == "firmware" and not line.is_open:
        if not _has_firmware(line):
            yield "firmware, as this machine has no ACPI without", "give it UEFI"
        if (model := _of_32_bits(line)) is not None:
            yield f"a CPU of 64 bits, and {model} is none", "name another with -cpu"


def _has_firmware(line: Line) -> bool:
    """Whether something is in the first flash, or in the place of its content."""
    options = "-bios" in line.plain or any(line.machine_value(key) is not None for key in ("firmware", "pflash0"))
    return options or any(drive.unit == 0 for drive in own_drives(line, "pflash"))


def _of_32_bits(line: Line) -> str | None:
    """The type of the CPU, where it is known to have no more, or was told to."""
    models = line.caps.cpu_models or {}
    own = line.machine.default_cpu_type if line.machine is not None else None
    for option in line.keyval.get("-cpu", ())[-1:]:
        model = models.get(option.first)
        own = model.typename if model is not None else None
        if switch(value_of(option.pairs, "aarch64")) is False:
            return f"{option.first},aarch64=off"
    return own if own is not None and has_32_bits(own, line.caps) else None


def _nvdimm(line: Line) -> Iterator[Fault]:
    if line.family.dimms in ("acpi", "firmware") and switch(line.machine_value("nvdimm")) is not True:
        for device in line.of_type("nvdimm"):
            yield Fault(device.place, "driver", "nvdimm needs -machine nvdimm=on")


def _room(line: Line) -> Iterator[Fault]:
    if not line.family.dimms or line.is_open:
        return
    for device in line.of_type(*_MEMORY):
        if line.value("-m", "maxmem") is None:
            yield Fault(device.place, "driver", f"{device.typename} needs -m with maxmem")
    slots = number(line.value("-m", "slots"))
    taken: set[int] = set()
    for count, device in enumerate(line.of_type(*_DIMMS)):
        if line.value("-m", "maxmem") is not None and line.value("-m", "slots") is None:
            yield Fault(device.place, "driver", f"{device.typename} needs -m with slots")
        if slots is None:
            continue
        slot = number(device.values.get("slot"))
        if count >= slots:
            yield Fault(device.place, "driver", f"all {slots} memory slots are taken")
        elif slot is not None and slot >= slots:
            yield Fault(device.place, "slot", f"there are {slots} memory slots, and no slot {slot}")
        elif slot is not None and slot in taken:
            yield Fault(device.place, "slot", f"memory slot {slot} is taken")
        if slot is not None:
            taken.add(slot)


#: The least that nvdimm takes (``include/hw/mem/nvdimm.h``, ``MIN_NAMESPACE_LABEL_SIZE``).
_LEAST_LABEL = 128 * 1024


def _label(line: Line) -> Iterator[Fault]:
    for device in line.of_type("nvdimm"):
        length = size(device.values.get("label-size"))
        if length is not None and length < _LEAST_LABEL:
            yield Fault(device.place, "label-size", f"label-size is {_LEAST_LABEL} or more, not {length}")


def _busy(line: Line) -> Iterator[Fault]:
    taken = {str(value) for value in line.values("-numa", "memdev")}
    taken.add(str(line.machine_value("memory-backend")))
    for device in line.of_type(*_MEMORY):
        backend = device.values.get("memdev")
        if isinstance(backend, str):
            if backend in taken:
                yield Fault(device.place, "memdev", f"the memory of {backend!r} is in use already")
            taken.add(backend)


def _locked(line: Line) -> Iterator[Fault]:
    """What virtio-mem takes away cannot stay where it is.  All of 5.2, 7.2, 10.0 and 11.1 refuse it."""
    lock = line.value("-overcommit", "mem-lock")
    if switch(lock) is True or lock == "on-fault":
        for device in line.of_type("virtio-mem-pci"):
            message = f"{device.typename} cannot be with locked memory (-overcommit mem-lock)"
            yield Fault(device.place, "driver", message, "do not lock the memory")


def _node(line: Line) -> Iterator[Fault]:
    if line.is_open or ("-numa" not in line.keyval and line.value("-m", "maxmem") is None):
        return
    nodes = sum(str(kind) == "node" for kind in line.values("-numa", "type")) or 1
    for device in [*line.of_type(*_DIMMS), *line.derived_from("virtio-mem-pci-base")]:
        node = number(device.values.get("node"))
        if node is not None and node >= nodes:
            yield Fault(device.place, "node", f"there are {nodes} NUMA nodes, and no node {node}")


def _maxima(line: Line) -> Iterator[tuple[Keyval, int]]:
    """Each ``-m`` that says how large memory may grow, and how large, in bytes."""
    for option in line.keyval.get("-m", ()):
        most = size(value_of(option.pairs, "maxmem"))
        if most is not None:
            yield option, most


def _maximum(line: Line) -> Iterator[Fault]:
    for option, most in _maxima(line):
        ram = ram_size(line)
        if ram is not None and most < ram:
            yield Fault(option.place, "maxmem", f"maxmem is {most} bytes, less than the size of {ram}")


def _phys_bits(line: Line) -> Iterator[Fault]:
    """More memory than the CPU has addresses for; QEMU looks since some version between 5.2 and 7.2."""
    if line.kind not in _PC or line.globals & {"phys-bits", "host-phys-bits"}:
        return
    cpus = line.keyval.get("-cpu", ())
    for option, most in _maxima(line):
        bits = _bits_of(cpus[-1], line) if cpus else _PHYS_BITS
        if bits is not None and most >> bits:
            message = f"maxmem is {most} bytes, more than {bits} bits of addresses reach"
            yield Fault(option.place, "maxmem", message, "give the CPU more phys-bits, or host-phys-bits=on")


def _bits_of(option: Keyval, line: Line) -> int | None:
    features: Mapping[str, Value] = {item.name.replace("_", "-"): item.value for item in option.pairs}
    model = (line.caps.cpu_models or {}).get(option.first)
    if model is None or option.first in _OTHER_BITS or "lm" in features:
        return None
    known = line.caps.property_of(model.typename or "", "host-phys-bits")
    by_host = features.get("host-phys-bits", known.default_value if known is not None else True)
    if by_host is True or switch(str(by_host)) is True:
        return None
    return number(features["phys-bits"]) or _PHYS_BITS if "phys-bits" in features else _PHYS_BITS


#: What says where a CPU is plugged in, and the key of ``-smp`` that says how many there are of it.
_CPU_IDS = (
    ("socket-id", ""),
    ("die-id", "dies"),
    ("module-id", "modules"),
    ("core-id", "cores"),
    ("thread-id", "threads"),
)

#: Those that a CPU has whatever ``-smp`` says.
_ALWAYS_NEEDED = frozenset({"socket-id", "core-id", "thread-id"})


def _cpus(line: Line) -> Iterator[Fault]:
    if line.kind not in (*_PC, "isapc", "microvm"):
        return
    seen: set[tuple[int | None, ...]] = set()
    for device in line.devices:
        if not device.typename.endswith("-cpu") or "cpu" not in device.type.lineage:
            continue
        yield from _cpu_type(line, device)
        if "apic-id" in device.values:
            continue
        yield from _cpu_ids(line, device)
        place = tuple(number(device.values.get(name)) for name, _ in _CPU_IDS)
        if place in seen and None not in (place[0], *place[3:]):
            yield Fault(device.place, "socket-id", "there is a CPU with these ids already")
        seen.add(place)


def _cpu_type(line: Line, device: Made) -> Iterator[Fault]:
    models = line.caps.cpu_models or {}
    own = line.machine.default_cpu_type if line.machine is not None else None
    for option in line.keyval.get("-cpu", ())[-1:]:
        model = models.get(option.first)
        own = model.typename if model is not None else None
    if own and own not in device.type.lineage and not line.is_open:
        yield Fault(device.place, "driver", f"CPUs that are plugged in are of the machine's own type, {own}")


def _cpu_ids(line: Line, device: Made) -> Iterator[Fault]:
    for name, key in _CPU_IDS:
        count = number(line.value("-smp", key)) if key else None
        given = number(device.values.get(name))
        needed = name in _ALWAYS_NEEDED or (count is not None and count > 1)
        if name not in device.values and needed:
            yield Fault(device.place, name, f"a CPU that is plugged in needs {name}")
        elif given is not None and count is not None and given >= count:
            yield Fault(device.place, name, f"-smp says {key}={count}, so there is no {name} {given}")


RULES = (
    Rule(
        "line/dimm-acpi",
        "DIMMs go with ACPI, and on ARM's `virt` with firmware and a CPU of 64 bits",
        "hw/i386/pc.c, pc_memory_pre_plug: acpi_dev; hw/arm/virt.c, virt_memory_pre_plug: acpi_dev",
        _acpi,
        about=_DIMMS,
        wrong=(
            "-display none -M pc,nvdimm=on,acpi=off -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m"
        ),
    ),
    Rule(
        "line/nvdimm-machine",
        "`nvdimm` goes with `-machine nvdimm=on`",
        "hw/i386/pc.c, pc_memory_pre_plug: nvdimms_state",
        _nvdimm,
        about=("nvdimm",),
        wrong=(
            "-display none -M pc,nvdimm=off -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device nvdimm,memdev=m"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device nvdimm,memdev=m"
        ),
    ),
    Rule(
        "line/memory-room",
        "memory devices go with `maxmem`, DIMMs with slots, each with its own",
        "hw/mem/memory-device.c, memory_device_get_free_addr; hw/mem/pc-dimm.c, pc_dimm_get_free_slot",
        _room,
        about=_MEMORY,
        wrong=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m,slot=2"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m,slot=1"
        ),
    ),
    Rule(
        "line/memory-used-once",
        "memory is used once",
        "hw/mem/pc-dimm.c, pc_dimm_realize; hw/virtio/virtio-mem.c, hw/virtio/virtio-pmem.c",
        _busy,
        about=_MEMORY,
        wrong=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -object memory-backend-ram,id=n,size=64M -device "
            "pc-dimm,memdev=m -device pc-dimm,memdev=m"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -object memory-backend-ram,id=n,size=64M -device "
            "pc-dimm,memdev=m -device pc-dimm,memdev=n"
        ),
    ),
    Rule(
        "line/memory-locked",
        "memory is not locked with `virtio-mem`",
        "hw/virtio/virtio-mem.c, virtio_mem_device_realize: mlock",
        _locked,
        about=("virtio-mem-pci",),
        wrong=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device virtio-mem-pci,memdev=m -overcommit mem-lock=on"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device virtio-mem-pci,memdev=m"
        ),
    ),
    Rule(
        "line/nvdimm-label",
        "the label of an `nvdimm` is large enough",
        "hw/mem/nvdimm.c, nvdimm_set_label_size",
        _label,
        about=("nvdimm",),
        wrong=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device nvdimm,memdev=m,label-size=64K"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device nvdimm,memdev=m,label-size=128K"
        ),
    ),
    Rule(
        "line/dimm-node",
        "the NUMA node of a DIMM or of `virtio-mem` is there",
        "hw/mem/pc-dimm.c, pc_dimm_realize: numa_state; hw/virtio/virtio-mem.c, virtio_mem_device_realize: node",
        _node,
        about=(*_DIMMS, "virtio-mem-pci-base"),
        wrong=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m,node=1"
        ),
        right=(
            "-display none -M pc,nvdimm=on -m 64,slots=2,maxmem=1G -object "
            "memory-backend-ram,id=m,size=64M -device pc-dimm,memdev=m,node=0"
        ),
    ),
    Rule(
        "line/maxmem-size",
        "`maxmem` is not less than the size",
        "hw/core/machine.c, machine_set_mem (5.2: softmmu/vl.c, set_memory_options)",
        _maximum,
        about=("maxmem",),
        wrong="-display none -m 128,slots=1,maxmem=64M",
        right="-display none -m 128,slots=1,maxmem=256M",
    ),
    Rule(
        "line/maxmem-addresses",
        "`maxmem` is within the addresses of the CPU",
        "hw/i386/pc.c, pc_memory_init and pc_max_used_gpa",
        _phys_bits,
        about=("maxmem",),
        wrong="-display none -accel tcg -cpu qemu64 -m 64,slots=1,maxmem=2T",
        right="-display none -accel tcg -cpu qemu64 -m 64,slots=1,maxmem=2G",
        since=(7, 2, 0),
    ),
    Rule(
        "line/cpu-plugged",
        "a CPU that is plugged in has its ids, and is of the machine's type",
        "hw/i386/x86-common.c, x86_cpu_pre_plug",
        _cpus,
        about=("cpu",),
        wrong=(
            "-display none -M pc -smp 1,maxcpus=4,sockets=2,cores=2,threads=1 -cpu qemu64 -device "
            "qemu64-x86_64-cpu,socket-id=1,thread-id=0"
        ),
        right=(
            "-display none -M pc -smp 1,maxcpus=4,sockets=2,cores=2,threads=1 -cpu qemu64 -device "
            "qemu64-x86_64-cpu,socket-id=1,core-id=0,thread-id=0"
        ),
    ),
)
