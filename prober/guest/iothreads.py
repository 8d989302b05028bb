"""The I/O threads: those that are given, and those that are only counted."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Object, Option
from prober.domain.domain import Domain
from prober.host.target import Target


def emit_iothreads(domain: Domain, target: Target) -> Iterator[Option]:
    """An object for each, and one for the main thread (libvirt 11.3, ``qemuBuildIOThreadCommandLine``)."""
    for thread in domain.threads:
        properties = list(thread.properties())
        if thread.poll is not None:
            properties += thread.poll.properties()
        yield Object("iothread", f"iothread{thread.id}", tuple(properties), thread.place())
    main = domain.default_io_thread
    if main is not None and (main.pool_min is not None or main.pool_max is not None):
        yield Object("main-loop", "main-loop", tuple(main.properties()), main.place())
