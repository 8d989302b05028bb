"""File descriptors: as many as the connections need, and whether they run short."""

from __future__ import annotations

import logging
import os
import resource

log = logging.getLogger(__name__)

#: What is kept for all but connections: QEMUs that are asked, workers, files of the cache.  Where the limit is low, a
#: quarter of it.
_OTHERS = 256
_SHARE = 4

#: More than any descriptor.
_BOUNDLESS = 1 << 30


def in_use() -> int:
    """How many descriptors are open, where none between them was closed."""
    ours, theirs = os.pipe()
    os.close(ours)
    os.close(theirs)
    return ours


def make_room_for(connections: int, others: int) -> int:
    """Raise the soft limit as far as so many connections need it, beside so many ``others``; how many of them fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    fit = max(1, soft - _kept(soft) - others)
    log.warning("of %d connections at once %d fit into the limit of %d file descriptors", connections, fit, soft)
    return fit


def highest_in_use() -> int:
    """The highest descriptor that a connection may have without another being closed, by the limit as it is now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _BOUNDLESS if soft == resource.RLIM_INFINITY else soft - _kept(soft) // 2


def too_many(fd: int) -> int:
    """How many descriptors are to be closed, as hardly any is left or none can be had; ``fd`` is any open one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        copy = os.dup(fd)
    except OSError:
        return _kept(_OTHERS * _SHARE if soft == resource.RLIM_INFINITY else soft) or 1
    os.close(copy)
    if soft == resource.RLIM_INFINITY or copy <= soft - _kept(soft) // 4:
        return 0
    return copy - highest_in_use()


def _kept(soft: int) -> int:
    return min(_OTHERS, soft // _SHARE)
