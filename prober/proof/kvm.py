"""Whether a QEMU can run a guest under KVM here: tried, as ``/dev/kvm`` may open and a guest still not run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from prober.errors import QemuError
from prober.proof.line import launch_of
from prober.qemu.asking import ask_all
from prober.qemu.box.find import open_box
from prober.qemu.connection import ByteBudget
from prober.qemu.launch import find_kvm
from prober.qemu.limits import InterviewLimits
from prober.qemu.questions import Question
from prober.qemu.session import start_session

#: A machine for each target that runs under KVM; of others nothing is tried, and it does not.
_MACHINES: Mapping[str, str] = {
    "x86_64": "pc", "i386": "pc", "aarch64": "virt,gic-version=host", "riscv64": "virt", "s390x": "s390-ccw-virtio",
    "ppc64": "pseries",
}  # fmt: skip

#: How long (seconds) a guest must have run, and for how long that is known.
_RUNS_S = 0.15
_KNOWN_S = 300.0


class KvmTrial:
    """Tries each binary once in a while.  For one event loop."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}
        self._lock = asyncio.Lock()

    async def works(self, binary: str, root: Path | None, target: str) -> bool:
        """Whether a small guest runs; false where it cannot be tried."""
        key = (binary, str(root))
        async with self._lock:
            when, works = self._known.get(key, (0.0, False))
            if monotonic() - when > _KNOWN_S or not when:
                works = False
                with suppress(QemuError):
                    works = find_kvm(root) and await run_small_guest(binary, root, target) == "running"
                self._known[key] = (monotonic(), works)
        return works


async def run_small_guest(binary: str, root: Path | None, target: str) -> str:
    """Run a guest without devices under KVM for a moment, confined; what QEMU says of it then: ``running``.

    Nothing of it is left at the end, whatever happens.

    :raise QemuError: where it does not start or ends, where no confinement is to be had, or where nothing is known of
        KVM for this target.
    """
    machine = _MACHINES.get(target)
    if machine is None:
        raise QemuError(f"guests of {target} are not known to run under KVM")
    words = ("-machine", machine, "-accel", "kvm", "-cpu", "host", "-m", "64", "-nodefaults", "-display", "none")
    limits = InterviewLimits()
    async with (
        open_box(binary, root=root, kvm=True) as box,
        start_session(launch_of(box, words, is_stopped=False), limits, _budget(binary, limits)) as session,
    ):
        await asyncio.sleep(_RUNS_S)
        (answer,) = await ask_all(session, [Question("query-status")])
        return str(answer.reply.get("status")) if isinstance(answer.reply, dict) else "silent"


def _budget(binary: str, limits: InterviewLimits) -> ByteBudget:
    return ByteBudget(binary, limits.total_bytes)
