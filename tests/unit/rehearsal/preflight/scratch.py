"""A host in a directory, made for a test: what `/sys`, `/proc`, `/dev` and the files of a sound host have."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from prober.host.descriptor import Descriptor
from prober.host.host import Host
from prober.rehearsal.preflight.look import look_at_host
from prober.rehearsal.preflight.model import HostFinding, Preflight
from prober.rehearsal.preflight.view import HostUser, SeenHost
from prober.rehearsal.preflight.wanted import find_wanted
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

#: A user that no test runs as, and a group of it.
USER = HostUser("qemu", 64055, 64055, (64055, 64100))

#: The GUID of a volume of UEFI variables, as it stands in a file.
_VARIABLES = bytes.fromhex("8d2bf1ff96768b4ca9852747075b4f50")


def qcow2(backing: str = "", kind: str = "raw", *, features: int = 0, data: str = "", l1_at: int = 196608) -> bytes:
    """A qcow2 image without data."""
    extensions = b""
    for number, text in ((0xE2792ACA, kind if backing else ""), (0x44415441, data)):
        if text:
            padded = text.encode().ljust(-(-len(text) // 8) * 8, b"\0")
            extensions += struct.pack(">II", number, len(text)) + padded
    extensions += struct.pack(">II", 0, 0)
    at = 104 + len(extensions) if backing else 0
    head = b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 3, at, len(backing), 16, 10 << 20, 0, 1, l1_at, 65536, 1, 0, 0)
    head += struct.pack(">QQQII", features | (4 if data else 0), 0, 0, 4, 104) + extensions + backing.encode()
    return head.ljust(262144, b"\0")


def variables(size: int = 8192) -> bytes:
    """A file of UEFI variables."""
    return (bytes(16) + _VARIABLES + struct.pack("<Q", size) + b"_FVH").ljust(size, b"\0")


class ScratchHost:
    """A host below a directory.  Whatever is made there has its parents made, open to all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir(mode=0o755, exist_ok=True)
        self.write("/proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n")
        self.write("/proc/net/tcp", "  sl  local_address rem_address st\n")
        self.write("/proc/net/udp", "  sl  local_address rem_address st\n")
        self.write("/proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw 0 0\n")
        self.directory("/sys/class/net/lo")
        self.directory("/sys/bus/pci/devices")
        self.directory("/sys/bus/usb/devices")
        for node in ("/sys/kernel/mm", "/sys/devices/system/node/node0"):
            self.pages(node, free=512)

    def write(self, path: str, content: str | bytes = "", mode: int = 0o644) -> Path:
        """A file."""
        where = self.root / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content.encode() if isinstance(content, str) else content)
        where.chmod(mode)
        return where

    def directory(self, path: str, mode: int = 0o755) -> Path:
        """A directory."""
        where = self.root / path.lstrip("/")
        where.mkdir(parents=True, exist_ok=True)
        where.chmod(mode)
        return where

    def link(self, path: str, to: str) -> None:
        """A symbolic link."""
        where = self.root / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.symlink_to(to)

    def pages(self, node: str, *, free: int, size: int = 2048, total: int = 512) -> None:
        """The huge pages of one size, of all or of a node."""
        base = f"{node}/hugepages/hugepages-{size}kB"
        self.write(f"{base}/free_hugepages", f"{free}\n")
        self.write(f"{base}/nr_hugepages", f"{total}\n")

    def listen(self, path: str, *, mode: int = 0o777) -> None:
        """A socket that somebody listens on, as far as the host's files tell."""
        self.unheard(path, mode=mode)
        table = self.root / "proc/net/unix"
        table.write_text(table.read_text() + f"0000000000000000: 00000002 00000000 00010000 0001 01 4711 {path}\n")

    def unheard(self, path: str, *, mode: int = 0o777) -> None:
        """A socket that nobody listens on any more."""
        where = self.write(path)
        where.unlink()
        # A path of sockets is short, and that of a test's directory is not.
        with socket.socket(socket.AF_UNIX) as made:
            parent = os.open(where.parent, os.O_PATH)
            try:
                made.bind(f"/proc/self/fd/{parent}/{where.name}")
            finally:
                os.close(parent)
        where.chmod(mode)

    def take_port(self, port: int, address: str = "0100007F", protocol: str = "tcp") -> None:
        """A port that somebody has; the address as the kernel writes it."""
        table = self.root / "proc/net" / protocol
        table.write_text(table.read_text() + f"   0: {address}:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 1\n")

    def pci(self, address: str, group: str | None, driver: str | None, kind: str = "0x020000") -> None:
        """A PCI device in an IOMMU group, in the hands of a driver."""
        base = f"/sys/bus/pci/devices/{address}"
        self.write(f"{base}/class", kind)
        if group is not None:
            self.link(f"{base}/iommu_group", f"../../../kernel/iommu_groups/{group}")
            self.directory(f"/sys/kernel/iommu_groups/{group}/devices/{address}")
        if driver is not None:
            self.link(f"{base}/driver", f"../../../bus/pci/drivers/{driver}")


def domain(devices: str = "", *, more: str = "", boot: str = "", kind: str = "qemu") -> bytes:
    """A domain with these devices; what stands there begins at line 8."""
    return f"""<domain type='{kind}'>
  <name>flown</name>
  <memory unit='MiB'>64</memory>
  {more}
  <os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os>
  <features><acpi/></features>
  <devices>
    {devices}
  </devices>
</domain>""".encode()


def look(host: ScratchHost, xml: bytes, user: HostUser = USER, firmware: tuple[Descriptor, ...] = ()) -> Preflight:
    """What is found of a domain on a host, judged by the rights of its files."""
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    wanted = find_wanted(
        read_domain(xml), caps, binary="/usr/bin/qemu", host=Host(firmware=firmware), is_here=False, assume=False
    )
    return look_at_host(wanted, SeenHost(user, host.root, asks_kernel=False))


def found(flight: Preflight, kind: str, outlook: str = "") -> list[HostFinding]:
    """The findings of one kind."""
    return [one for one in flight.findings if one.kind == kind and outlook in ("", one.outlook)]
