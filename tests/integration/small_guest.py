"""A small Linux guest: Debian's kernel as it is, and an initrd with busybox and one script.

The kernel and busybox come from the packages of the Debian that the tests run on (``apt-get download``, which
needs no root and installs nothing), once, and are kept below ``build/``; ``tests/needs.toml`` names the packages.
``PROBER_KERNEL`` and ``PROBER_BUSYBOX`` name other files.  The initrd is written here: the cpio format of the kernel
(``Documentation/driver-api/early-userspace/buffer-format.rst``) is a header and the bytes of each file.

The script tells the serial console, one fact a line, what a test wants to know, then tells again whenever a
PCI device comes or goes.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import CHECKOUT
from tests.not_run import skip_without
from tools.needs import needs

KEPT = CHECKOUT / "build" / "guest"

#: What the guest's first process does.  ``b`` is busybox; nothing else is there.
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS0 2>&1
echo "GUEST cmdline $($b cat /proc/cmdline)"
$b grep -q " guest.mode=tell" /proc/cmdline || $b poweroff -f
for slot in /sys/bus/pci/slots/*; do
    [ -e $slot ] && echo "GUEST slot $($b cat $slot/address) $($b basename $($b readlink $slot/module))"
done
while :; do
    now=$($b ls /sys/bus/pci/devices | $b tr '\\n' ' ')
    [ "$now" = "$before" ] || echo "GUEST devices $now"
    before=$now
    $b sleep 0.1
done
"""


@dataclass(frozen=True)
class SmallGuest:
    """Files to boot."""

    kernel: Path
    initrd: Path

    def copy_to(self, directory: Path) -> None:
        """Put both into a directory, as ``vmlinuz`` and ``initrd``."""
        shutil.copyfile(self.kernel, directory / "vmlinuz")
        shutil.copyfile(self.initrd, directory / "initrd")


@cache
def find_guest() -> SmallGuest:
    """The guest; made where it is not there yet.  Skips where there is no way to have its kernel or busybox."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes, and one of them makes it
        kernel = _find("PROBER_KERNEL", "vmlinuz", "kernel", "./boot/vmlinuz-")
        busybox = _find("PROBER_BUSYBOX", "busybox", "busybox", "./bin/busybox")
        data = b"".join(_write_initrd(busybox.read_bytes()))
        initrd = KEPT / "initrd"
        if not initrd.exists() or initrd.read_bytes() != data:
            initrd.with_name("initrd.new").write_bytes(data)
            initrd.with_name("initrd.new").rename(initrd)
    return SmallGuest(kernel, initrd)


def _find(variable: str, name: str, need: str, member: str) -> Path:
    """The file that the environment names, or the one that is kept, or the one in the package that we need."""
    if given := os.environ.get(variable):
        return Path(given)
    kept = KEPT / name
    if not kept.exists():
        skip_without(need)
        with TemporaryDirectory(dir=KEPT) as place:
            found = _extract(_download(needs()[need].package, Path(place)), member, Path(place) / name)
            found.rename(kept)
    return kept


def _download(package: str, place: Path) -> Path:
    """The .deb of a package; of one that only depends on a versioned kernel, that kernel's."""
    depends = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True, check=False).stdout
    if versioned := re.search(r"Depends: (linux-image-\S+)", depends):
        package = versioned.group(1)
    # As root apt would go down to a user who may not write here, and complain.
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    run = subprocess.run(["apt-get", *sandbox, "download", package], cwd=place, capture_output=True, text=True)
    packages = [*place.glob("*.deb")]
    if run.returncode or len(packages) != 1:
        pytest.skip(f"apt-get download {package}: {run.stderr.strip() or 'nothing came'} (is there a package list?)")
    return packages[0]


def _extract(package: Path, member: str, target: Path) -> Path:
    """The one file of a .deb whose name begins so."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            for entry in tar:
                if entry.isfile() and entry.name.startswith(member) and (data := tar.extractfile(entry)) is not None:
                    target.write_bytes(data.read())
                    unpacking.kill()  # the rest of a kernel's package is 400 MB of modules
                    return target
    raise AssertionError(f"{package.name} has no {member}")


def _write_initrd(busybox: bytes) -> Iterator[bytes]:
    """A cpio archive in the format ``newc``."""
    directory, program, device, link = 0o040755, 0o100755, 0o020600, 0o120777
    yield _member(1, "bin", directory)
    yield _member(2, "dev", directory)
    # The kernel opens this one for the first process, before devtmpfs is mounted.
    yield _member(3, "dev/console", device, device=(5, 1))
    yield _member(4, "bin/busybox", program, busybox)
    yield _member(5, "bin/sh", link, b"busybox")
    yield _member(6, "init", program, INIT.encode())
    yield _member(0, "TRAILER!!!", 0)


def _member(inode: int, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    # magic, then: inode, mode, uid, gid, links, mtime, size, device of the file system, device, name's size, check
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
