"""``<domain>``: the root of the XML."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from prober.commandline.refusal import Broken, Note, Refusal
from prober.domain.clock import Clock
from prober.domain.cpu import Cpu
from prober.domain.features import Features
from prober.domain.iommufd import IommuFd
from prober.domain.iothreads import MOST_IO_THREADS, DefaultIoThread, IoThread, IoThreads, io_threads
from prober.domain.launch_security import LaunchSecurity
from prober.domain.lifecycle import Action, CrashAction
from prober.domain.memory import MaxMemory, Memory, MemoryBacking
from prober.domain.numa import Cell, Numa
from prober.domain.numatune import Numatune
from prober.domain.os import Os
from prober.domain.pm import AcpiHotplug, Pm
from prober.domain.qemu_namespace import QemuCommandline, QemuDeprecation, QemuOverride
from prober.domain.seclabel import SecLabel, label_rules
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.kinds import Classes, kinds_of
from prober.domain.shared.memory import MemorySize
from prober.domain.sysinfo import Sysinfo
from prober.domain.throttle import ThrottleGroup
from prober.domain.tuning import BlkioTune, CpuTune, HostPlacement, IdMap, MemTune, Perf
from prober.domain.vcpu import Vcpu, Vcpus
from prober.xml.binding import At, Becomes, Checked, Neutral, Opaque
from prober.xml.values import Count, DomainName, Uuid, UuidOrEmpty

D = TypeVar("D", bound=Device)
#: ``type[D]``, in a class that has a field ``type``.
_Class: TypeAlias = type[D]

_NOT_QEMU = Neutral("done by whoever runs QEMU; nothing of it is on the command line")


class Domain(Checked):
    """One virtual machine, as its XML says."""

    type: Annotated[Literal["kvm", "qemu"], At("@type"), Becomes("`-accel`")]
    id: Annotated[Count | None, At("@id"), Neutral("libvirt's number of a running domain")] = None
    name: Annotated[DomainName, At("name"), Becomes("`-name`")]
    uuid: Annotated[
        UuidOrEmpty | None, At("uuid"), Becomes("`-uuid`; made up with `--make-up`, else none where it is empty")
    ] = None
    hw_uuid: Annotated[Uuid | None, At("hwuuid"), Becomes("`-uuid`, in the place of `<uuid>`")] = None
    genid: Annotated[
        UuidOrEmpty | None, At("genid"), Becomes("`-device vmgenid`; where it is empty made up, or `guid=auto`")
    ] = None
    title: Annotated[str | None, At("title"), Neutral("for people")] = None
    description: Annotated[str | None, At("description"), Neutral("for people")] = None
    metadata: Annotated[Opaque | None, At("metadata"), Neutral("for other programs")] = None
    memory: Annotated[
        Memory, At("memory"), Becomes("`-m`; without it, or with 0, all that the NUMA nodes and modules have")
    ] = Memory(value=0)
    max_memory: Annotated[MaxMemory | None, At("maxMemory"), Becomes("`maxmem` of `-m`")] = None
    memory_backing: Annotated[MemoryBacking, At("memoryBacking")] = MemoryBacking()
    numatune: Annotated[Numatune, At("numatune")] = Numatune()
    current_memory: Annotated[
        MemorySize | None,
        At("currentMemory"),
        Neutral("the balloon's size, set over the monitor once the guest runs; QEMU starts with all memory"),
    ] = None
    vcpu: Annotated[Vcpu, At("vcpu")] = Vcpu(value=1)
    vcpus: Annotated[Vcpus | None, At("vcpus"), Becomes("`-smp`, and resources for those that are plugged")] = None
    io_threads: Annotated[Count, At("iothreads"), Becomes("`-object iothread`, so many")] = 0
    io_thread_ids: Annotated[IoThreads, At("iothreadids"), Becomes("`-object iothread`")] = IoThreads()
    default_io_thread: Annotated[DefaultIoThread | None, At("defaultiothread"), Becomes("`-object main-loop`")] = None
    throttle_groups: Annotated[
        tuple[ThrottleGroup, ...], At("throttlegroups/throttlegroup"), Becomes("`-object throttle-group`")
    ] = ()
    cpu_tune: Annotated[CpuTune | None, At("cputune"), _NOT_QEMU] = None
    blkio_tune: Annotated[BlkioTune | None, At("blkiotune"), _NOT_QEMU] = None
    mem_tune: Annotated[MemTune | None, At("memtune"), _NOT_QEMU] = None
    resource: Annotated[HostPlacement | None, At("resource"), _NOT_QEMU] = None
    id_map: Annotated[IdMap | None, At("idmap"), _NOT_QEMU] = None
    perf: Annotated[Perf | None, At("perf"), _NOT_QEMU] = None
    seclabels: Annotated[tuple[SecLabel, ...], At("seclabel"), _NOT_QEMU] = ()
    sysinfo: Annotated[tuple[Sysinfo, ...], At("sysinfo"), Becomes("`-smbios` and `-fw_cfg`")] = ()
    os: Annotated[Os, At("os"), Becomes("`-machine`, `-boot`, `-kernel` and more")]
    cpu: Annotated[Cpu | None, At("cpu"), Becomes("`-cpu` and `-smp`")] = None
    features: Annotated[Features, At("features"), Becomes("keys of `-machine`, `-cpu` and `-accel`")] = Features()
    clock: Annotated[Clock, At("clock")] = Clock()
    on_poweroff: Annotated[Action, At("on_poweroff"), Becomes("`-no-shutdown`; who runs QEMU does it, or a note")] = (
        "destroy"
    )
    on_reboot: Annotated[Action, At("on_reboot"), Becomes("`-no-reboot`; who runs QEMU does it, or a note")] = "restart"
    on_crash: Annotated[CrashAction, At("on_crash"), Becomes("`-action panic=`; who runs QEMU does it, or a note")] = (
        "destroy"
    )
    on_lockfailure: Annotated[
        Literal["poweroff", "restart", "pause", "ignore"] | None, At("on_lockfailure"), _NOT_QEMU
    ] = None
    pm: Annotated[Pm | None, At("pm")] = None
    acpi_hotplug: Annotated[AcpiHotplug | None, At("acpi-hotplug")] = None
    devices: Annotated[Devices, At("devices")] = Devices()
    iommufd: Annotated[IommuFd | None, At("iommufd")] = None
    launch_security: Annotated[
        LaunchSecurity | None, At("launchSecurity"), Becomes("an `-object` that `-machine` refers to")
    ] = None
    qemu_commandline: Annotated[QemuCommandline | None, At("qemu:commandline")] = None
    qemu_override: Annotated[QemuOverride | None, At("qemu:override")] = None
    qemu_deprecation: Annotated[QemuDeprecation | None, At("qemu:deprecation"), Becomes("`-compat`")] = None
    qemu_capabilities: Annotated[
        Opaque | None, At("qemu:capabilities"), Becomes("a note: here the binary itself is asked")
    ] = None

    #: What the XML has that was not understood; translating refuses it, with all else that it finds.
    not_understood: tuple[Refusal, ...] = ()
    #: What the XML has that is read, and of which nothing comes.
    notes: tuple[Note, ...] = ()

    def rules(self) -> Iterator[Broken]:
        """What does not fit together, of what has no file of its own."""
        yield from label_rules(self.seclabels, "seclabels")
        if self.title is not None and "\n" in self.title:
            yield Broken("title", "a title is one line")
        if self.io_threads > MOST_IO_THREADS:
            yield Broken("io_threads", f"more than {MOST_IO_THREADS} I/O threads are not understood")

    #: The NUMA nodes, completed; None in a guest without.
    numa: Numa | None = None
    #: How much the guest starts with, without what is plugged in, in KiB: filled in by completing.
    boot_kibibytes: int = 0
    #: Whether that is plain ``-m``, without backends: filled in by completing.
    plain_memory: bool = False

    def cell(self, number: int | None) -> Cell | None:
        """One NUMA node of a completed domain."""
        cells = self.numa.cells if self.numa is not None else ()
        return cells[number] if number is not None and number < len(cells) else None

    @property
    def threads(self) -> list[IoThread]:
        """All its I/O threads, given or counted."""
        return io_threads(self.io_thread_ids.threads, self.io_threads, self.place("io_threads"))

    def with_devices(self, devices: Sequence[Device], kinds: Classes | None = None) -> Self:
        """The same domain with these devices; the very same where they are its own already, as after most steps.
        ``kinds`` are their classes, where they are known."""
        own = self.devices
        if len(devices) == len(own.every) and all(map(operator.is_, devices, own.every)):
            return self
        return self.replace(devices=own.with_every(devices, kinds))

    def with_each(self, cls: _Class[D], change: Callable[[D], D]) -> Self:
        """The same domain, with what ``change`` makes of each device of this class, in order: one of its very class."""
        kinds = self.devices.kinds
        wanted = kinds_of(cls, kinds)
        if not wanted:
            return self
        # Their classes were compared, in place of an isinstance() a device.
        every: Any = self.devices.every
        return self.with_devices([change(device) if type(device) in wanted else device for device in every], kinds)

    def with_all(self, cls: _Class[D], changed: Iterable[D]) -> Self:
        """The same domain with these in the places of its devices of this class, of which there are as many."""
        turns = iter(changed)
        return self.with_each(cls, lambda _: next(turns))

    @property
    def emulator(self) -> str | None:
        """The binary that the XML names."""
        return self.devices.emulator

    @property
    def arch(self) -> str | None:
        """The architecture that the XML names."""
        return self.os.type.arch
