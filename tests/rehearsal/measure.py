"""How long a migration takes, and how much of the host's memory: ``python -m tests.rehearsal.measure`` on a quiet host.

A guest of 4 GiB with everyday devices goes from the installed QEMU to itself, and to each of ``make roots``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median

from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.models import Migration
from tests.conftest import BINARY_IN_ROOT, ROOT_VERSIONS, ROOTS, QemuPlace
from tests.integration.real_qemu import capabilities_of
from tests.proc import descendants_of

#: What an everyday guest has besides.
DEVICES = (
    "-device virtio-net-pci,romfile=,id=n -blockdev null-co,node-name=d,read-zeroes=on -device virtio-blk-pci,drive=d "
    "-device qemu-xhci,id=x -device usb-tablet,bus=x.0 -device virtio-balloon-pci -device VGA"
)
LINE = f"qemu -nodefaults -display none -accel tcg -machine pc-q35-5.2 -smp 2 -m 4096 {DEVICES}"


def memory_of(pid: int) -> int:
    """What a QEMU takes of the host's memory (PSS, bytes); nothing where it is none, or has ended."""
    with suppress(OSError):
        if "qemu" in Path(f"/proc/{pid}/exe").readlink().name:
            told = Path(f"/proc/{pid}/smaps_rollup").read_text()
            return next((int(line.split()[1]) << 10 for line in told.splitlines() if line.startswith("Pss:")), 0)
    return 0


async def watch_migration(asked: MigrationAsked) -> tuple[Migration, int]:
    """What becomes of it, and the most memory that all QEMUs took meanwhile (bytes)."""
    moving, peak = asyncio.ensure_future(rehearse_migration(asked)), 0
    while not moving.done():
        taken = await asyncio.to_thread(lambda: sum(map(memory_of, descendants_of(os.getpid()))))
        peak = max(peak, taken)
        await asyncio.sleep(0.002)
    return await moving, peak


async def _measure(asked: MigrationAsked, rounds: int) -> str:
    _, peak = await watch_migration(asked)
    told = [await rehearse_migration(asked) for _ in range(rounds)]
    return f"{told[0].verdict}, {median(one.seconds for one in told):.2f} s (median of {rounds}), {peak >> 20} MiB"


def main() -> None:
    """Measure, a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    installed = QemuPlace("installed", BINARY_IN_ROOT)
    places = [installed, *(QemuPlace(name, BINARY_IN_ROOT, ROOTS / name) for name in ROOT_VERSIONS)]
    line = LineRequest(tuple(LINE.split()))
    source, *others = (LineSubject(one.binary, capabilities_of(one), one.root) for one in places)
    for destination in (source, *others):
        told = asyncio.run(_measure(MigrationAsked(source, line, destination, line), rounds))
        way = f"{source.capabilities.version} to {destination.capabilities.version}"
        sys.stdout.write(f"{way}: {told}\n")


if __name__ == "__main__":
    main()
