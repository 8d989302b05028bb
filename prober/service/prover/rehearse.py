"""One task rehearsed here, with the binaries that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prober.errors import QemuTimeoutError, ServiceError
from prober.host.look import read_host_facts
from prober.proof.kvm import KvmTrial
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.keeping import Guest, load_state, save_state
from prober.rehearsal.kernels import KernelOffers, offers_of
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.plug import rehearse_plug
from prober.rehearsal.statefile import read_state, write_state
from prober.service.prover.tasks import LoadTask, MoveTask, PlugTask, RehearsalAsked, Rehearsed, SaveTask

#: The seconds that one may take, whatever its QEMUs do.
_MOST_S = 120.0


async def rehearse(subjects: Sequence[LineSubject], asked: RehearsalAsked, kvm: KvmTrial) -> Rehearsed:
    """What came of it.  A state is taken in bubblewrap's box alone, and only where the check has nothing against it.

    :raise StateFileError: where the state cannot be read, or is too large to be kept.
    :raise ConfinementError: where a QEMU cannot be confined.
    :raise QemuError: where one cannot be started, gives no verdict, or all takes too long.
    :raise ServiceError: where these are not as many binaries as it takes.
    """
    if len(subjects) != (2 if isinstance(asked.task, MoveTask) else 1):
        raise ServiceError(f"it takes another number of binaries than {len(subjects)}")
    try:
        async with asyncio.timeout(_MOST_S):
            return await _rehearse(subjects, asked, kvm)
    except TimeoutError as error:
        raise QemuTimeoutError(f"the rehearsal was not over within {_MOST_S:g} seconds") from error


async def _rehearse(subjects: Sequence[LineSubject], asked: RehearsalAsked, kvm: KvmTrial) -> Rehearsed:
    match asked.task:
        case PlugTask() as task:
            return Rehearsed(await rehearse_plug(subjects[0], task.request, kvm=kvm))
        case MoveTask() as task:
            lines = [LineRequest(one, task.anyway, task.assume_unknown_present) for one in (task.words, task.to_words)]
            moved = MigrationAsked(subjects[0], lines[0], subjects[1], lines[1], task.driven)
            return Rehearsed(await rehearse_migration(moved, kvm=kvm))
        case SaveTask() as task:
            line = LineRequest(task.words, False, task.assume_unknown_present)
            guest = Guest(subjects[0], line, task.xml, await asyncio.to_thread(_offers))
            saved, state = await save_state(guest, driven=task.driven, kvm=kvm)
            return Rehearsed(saved, b"" if state is None else await asyncio.to_thread(write_state, state))
        case LoadTask() as task:
            line = LineRequest(task.words, False, task.assume_unknown_present)
            kept = await asyncio.to_thread(read_state, asked.file)
            return Rehearsed(await load_state(kept, subjects[0], line, offers=await asyncio.to_thread(_offers)))


def _offers() -> KernelOffers:
    """What this host's kernel offers; what this process may not open it does not tell."""
    return offers_of(read_host_facts())
