"""``<cputune>``: on which of the host's CPUs threads run, when, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from prober.commandline.refusal import Broken, Unfit
from prober.domain.shared.twins import repeats
from prober.xml.binding import At, Checked, Element, Neutral
from prober.xml.values import Amount, Count, NumberSet, Reads, Unit

_DONE = Neutral("libvirt sets it for threads of the running QEMU, by cgroups, the scheduler or resctrl")

#: The most of a period and of a quota, in microseconds (libvirt 11.3, ``virDomainDefCputuneValidate``).
_PERIODS, _QUOTA = range(1000, 1000001), range(1000, 18446744073709551 + 1)

SchedulingPolicy: TypeAlias = Literal["batch", "idle", "fifo", "rr"]


def _signed(value: Any) -> Any:
    text = str(value).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise Unfit("is not a number")
    return int(text)


Signed: TypeAlias = Annotated[int, Reads(_signed, words="a whole number")]


class Pin(Element):
    """CPUs that threads run on."""

    cpuset: Annotated[NumberSet, At("@cpuset"), _DONE]


class VcpuPin(Pin):
    """Those of one virtual CPU."""

    vcpu: Annotated[Count, At("@vcpu"), _DONE]


class IoThreadPin(Pin):
    """Those of one I/O thread."""

    iothread: Annotated[Count, At("@iothread"), _DONE]


class Scheduling(Checked):
    """How the kernel schedules threads."""

    scheduler: Annotated[SchedulingPolicy, At("@scheduler"), _DONE]
    priority: Annotated[Signed | None, At("@priority"), _DONE] = None

    def rules(self) -> Iterator[Broken]:
        """Threads that run at once have a priority; libvirt reads it in 32 bits."""
        if self.priority is not None and not -(2**31) <= self.priority < 2**31:
            yield Broken("priority", f"'{self.priority}' is out of range: {-(2**31)} to {2**31 - 1}")
        if self.scheduler in ("fifo", "rr") and self.priority is None:
            yield Broken("", f"scheduler='{self.scheduler}' needs a priority")


class VcpuScheduling(Scheduling):
    """That of virtual CPUs."""

    vcpus: Annotated[NumberSet, At("@vcpus"), _DONE]


class IoThreadScheduling(Scheduling):
    """That of I/O threads."""

    iothreads: Annotated[NumberSet, At("@iothreads"), _DONE]


class CacheMonitor(Element):
    """Whose use of the host's cache is watched."""

    level: Annotated[Count, At("@level"), _DONE]
    vcpus: Annotated[NumberSet, At("@vcpus"), _DONE]


class CacheShare(Element):
    """A share of a cache of the host's."""

    id: Annotated[Count, At("@id"), _DONE]
    level: Annotated[Count, At("@level"), _DONE]
    type: Annotated[Literal["both", "code", "data"], At("@type"), _DONE]
    size: Annotated[Amount, At("@size"), _DONE]
    unit: Annotated[Unit, At("@unit"), _DONE] = "KiB"


class CacheTune(Element):
    """Shares of the host's caches, for some virtual CPUs."""

    vcpus: Annotated[NumberSet, At("@vcpus"), _DONE]
    id: Annotated[str | None, At("@id"), _DONE] = None
    caches: Annotated[tuple[CacheShare, ...], At("cache"), _DONE] = ()
    monitors: Annotated[tuple[CacheMonitor, ...], At("monitor"), _DONE] = ()


class MemoryNode(Element):
    """A share of a node's memory bandwidth, in percent."""

    id: Annotated[Count, At("@id"), _DONE]
    bandwidth: Annotated[Count, At("@bandwidth"), _DONE]


class MemoryMonitor(Element):
    """Whose use of memory is watched."""

    vcpus: Annotated[NumberSet, At("@vcpus"), _DONE]


