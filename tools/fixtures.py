"""Record ``fixtures/replies`` anew from Debian's QEMU binaries: ``make fixtures``.

5.2, 10.0 and 11.1 come from the roots (``make roots``; laid out here where they are missing), 7.2 is the
installed one on Debian 12, or comes from a root of its own.  All are asked under TCG, so nothing of this
host's CPU, kernel or devices is in the answers.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.errors import ProberError
from prober.qemu.files import write_recording
from prober.qemu.interview import Interview, interview
from tools.roots import BINARY, CHECKOUT, SUITES, find_root, make_root

PLACE = CHECKOUT / "fixtures" / "replies"

#: No fixture may be larger (bytes).
MAX_BYTES = 400 << 10


def places() -> list[Path | None]:
    """The roots to record from; None is this host."""
    roots: list[Path | None] = [make_root(version, suite) for version, suite in SUITES.items()]
    installed = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=False).stdout
    if " 7.2." in installed:
        return [None, *roots]
    return [find_root("7.2") or make_root("7.2", "bookworm"), *roots]


async def record(root: Path | None) -> Path:
    """Record one binary; returns the file."""
    asked: Interview = await interview(BINARY, accel="tcg", root=root)
    version = Capabilities.from_recording(asked.recording).version
    target = PLACE / f"qemu-{version}.replies.xz"
    await write_recording(target, asked.recording)
    size = target.stat().st_size
    print(f"{target.relative_to(CHECKOUT)}: {size:,} bytes, crashing: {', '.join(asked.crashes) or 'none'}")
    if size > MAX_BYTES:
        sys.exit(f"{target} is larger than {MAX_BYTES:,} bytes")
    return target


async def record_all() -> None:
    """Record every place, and remove the recordings of versions that are gone."""
    recorded = [await record(root) for root in await asyncio.to_thread(places)]
    for old in set(PLACE.glob("qemu-*.replies.xz")) - set(recorded):
        old.unlink()


def main() -> None:
    """Record all; an error is a sentence."""
    try:
        asyncio.run(record_all())
    except ProberError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
