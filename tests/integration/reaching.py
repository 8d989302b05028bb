"""Tries a hostile line with a QEMU, in a box or bare, and tells how far it got."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from qemu.qmp import ExecuteError

from prober.qemu.box.find import open_box
from prober.qemu.box.forms import Form
from prober.qemu.box.model import Box, Confinement
from prober.qemu.box.opened import box_of, hand_over
from tests.conftest import QemuPlace
from tests.integration.hostile import Hostile
from tests.integration.hostile_host import SECRET, Host
from tests.integration.real_qemu import EndedEarlyError, RunningQemu, start_qemu

#: Seconds that a line may take until it has done what it does.  With a bare QEMU, which is ended once it has, many: the
#: machine may be busy.
_PATIENCE = 3.0
_PATIENCE_BARE = 20.0
#: Seconds that a QEMU in a box is left to run once it answers: what it was told to execute may be later than that.
_HOLD = 0.2


@dataclass
class Reached:
    """How far a line got: ``marks`` of the ways that it took, what its QEMU said, which of the host's files changed."""

    marks: set[str] = field(default_factory=set)
    stderr: str = ""
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where stand-ins are: as we see it, as QEMU does."""

    ours: Path
    theirs: str
    box: Box | None = None


@asynccontextmanager
async def _open_place(binary: str, form: Form | Confinement | None, boxes: Path) -> AsyncIterator[_Place]:
    if form is None:
        with tempfile.TemporaryDirectory() as made:
            yield _Place(Path(made), made)
    elif isinstance(form, Confinement):
        async with box_of(form, binary, place=boxes) as box:
            yield _Place(box.ours, box.theirs, box)
    else:
        async with open_box(binary, form=form, place=boxes) as box:
            yield _Place(box.ours, box.theirs, box)


async def reach(place: QemuPlace, host: Host, line: Hostile, form: Form | Confinement | None) -> Reached:
    """Start the line, wait until it has done what it does, end it, and look at the host."""
    reached = Reached()
    async with _open_place(place.binary, form, host.boxes) as where:
        line.prepare(host, where.ours)
        if where.box is not None:
            await asyncio.to_thread(hand_over, where.box)
        machine = (place.binary, "-nodefaults", "-display", "none", "-machine", "pc")
        task = asyncio.ensure_future(
            _run(place, (*machine, *line.words(host, where.theirs)), where, host, line, reached)
        )
        deadline = asyncio.get_running_loop().time() + (_PATIENCE_BARE if form is None else _PATIENCE)
        while asyncio.get_running_loop().time() < deadline:
            if task.done() and (form is not None or line.way != "writes" or not line.bites):
                break
            await asyncio.sleep(0.02)
            if (called := host.connected()) or (line.way == "writes" and host.changes()):
                reached.marks |= {"connects"} if called else set()
                break
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    _end_daemon(host)
    if host.connected():
        reached.marks.add("connects")
    if SECRET[:24] in reached.stderr:  # some sentences are cut
        reached.marks.add("reads")
    reached.changes = host.changes()
    if reached.changes:
        reached.marks.add("writes")
    return reached


async def _run(
    place: QemuPlace, argv: tuple[str, ...], where: _Place, host: Host, line: Hostile, reached: Reached
) -> None:
    try:
        async with start_qemu(place, argv, box=where.box) as qemu:
            reached.marks.add("accepted")
            if host.listening():
                reached.marks.add("listens")
            if line.way == "reads" and await _read_disk(qemu, where):
                reached.marks.add("reads")
            reached.stderr = qemu.stderr
            if line.way == "writes":
                # What it executes ends with it.  A bare one is ended as soon as something was written.
                await asyncio.sleep(_HOLD if where.box is not None else _PATIENCE_BARE)
    except EndedEarlyError as error:
        reached.stderr = error.ended.stderr


async def _read_disk(qemu: RunningQemu, where: _Place) -> bool:
    """Have QEMU copy its disk, if it has one, to where we can read it; whether the secret is in that."""
    nodes = [
        node
        for node in await qemu.execute("query-named-block-nodes")
        if node["drv"] != "file" or node["node-name"] == "disk"
    ]
    for number, node in enumerate(nodes):
        copy = where.ours / f"copy-{number}"
        with copy.open("wb") as file:
            file.truncate(min(node["image"]["virtual-size"], 1 << 30))
        copy.chmod(0o666)
        if where.box is not None:
            await asyncio.to_thread(hand_over, where.box)
        target = {"driver": "file", "filename": f"{where.theirs}/copy-{number}"}
        with suppress(ExecuteError):
            await qemu.execute("blockdev-add", driver="raw", **{"node-name": f"copy-{number}", "file": target})
            job = {"job-id": f"job-{number}", "device": node["node-name"], "target": f"copy-{number}"}
            await qemu.execute("blockdev-backup", sync="full", **job)
            for _ in range(100):
                if not await qemu.execute("query-block-jobs"):
                    break
                await asyncio.sleep(0.01)
        if SECRET.encode() in copy.read_bytes():
            return True
    return False


def _end_daemon(host: Host) -> None:
    """A bare QEMU that left us is known by the file with its number."""
    with suppress(OSError, ValueError):
        os.kill(int(host.fresh.read_text()), signal.SIGKILL)