class MemoryTune(Element):
    """Shares of memory bandwidth, for some virtual CPUs."""

    vcpus: Annotated[NumberSet, At("@vcpus"), _DONE]
    id: Annotated[str | None, At("@id"), _DONE] = None
    nodes: Annotated[tuple[MemoryNode, ...], At("node"), _DONE] = ()
    monitors: Annotated[tuple[MemoryMonitor, ...], At("monitor"), _DONE] = ()


class CpuTune(Checked):
    """Shares, quotas and places of the threads of a running QEMU, on the host's CPUs."""

    periods: ClassVar[tuple[str, ...]] = ("period", "global_period", "emulator_period", "iothread_period")
    quotas: ClassVar[tuple[str, ...]] = ("quota", "global_quota", "emulator_quota", "iothread_quota")

    shares: Annotated[Amount | None, At("shares"), _DONE] = None
    period: Annotated[Amount | None, At("period"), _DONE] = None
    quota: Annotated[Signed | None, At("quota"), _DONE] = None
    global_period: Annotated[Amount | None, At("global_period"), _DONE] = None
    global_quota: Annotated[Signed | None, At("global_quota"), _DONE] = None
    emulator_period: Annotated[Amount | None, At("emulator_period"), _DONE] = None
    emulator_quota: Annotated[Signed | None, At("emulator_quota"), _DONE] = None
    iothread_period: Annotated[Amount | None, At("iothread_period"), _DONE] = None
    iothread_quota: Annotated[Signed | None, At("iothread_quota"), _DONE] = None
    vcpu_pins: Annotated[tuple[VcpuPin, ...], At("vcpupin"), _DONE] = ()
    emulator_pin: Annotated[Pin | None, At("emulatorpin"), _DONE] = None
    io_thread_pins: Annotated[tuple[IoThreadPin, ...], At("iothreadpin"), _DONE] = ()
    vcpu_scheduling: Annotated[tuple[VcpuScheduling, ...], At("vcpusched"), _DONE] = ()
    io_thread_scheduling: Annotated[tuple[IoThreadScheduling, ...], At("iothreadsched"), _DONE] = ()
    emulator_scheduling: Annotated[Scheduling | None, At("emulatorsched"), _DONE] = None
    cache_tune: Annotated[tuple[CacheTune, ...], At("cachetune"), _DONE] = ()
    memory_tune: Annotated[tuple[MemoryTune, ...], At("memorytune"), _DONE] = ()

    def rules(self) -> Iterator[Broken]:
        """Ranges, and each thread treated in one way."""
        yield from self._range_rules()
        yield from _once("vcpu_pins", "vcpupin", (pin.vcpu for pin in self.vcpu_pins))
        yield from _once("io_thread_pins", "iothreadpin", (pin.iothread for pin in self.io_thread_pins))
        yield from _once("vcpu_scheduling", "vcpusched", chain.from_iterable(one.vcpus for one in self.vcpu_scheduling))
        yield from _once("cache_tune", "cachetune", chain.from_iterable(one.vcpus for one in self.cache_tune))
        threads = chain.from_iterable(one.iothreads for one in self.io_thread_scheduling)
        yield from _once("io_thread_scheduling", "iothreadsched", threads)

    def _range_rules(self) -> Iterator[Broken]:
        for name in self.periods:
            value = getattr(self, name)
            if value and value not in _PERIODS:
                yield Broken(name, f"<{name}> must be 1000 to 1000000 microseconds, not {value}")
        for name in self.quotas:
            value = getattr(self, name)
            if value is not None and value > 0 and value not in _QUOTA:
                sentence = f"<{name}> must be at least 1000 microseconds, or negative for no bound, not {value}"
                yield Broken(name, sentence)


def _once(field: str, element: str, numbers: Iterable[int]) -> Iterator[Broken]:
    """Each number once; of those that are not, the first is told."""
    for number in islice(repeats(numbers), 1):
        yield Broken(field, f"two <{element}> are for number {number}")
