"""Record ``fixtures/replies`` anew from Debian's QEMU binaries: ``make fixtures``.

5.2, 10.0 and 11.1 come from the roots (``make roots``; laid out here where they are missing), 7.2 is the
installed one on Debian 12, or comes from a root of its own.  Those of other targets than x86 are 7.2's, where it is the
installed one (qemu-system-arm, qemu-system-misc); else they stay as they are.  All are asked under TCG, so nothing of
this host's CPU, kernel or devices is in the answers.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.errors import ProberError
from prober.qemu.bundled import bundled_target
from prober.qemu.files import write_recording
from prober.qemu.interview import Interview, interview
from tools.roots import BINARY, CHECKOUT, SUITES, find_root, make_root

PLACE = CHECKOUT / "fixtures" / "replies"

#: The other targets that are recorded: those whose machine ``virt`` is translated.
OTHERS = ("aarch64", "loongarch64", "riscv64")

#: No fixture may be larger (bytes).
MAX_BYTES = 400 << 10


def is_installed(binary: str) -> bool:
    """Whether a QEMU 7.2 is on this host."""
    if shutil.which(binary) is None:
        return False
    return " 7.2." in subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout


def places() -> list[tuple[str, Path | None]]:
    """What to record, and the root that it is in; None is this host."""
    roots: list[Path | None] = [make_root(version, suite) for version, suite in SUITES.items()]
    own = None if is_installed(BINARY) else find_root("7.2") or make_root("7.2", "bookworm")
    others = [f"/usr/bin/qemu-system-{target}" for target in OTHERS]
    return [
        *((BINARY, root) for root in (own, *roots)),
        *((binary, None) for binary in others if is_installed(binary)),
    ]


async def record(binary: str, root: Path | None) -> Path:
    """Record one binary; returns the file."""
    asked: Interview = await interview(binary, accel="tcg", root=root)
    capabilities = Capabilities.from_recording(asked.recording)
    name = f"{capabilities.target}-{capabilities.version}" if binary != BINARY else str(capabilities.version)
    target = PLACE / f"qemu-{name}.replies.xz"
    await write_recording(target, asked.recording)
    size = target.stat().st_size
    print(f"{target.relative_to(CHECKOUT)}: {size:,} bytes, crashing: {', '.join(asked.crashes) or 'none'}")
    if size > MAX_BYTES:
        sys.exit(f"{target} is larger than {MAX_BYTES:,} bytes")
    return target


async def record_all() -> None:
    """Record every place, and remove the recordings of versions that are gone."""
    recorded = {await record(*place) for place in await asyncio.to_thread(places)}
    targets = {bundled_target(path) for path in recorded}
    for old in set(PLACE.glob("qemu-*.replies.xz")) - recorded:
        if bundled_target(old) in targets:
            old.unlink()


def main() -> None:
    """Record all; an error is a sentence."""
    try:
        asyncio.run(record_all())
    except ProberError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
