"""``<iothreads>``: threads of QEMU's beside its main one, for the work of disks and other devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated

from prober.commandline.options import Object, Option
from prober.commandline.refusal import Broken, Place
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Becomes, Checked, Element, Places, Qemu
from prober.xml.values import Amount, Count, PositiveCount

#: More threads than anybody's host has use for; libvirt itself has no bound.
MOST_IO_THREADS = 4096


class ThreadPool(Checked):
    """How many threads serve requests that a thread cannot do without waiting (QEMU 7.1)."""

    pool_min: Annotated[Count | None, At("@thread_pool_min"), Qemu("thread-pool-min")] = None
    pool_max: Annotated[Count | None, At("@thread_pool_max"), Qemu("thread-pool-max")] = None

    def rules(self) -> Iterator[Broken]:
        """At least one, and no fewer than the least (libvirt 11.3, ``virDomainDefValidateIOThreadsThreadPool``)."""
        if self.pool_max == 0:
            yield Broken("pool_max", "thread_pool_max must be at least 1")
        # Without a greatest number libvirt takes it for less than any least one.
        elif self.pool_min is not None and self.pool_min > (-1 if self.pool_max is None else self.pool_max):
            yield Broken("pool_min", "thread_pool_min must not be more than thread_pool_max")


class Polling(Element):
    """``<poll>``: how long a thread looks for work before it sleeps, in nanoseconds."""

    max: Annotated[Amount | None, At("@max"), Qemu("poll-max-ns")] = None
    grow: Annotated[Amount | None, At("@grow"), Qemu("poll-grow")] = None
    shrink: Annotated[Amount | None, At("@shrink"), Qemu("poll-shrink")] = None
    weight: Annotated[Amount | None, At("@weight"), Qemu("poll-weight")] = None


class IoThread(ThreadPool):
    """One thread with a number of its own."""

    id: Annotated[PositiveCount, At("@id"), Becomes("the `id` of `-object iothread`")]
    poll: Annotated[Polling | None, At("poll"), Becomes("`poll-max-ns` and others")] = None


class IoThreads(Checked):
    """``<iothreadids>``: threads by their numbers."""

    threads: Annotated[tuple[IoThread, ...], At("iothread"), Becomes("`-object iothread`")] = ()

    def rules(self) -> Iterator[Broken]:
        """Each number once."""
        for number in given_twice(thread.id for thread in self.threads):
            yield Broken("threads", f"<iothread id='{number}'> is given twice")


class DefaultIoThread(ThreadPool):
    """``<defaultiothread>``: the main thread, where devices without a thread of their own do their work."""


def io_threads(given: Sequence[IoThread], count: int, place: Place) -> list[IoThread]:
    """All threads: those that are given, and then up to ``count``, with the lowest free numbers
    (libvirt 11.3, ``virDomainIOThreadIDDefArrayInit``)."""
    wanted = min(count, MOST_IO_THREADS)
    if wanted <= len(given):
        return list(given)
    taken = {thread.id for thread in given}
    free = (number for number in range(1, wanted + 1) if number not in taken)
    return [
        *given,
        *(IoThread(id=number).replace(places=Places(place)) for number in islice(free, wanted - len(given))),
    ]


def emit_iothreads(threads: Iterable[IoThread], main: DefaultIoThread | None) -> Iterator[Option]:
    """An object for each, and one for the main thread (libvirt 11.3, ``qemuBuildIOThreadCommandLine``)."""
    for thread in threads:
        properties = list(thread.properties())
        if thread.poll is not None:
            properties += thread.poll.properties()
        yield Object("iothread", f"iothread{thread.id}", tuple(properties), thread.place())
    if main is not None and (main.pool_min is not None or main.pool_max is not None):
        yield Object("main-loop", "main-loop", tuple(main.properties()), main.place())
