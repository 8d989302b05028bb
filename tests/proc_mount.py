"""A ``/proc`` in a root directory, for this process and what it starts, gone when they are.

Every host that runs QEMU has one, and QEMU relies on it.  With ``async-teardown``, QEMU's clean-up process shares its
memory, and so the main thread's ``errno`` (``system/async-teardown.c`` clones with CLONE_VM alone).  That process
closes all descriptors: by ``close_range`` or from ``/proc/self/fd`` without an error, but where a build has not the
first (Debian's 11.1.2) and a root not the second, by trying every number.  Each EBADF falls into what QEMU does then,
and one start in 20 ends with a sentence about what is right: ``failed to set seccomp thread synchronization``,
``Parameter 'smp.cpus' expects integer``, ``Unable to parse FD number 1``.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

# <sched.h> and <sys/mount.h>
_CLONE_NEWNS = 0x20000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def mount_proc(root: Path) -> None:
    """Show this host's ``/proc`` in a root directory, in a mount namespace of our own.

    Only the calling thread, and what is started from it, sees it.

    :raise OSError: where we may not mount.
    """
    proc = root / "proc"
    if not (proc / "self").exists():
        _enter_own_namespace()
        _mount("/proc", proc, _MS_BIND)


@cache
def _enter_own_namespace() -> None:
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise _error("unshare")
    # A new namespace may hand its mounts on to the one that it came from.
    _mount(None, Path("/"), _MS_REC | _MS_PRIVATE)


def _mount(source: str | None, target: Path, flags: int) -> None:
    words = None if source is None else os.fsencode(source)
    if _libc.mount(words, os.fsencode(target), None, ctypes.c_ulong(flags), None) != 0:
        raise _error(f"mount on {target}")


def _error(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what}: {os.strerror(code)}")
