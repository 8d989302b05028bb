"""Which confinement is to be had on this host.  It is tried, not looked for, and once a process and user.

In order: bubblewrap; else, in the weak form, another user (which takes root) or Landlock.  Bubblewrap is tried with
exactly the options that a box has, by starting ``true`` in it: as nobody where we are root, with a fresh ``/proc`` and
with further user namespaces forbidden, then without what does not work here.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from prober.errors import ConfinementError, QemuError
from prober.qemu.box.bubblewrap import ALL_TRAITS, Traits
from prober.qemu.box.forms import Form, Network
from prober.qemu.box.group import find_groups
from prober.qemu.box.landlock import LEAST_ABI, find_abi
from prober.qemu.box.model import NOBODY, Box, BoxLimits, Confinement, Identity, Kernel
from prober.qemu.box.opened import box_of
from prober.qemu.launch import Launch
from prober.qemu.process import start_process

_LOG = logging.getLogger(__name__)

#: A trial takes 15 ms; a host where it takes longer than this (seconds) is no host to prove anything on.
_TRIAL_S = 5.0
_STDERR = 4096

_TRAITS = (
    ALL_TRAITS,
    Traits(userns_disabled=False),
    Traits(proc=False),
    Traits(proc=False, userns_disabled=False),
)
_TRUE = ("/usr/bin/true", "/bin/true")
_PATH = "/usr/bin:/bin:/usr/local/bin"
_NETWORKS_OF_ROOT: tuple[Network, ...] = ("direct", "user", "none")
_NETWORKS: tuple[Network, ...] = ("user", "none")

_prctl = ctypes.CDLL(None).prctl
_PR_SET_DUMPABLE = 4  # <linux/prctl.h>

_found: dict[tuple[int, str | None, bool, Form | None, bool], Confinement] = {}


async def find_box(
    *, root: Path | None = None, kvm: bool = False, form: Form | None = None, asked_only: bool = False
) -> Confinement:
    """The best confinement that works here, for QEMUs of the host or in another system's tree (``root``).

    ``kvm`` asks for ``/dev/kvm`` in the box; whether it can be opened there is for QEMU to find out.  ``form`` asks
    for this form and no other.  ``asked_only`` is for a QEMU that is only interviewed, with words of ours: for that any
    Landlock will do, and at the least limits and the filter of system calls (:meth:`Confinement.lacks` tells).

    What was found is remembered for the life of the process, for each user that it is.

    :raise ConfinementError: where there is none, with the reasons.
    """
    key = (os.geteuid(), None if root is None else str(root), kvm, form, asked_only)
    if key not in _found:
        _found[key] = await _find(root, kvm, form, asked_only)
        _LOG.debug("%s", " ".join(_found[key].describe()))
    return _found[key]


@asynccontextmanager
async def open_box(
    binary: str,
    *,
    root: Path | None = None,
    kvm: bool = False,
    limits: BoxLimits | None = None,
    form: Form | None = None,
    place: Path | None = None,
) -> AsyncIterator[Box]:
    """A box for this binary, of the best form that works here.

    ``binary`` is its path in ``root``, or on the host.  The caller makes its stand-ins in ``box.ours``, names them on
    the command line as ``f"{box.theirs}/NAME"``, calls
    :func:`~prober.qemu.box.opened.hand_over` (in a thread), and starts ``Launch(binary, words=…, box=box)`` by
    :func:`~prober.qemu.process.start_process` or :func:`~prober.qemu.session.start_session` inside of the block.
    ``kvm=True`` shows ``/dev/kvm``.  ``limits`` are what QEMU may use up, ``place`` is where the directory is made.
    When the block ends, in whatever way, the directory is gone.

    :raise ConfinementError: where no confinement is to be had (exit code 5 of ``prove``).
    :raise LaunchError: where there is no such binary.
    """
    made = await find_box(root=root, kvm=kvm, form=form)
    if limits is not None:
        made = replace(made, limits=limits)
    async with box_of(made, binary, root=root, place=place) as box:
        yield box


async def _find(root: Path | None, kvm: bool, form: Form | None, asked_only: bool) -> Confinement:
    reasons: list[str] = []
    groups = await asyncio.to_thread(find_groups)
    for wanted, candidates in (("bubblewrap", _with_bubblewrap), ("weak", partial(_without, asked_only=asked_only))):
        if form not in (None, wanted):
            continue
        try:
            for found in await asyncio.to_thread(candidates, root, kvm):
                candidate = replace(found, groups=groups)
                if (said := await _try(candidate, root, stand_ins=not asked_only)) is None:
                    return _settle_on(candidate)
                reasons.append(said)
        except ConfinementError as error:
            reasons.append(error.message)
    hint = "install bubblewrap, and let users make user namespaces"
    raise ConfinementError("no confinement is to be had here: " + "; ".join(dict.fromkeys(reasons)), hint=hint)


def _with_bubblewrap(root: Path | None, kvm: bool) -> list[Confinement]:
    """The boxes that bubblewrap may make, the best first.

    :raise ConfinementError: where it is not installed.
    """
    bwrap = shutil.which("bwrap", path=_PATH)
    if bwrap is None:
        raise ConfinementError("bubblewrap is not installed")
    if os.geteuid() != 0:
        in_use = _count_threads(os.getuid())
        return [Confinement("bubblewrap", bwrap=bwrap, traits=one, kvm=kvm, in_use=in_use) for one in _TRAITS]
    groups = _kvm_groups() if kvm else ()
    kept = [replace(one, keeps_root=True) for one in _TRAITS]
    as_root = [Confinement("bubblewrap", bwrap=bwrap, traits=one, kvm=kvm) for one in kept]
    if groups is None:
        return as_root
    nobody = Identity(NOBODY, groups)
    return [*(Confinement("bubblewrap", nobody, bwrap, one, kvm=kvm) for one in _TRAITS), *as_root]


def _without(root: Path | None, kvm: bool, *, asked_only: bool) -> list[Confinement]:
    """What the kernel may let us do without bubblewrap, the best first.

    :raise ConfinementError: where that is too little.
    """
    landlock = find_abi()
    if os.geteuid() == 0:
        groups = _kvm_groups() if kvm else ()
        kvm = kvm and groups is not None  # where only root may open it, nobody may not
        nobody = Identity(NOBODY, groups or ())
        kernels = [Kernel(abi, network) for abi in dict.fromkeys((landlock, 0)) for network in _NETWORKS_OF_ROOT]
        return [Confinement("weak", nobody, kernel=one, kvm=kvm) for one in kernels]
    if root is not None:
        raise ConfinementError("without bubblewrap only root can start a QEMU in another root directory")
    abis = [landlock]
    if asked_only:
        abis += [0] if landlock else []
    elif landlock < LEAST_ABI:
        raise ConfinementError(f"Landlock has ABI {landlock}, and without another user {LEAST_ABI} is needed")
    in_use = _count_threads(os.getuid())
    kernels = [Kernel(abi, network) for abi in abis for network in _NETWORKS]
    return [Confinement("weak", kernel=one, kvm=kvm, in_use=in_use) for one in kernels]


def _settle_on(found: Confinement) -> Confinement:
    if found.form == "weak" and found.identity.uid is None:
        # A QEMU of our own user must not look into us, whatever else holds it back.
        _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return found


async def _try(candidate: Confinement, root: Path | None, *, stand_ins: bool) -> str | None:
    """Start ``true`` in such a box, with a directory for stand-ins or without; None where that works, else why not."""
    true = await asyncio.to_thread(_find_true, root)
    try:
        async with (
            box_of(candidate, true, root=root, stand_ins=stand_ins) as box,
            start_process(Launch(true, words=(), box=box), _STDERR) as process,
            asyncio.timeout(_TRIAL_S),
        ):
            if await asyncio.shield(process.exited) == 0:
                return None
            return process.stderr or f"a trial of the {candidate.form} form ended with {process.exited.result()}"
    except QemuError as error:
        return str(error)
    except TimeoutError:
        return f"a trial of the {candidate.form} form did not end within {_TRIAL_S:g} s"


def _find_true(root: Path | None) -> str:
    base = "" if root is None else str(root)
    return next((path for path in _TRUE if os.access(base + path, os.X_OK)), _TRUE[0])


def _kvm_groups() -> tuple[int, ...] | None:
    """In which group nobody has to be to open ``/dev/kvm``; None where root alone may."""
    try:
        found = os.stat("/dev/kvm")  # noqa: PTH116
    except OSError:
        return ()
    if found.st_mode & 0o006 == 0o006:
        return ()
    return (found.st_gid,) if found.st_mode & 0o060 == 0o060 and found.st_gid != 0 else None


def _count_threads(uid: int) -> int:
    count = 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == uid:
                count += sum(1 for _ in (process / "task").iterdir())
    return count
