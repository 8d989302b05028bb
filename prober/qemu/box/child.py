"""What is done in the new process between fork and exec, so that it is bounded and can do no more than it should.

Everything is looked up, opened and put into buffers before the fork: another thread may have held a lock of the
allocator or of the loader at that moment, and then nobody lets it go.  What fails here ends the process, which is
told as "exception occurred in preexec_fn" (subprocess).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prober.qemu.box.filter import Filter, FilterPlan, make_filter
from prober.qemu.box.guard import become_guard
from prober.qemu.box.landlock import DEVICE, LEAST_ABI, READ, WRITE, Ruleset, restrict_self
from prober.qemu.box.model import OURSELVES, Box, Confinement, Identity

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
_unshare = _libc.unshare
_open, _write, _close = _libc.open, _libc.write, _libc.close

#: Who is ended first where memory is short, and how one says that it is oneself (proc(5)).
_OOM_FILE, _ENDED_FIRST = b"/proc/self/oom_score_adj", b"1000"

# <linux/prctl.h>, <linux/seccomp.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2

# <linux/sched.h>
_NEW_IPC, _NEW_NET, _NEW_USER = 0x08000000, 0x40000000, 0x10000000
NAMESPACES = {"none": 0, "direct": _NEW_NET | _NEW_IPC, "user": _NEW_USER | _NEW_NET | _NEW_IPC}

Preparation = Callable[[], None]


@dataclass(frozen=True)
class _Plan:
    """All that the child needs, as plain numbers and objects that are there already."""

    parent: int
    root: str | None
    limits: tuple[tuple[int, tuple[int, int]], ...]
    namespaces: int = 0
    identity: Identity = OURSELVES
    ruleset: int = -1
    filter: Filter | None = None
    confined: bool = False
    #: What a process writes ``0`` to so as to go into the box's control group.
    group: int = -1
    #: It becomes a guard (:mod:`prober.qemu.box.guard`), and what is said of it holds for its children too.
    is_guard: bool = False


def prepare_child(box: Box | None, root: Path | None, held: ExitStack) -> Preparation:
    """The function to be run between fork and exec.  ``held`` gets what has to be closed once that is done.

    :raise OSError: where the kernel refuses what it was found to grant.
    """
    if box is None:
        directory = None if root is None else os.fspath(root)
        return _preparation(_Plan(os.getpid(), directory, ((resource.RLIMIT_CORE, (0, 0)),)))
    made = box.confinement
    asked_only = box.directory is None
    group = -1
    if box.group is not None:
        group = os.open(box.group.door, os.O_WRONLY | os.O_CLOEXEC)
        held.callback(os.close, group)
    if made.form == "bubblewrap":
        program = make_filter(FilterPlan(asked_only=asked_only))
        return _preparation(
            _Plan(
                os.getpid(),
                None,
                _limits(made),
                identity=made.identity,
                filter=program,
                confined=True,
                group=group,
                is_guard=True,
            )
        )
    owns_network = made.kernel.network != "none"
    ruleset = -1
    if made.kernel.landlock:
        rules = Ruleset(made.kernel.landlock, _places(box), network=owns_network)
        held.callback(rules.close)
        ruleset = rules.fd
    plan = _Plan(
        os.getpid(),
        None if box.root is None else os.fspath(box.root),
        _limits(made),
        NAMESPACES[made.kernel.network],
        made.identity,
        ruleset,
        make_filter(
            FilterPlan(
                weak=True,
                network=owns_network,
                signals=made.kernel.landlock >= LEAST_ABI,
                asked_only=asked_only,
                changes=made.identity.uid is not None,
            )
        ),
        confined=True,
        group=group,
    )
    return _preparation(plan)


def _preparation(plan: _Plan) -> Preparation:
    def prepare() -> None:
        if plan.group >= 0 and _write(plan.group, b"0", 1) != 1:  # as the user that we are yet
            raise OSError(ctypes.get_errno(), "cgroup.procs")
        for which, bounds in plan.limits:
            resource.setrlimit(which, bounds)
        if plan.confined:
            _be_ended_first()
        if plan.root is not None:
            os.chroot(plan.root)
            os.chdir("/")
        if plan.namespaces and _unshare(plan.namespaces) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        _become(plan.identity)
        # Behind that, as becoming another user takes the signal away.
        if plan.is_guard:
            become_guard()
        else:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != plan.parent:
            os._exit(1)  # the parent went away before the signal was set
        if plan.confined:
            _give_up_more(plan)

    return prepare


def _be_ended_first() -> None:
    """Where memory is short this is ended, and not who started it.  A process that cannot be looked into may not say
    so of itself; then the kernel chooses."""
    fd = _open(_OOM_FILE, os.O_WRONLY | os.O_CLOEXEC)
    if fd >= 0:
        _write(fd, _ENDED_FIRST, len(_ENDED_FIRST))
        _close(fd)


def _become(identity: Identity) -> None:
    if identity.uid is not None:
        os.setgroups(identity.groups)
        os.setresgid(identity.uid, identity.uid, identity.uid)
        os.setresuid(identity.uid, identity.uid, identity.uid)


def _give_up_more(plan: _Plan) -> None:
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if plan.ruleset >= 0 and restrict_self(plan.ruleset) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    if plan.filter is not None and _prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(plan.filter.program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _limits(made: Confinement) -> tuple[tuple[int, tuple[int, int]], ...]:
    """Each as it may be set by anybody: no more than the hard limit that we have ourselves."""
    limits = made.limits
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.tasks + made.in_use,
        resource.RLIMIT_FSIZE: limits.file_bytes,
    }
    bounded = []
    for which, most in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        bounded.append((which, (value, value)))
    return tuple(bounded)


def _places(box: Box) -> list[tuple[str, int]]:
    """What of the host's files is left in the weak form."""
    devices = ["null", "zero", "full", "random", "urandom", *(("kvm",) if box.confinement.kvm else ())]
    return [
        *((one.source, READ) for one in box.view.seen if one.link is None),
        *((f"{'' if box.root is None else box.root}/dev/{name}", DEVICE) for name in devices),
        *(() if box.directory is None else ((os.fspath(box.directory), WRITE),)),
    ]
