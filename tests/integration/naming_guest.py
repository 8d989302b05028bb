"""A small Linux guest that tells what systemd's udev calls its network cards.

The kernel with the modules of virtio's cards, and udevadm, come from Debian's packages, and are kept below ``build/``;
the libraries of udevadm are this host's own.  Nothing is renamed: ``udevadm test-builtin net_id`` says what the names
would be.
"""

from __future__ import annotations

import fcntl
import re
import subprocess
from functools import cache
from pathlib import Path

from tests.integration.packages import extract_from_package, find_in_package
from tests.integration.small_guest import KEPT, SmallGuest, find_guest, write_archive

#: In the order in which they are loaded.
_MODULES = {
    "virtio_ring": "drivers/virtio",
    "virtio": "drivers/virtio",
    "virtio_pci_legacy_dev": "drivers/virtio",
    "virtio_pci_modern_dev": "drivers/virtio",
    "virtio_pci": "drivers/virtio",
    "failover": "net/core",
    "net_failover": "drivers/net",
    "virtio_net": "drivers/net",
}

#: What the guest's first process does.
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev /run/udev/data
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS0 2>&1
for module in %s; do $b insmod /modules/$module.ko; done
$b sleep 1
for card in /sys/class/net/e*; do
    address=$($b cat $card/address)
    /bin/udevadm test-builtin net_id $card 2>/dev/null |
        $b grep -E "^ID_NET_NAME_(PATH|SLOT|ONBOARD)=" | $b sed "s/^/GUEST name $address /"
done
echo "GUEST done"
$b sleep 1000
"""


@cache
def find_naming_guest() -> SmallGuest:
    """The guest; made where it is not there yet.  Skips where there is no way to have its parts."""
    busybox = find_guest().initrd.with_name("busybox")
    kept = KEPT / "naming"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        udevadm = find_in_package("PROBER_UDEVADM", kept / "udevadm", "udev", "./bin/udevadm")
        if not (kept / "vmlinuz").exists():
            modules = {f"{name}.ko": rf"\./lib/modules/[^/]+/kernel/{at}/{name}\.ko" for name, at in _MODULES.items()}
            extract_from_package("kernel", {**modules, "vmlinuz": r"\./boot/vmlinuz-.*"}, kept)
        files = {"bin/busybox": busybox.read_bytes(), "bin/udevadm": udevadm.read_bytes()}
        files.update((str(path).lstrip("/"), path.read_bytes()) for path in _libraries(udevadm))
        files.update((f"modules/{name}.ko", (kept / f"{name}.ko").read_bytes()) for name in _MODULES)
        files["init"] = (INIT % " ".join(_MODULES)).encode()
        data, initrd = b"".join(write_archive(files)), kept / "initrd"
        if not initrd.exists() or initrd.read_bytes() != data:
            initrd.with_name("initrd.new").write_bytes(data)
            initrd.with_name("initrd.new").rename(initrd)
    return SmallGuest(kept / "vmlinuz", kept / "initrd")


def _libraries(program: Path) -> list[Path]:
    """What a program is linked with on this host, by the paths that it is looked for."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "not found" not in told, told
    return [Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+)", told, re.MULTILINE)]
