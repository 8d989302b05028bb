"""``<iothreads>`` of a ``<driver>``: which of the domain's I/O threads serve which of a device's queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from prober.commandline.options import Property, Value
from prober.commandline.refusal import Broken, Place
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import Count


class IothreadQueue(Element):
    """``<queue>``: one queue."""

    id: Annotated[Count, At("@id"), Becomes("a number in `vqs`")]


class IothreadMapping(Element):
    """``<iothread>``: one thread, and the queues that it serves; none stands for a share of all."""

    id: Annotated[Count, At("@id"), Becomes("`iothread`")]
    queues: Annotated[tuple[IothreadQueue, ...], At("queue"), Becomes("`vqs`")] = ()


def mapping_rules(threads: Sequence[IothreadMapping], queues: int | None, field: str) -> Iterator[Broken]:
    """Each thread once, each queue once, all queues or none (libvirt 11.3, ``qemuDomainValidateIothreadMapping``)."""
    for number in given_twice(thread.id for thread in threads):
        yield Broken(field, f"I/O thread {number} stands in <iothreads> twice")
    with_queues = [thread for thread in threads if thread.queues]
    if not with_queues:
        return
    if len(with_queues) < len(threads):
        yield Broken(field, "either each thread of <iothreads> has its queues, or none has")
    if not queues:
        yield Broken(field, "threads with queues of their own need the number of queues: queues='…'")
        return
    yield from _queue_rules([queue.id for thread in threads for queue in thread.queues], queues, field)


def _queue_rules(given: list[int], queues: int, field: str) -> Iterator[Broken]:
    served: set[int] = set()
    for number in given:
        if number >= queues:
            yield Broken(field, f"there is no queue {number}: the {queues} queues are numbered from 0")
        elif number in served:
            yield Broken(field, f"queue {number} stands in <iothreads> twice")
        served.add(number)
    missing = next((number for number in range(queues) if number not in served), None)
    if missing is not None:
        yield Broken(field, f"no thread of <iothreads> serves queue {missing}")


def mapping_property(threads: Iterable[IothreadMapping], place: Place) -> Property:
    """``iothread-vq-mapping`` (QEMU 9.0)."""
    value: list[Value] = []
    for thread in threads:
        entry: dict[str, Value] = {"iothread": f"iothread{thread.id}"}
        if thread.queues:
            entry["vqs"] = [queue.id for queue in thread.queues]
        value.append(entry)
    return Property("iothread-vq-mapping", value, place)
