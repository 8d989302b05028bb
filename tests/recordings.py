"""Recordings for tests: the project's own, and libvirt's where they are at hand."""

from __future__ import annotations

import lzma
import os
from functools import lru_cache
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.qemu.recording import Recording

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures" / "replies"

#: Those of x86, by their names; the others have that of their target before the version.
X86 = sorted(FIXTURES.glob("qemu-[0-9]*.replies.xz"))

#: libvirt's test data: recordings of 34 versions, from the environment or beside the checkout.
LIBVIRT = Path(os.environ.get("PROBER_LIBVIRT_DATA", ROOT.parent / "shared" / "libvirt"))


def load_recording(path: Path) -> Recording:
    """A recording in ``.xz`` form."""
    return Recording.loads(lzma.decompress(path.read_bytes()).decode())


@lru_cache(maxsize=8)
def load_capabilities(path: Path) -> Capabilities:
    """The capabilities that a recording proves.  They are frozen, so one object does for all tests of a process."""
    return Capabilities.from_recording(load_recording(path))


def without_lists(caps: Capabilities) -> Capabilities:
    """As of a recording that libvirt made, or that was made before the binary was asked what it lists or loads."""
    return Capabilities.model_validate({**caps.model_dump(), "listed": {}, "drivers": {}})
