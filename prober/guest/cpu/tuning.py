"""What ``<cputune>`` asks of threads that are there."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain


def check_cpu_tuning(domain: Domain) -> Iterator[Refusal]:
    """Threads that the domain does not have (libvirt 11.3, ``virDomainIOThreadSchedParse`` and others)."""
    tune = domain.cpu_tune
    if tune is None:
        return
    threads = {thread.id for thread in domain.threads}
    for pin in tune.io_thread_pins:
        if pin.iothread not in threads:
            yield Refusal(place=pin.place("iothread"), message=f"the domain has no I/O thread {pin.iothread}")
    for thread_way in tune.io_thread_scheduling:
        for number in sorted({*thread_way.iothreads} - threads)[:1]:
            yield Refusal(place=thread_way.place("iothreads"), message=f"the domain has no I/O thread {number}")
    for way in tune.vcpu_scheduling:
        for number in [number for number in way.vcpus if number >= domain.vcpu.value][:1]:
            yield Refusal(place=way.place("vcpus"), message=f"the domain has no virtual CPU {number}")
    if domain.type != "kvm" and (tune.cache_tune or tune.memory_tune):
        place = tune.place("cache_tune" if tune.cache_tune else "memory_tune")
        yield Refusal(place=place, message="shares of caches and of memory bandwidth are for <domain type='kvm'> alone")
