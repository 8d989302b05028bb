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
import lzma
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.conftest import CHECKOUT
from tests.integration.packages import find_in_package

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

    def copy_to(self, directory: Path, *, unpacked: bool = False) -> None:
        """Put both into a directory, as ``vmlinuz`` and ``initrd``.

        ``unpacked`` is the kernel as the packed one unpacks itself, which QEMU starts as well (PVH) and which spares
        TCG five seconds of unpacking.
        """
        if unpacked:
            (directory / "vmlinuz").write_bytes(_unpack(self.kernel.read_bytes()))
        else:
            shutil.copyfile(self.kernel, directory / "vmlinuz")
        shutil.copyfile(self.initrd, directory / "initrd")


@cache
def find_guest() -> SmallGuest:
    """The guest; made where it is not there yet.  Skips where there is no way to have its kernel or busybox."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes, and one of them makes it
        kernel = find_in_package("PROBER_KERNEL", KEPT / "vmlinuz", "kernel", "./boot/vmlinuz-")
        busybox = find_in_package("PROBER_BUSYBOX", KEPT / "busybox", "busybox", "./bin/busybox")
        data = b"".join(_write_initrd(busybox.read_bytes()))
        initrd = KEPT / "initrd"
        if not initrd.exists() or initrd.read_bytes() != data:
            initrd.with_name("initrd.new").write_bytes(data)
            initrd.with_name("initrd.new").rename(initrd)
    return SmallGuest(kernel, initrd)


def _unpack(kernel: bytes) -> bytes:
    """What a kernel has packed by xz behind its set-up (``Documentation/arch/x86/boot.rst``); without that, itself."""
    offset, length = struct.unpack_from("<II", kernel, 0x248)  # payload_offset, payload_length
    start = (kernel[0x1F1] + 1) * 512 + offset  # setup_sects
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(kernel[start : start + length])
    except lzma.LZMAError:
        return kernel


def _write_initrd(busybox: bytes) -> Iterator[bytes]:
    """A cpio archive in the format ``newc``."""
    return write_archive({"bin/busybox": busybox, "init": INIT.encode()})


def write_archive(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """A cpio archive with these programs, the directories above them, busybox's shell and the first console."""
    directory, program, device, link = 0o040755, 0o100755, 0o020600, 0o120777
    above = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    number = 1
    for name in sorted({*above, "bin", "dev"}):
        yield _member(number, name, directory)
        number += 1
    # The kernel opens this one for the first process, before devtmpfs is mounted.
    yield _member(number, "dev/console", device, device=(5, 1))
    yield _member(number + 1, "bin/sh", link, b"busybox")
    for at, (name, data) in enumerate(files.items(), number + 2):
        yield _member(at, name, program, data)
    yield _member(0, "TRAILER!!!", 0)


def _member(inode: int, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    # magic, then: inode, mode, uid, gid, links, mtime, size, device of the file system, device, name's size, check
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
