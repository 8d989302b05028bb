"""Lay out Debian's other QEMU versions, each in a root directory of its own: ``make roots``.

Needs mmdebstrap and root.  The directories are ``.roots/VERSION`` in the checkout, or ``$PROBER_ROOTS/VERSION``.
A directory that is there already is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent

#: QEMU's version, and the Debian release that has it.
SUITES = {"5.2": "bullseye", "10.0": "trixie", "11.1": "forky"}

#: Where the binary is inside of a root.
BINARY = "/usr/bin/qemu-system-x86_64"


def find_place() -> Path:
    """The directory that holds the roots."""
    return Path(os.environ.get("PROBER_ROOTS") or CHECKOUT / ".roots").absolute()


def find_root(version: str) -> Path | None:
    """The root of this version, or None where it is not laid out."""
    root = find_place() / version
    return root if (root / BINARY.lstrip("/")).exists() else None


def make_root(version: str, suite: str) -> Path:
    """Lay out one root, whole or not at all."""
    root = find_root(version)
    if root is not None:
        print(f"QEMU {version}: {root}")
        return root
    if shutil.which("mmdebstrap") is None:
        sys.exit("mmdebstrap is not installed: apt-get install mmdebstrap")
    if os.geteuid() != 0:
        sys.exit("only root can lay out root directories with their devices")
    target = find_place() / version
    partial = target.with_name(f"{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    print(f"QEMU {version}: making {target} from Debian {suite}")
    # Old releases are signed with dates that have passed.
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", '--aptopt=Acquire::Check-Valid-Until "false"',
         "--include=qemu-system-x86", suite, str(partial)],
        check=True,
    )  # fmt: skip
    partial.rename(target)
    return target


def main() -> None:
    """Lay out all that are missing."""
    for version, suite in SUITES.items():
        make_root(version, suite)


if __name__ == "__main__":
    main()
