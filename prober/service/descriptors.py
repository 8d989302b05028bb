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


def make_room_for(connections: int) -> int:
    """Raise the soft limit as far as so many connections need it; how many of them fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    fit = soft - _kept(soft)
    log.warning("of %d connections at once %d fit into the limit of %d file descriptors", connections, fit, soft)
    return fit


def highest_in_use() -> int:
    """The highest descriptor up to which they may be taken before they count as short, by the limit as it is now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 30) if soft == resource.RLIM_INFINITY else soft - _kept(soft) // 2


def is_short(fd: int) -> bool:
    """Whether the next descriptor would be too high a one, or cannot be had; ``fd`` is any open one."""
    try:
        copy = os.dup(fd)
    except OSError:
        return True
    os.close(copy)
    return copy > highest_in_use()


def _kept(soft: int) -> int:
    return min(_OTHERS, soft // _SHARE)
