"""Lay out Debian's other QEMU versions, each in a root directory of its own: ``make roots``.

With ``peers`` it lays out Debian's libvirts, each with the QEMU that is released with it: ``make peer-roots``.

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

#: libvirt's major version, and the Debian release that has it.
PEERS = {"libvirt-9": "bookworm", "libvirt-11": "trixie", "libvirt-12": "forky"}

#: What a libvirt is asked with, and what it looks for before it says yes.  Bookworm's virtiofsd comes with QEMU.
_WITH_LIBVIRT = (
    "libvirt-daemon-driver-qemu", "libvirt-clients", "python3", "ovmf", "swtpm", "swtpm-tools", "dmidecode",
)  # fmt: skip

#: Debian's driver does not load without this user; and interviews under KVM need the device.
_HOOKS = (
    'chroot "$1" sh -c "getent passwd libvirt-qemu || useradd --system --user-group --no-create-home libvirt-qemu"'
    " >/dev/null",
    'test -e "$1/dev/kvm" || mknod -m 666 "$1/dev/kvm" c 10 232',
)

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
    name = version if version in PEERS else f"QEMU {version}"
    root = find_root(version)
    if root is not None:
        _name_localhost(root)
        print(f"{name}: {root}")
        return root
    if shutil.which("mmdebstrap") is None:
        sys.exit("mmdebstrap is not installed: apt-get install mmdebstrap")
    if os.geteuid() != 0:
        sys.exit("only root can lay out root directories with their devices")
    target = find_place() / version
    partial = target.with_name(f"{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    print(f"{name}: making {target} from Debian {suite}")
    packages, hooks = ["qemu-system-x86"], []
    if version in PEERS:
        packages += [*_WITH_LIBVIRT, *(["virtiofsd"] if suite != "bookworm" else [])]
        hooks = [f"--customize-hook={hook}" for hook in _HOOKS]
    # Old releases are signed with dates that have passed.
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", '--aptopt=Acquire::Check-Valid-Until "false"',
         f"--include={','.join(packages)}", *hooks, suite, str(partial)],
        check=True,
    )  # fmt: skip
    _name_localhost(partial)
    partial.rename(target)
    return target


def _name_localhost(root: Path) -> None:
    """A host knows itself by name, and a QEMU looks that up for an address without a host."""
    hosts = root / "etc" / "hosts"
    if not hosts.exists():
        hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")


def main() -> None:
    """Lay out all that are missing."""
    wanted = PEERS if sys.argv[1:] == ["peers"] else SUITES
    for version, suite in wanted.items():
        make_root(version, suite)


if __name__ == "__main__":
    main()
