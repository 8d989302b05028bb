"""Command lines that reach for the host, and a host that tells whether they got anywhere.

Each line does what it does with a bare QEMU: that is tried as well, so that what is looked at would show it.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.integration.images import write_image

#: What stands in the secret file, and in nothing else.
SECRET = "only-the-host-may-know-9d2f61"

#: How a line is seen to have got out: by the secret in what QEMU says, a file, a connection, somebody listening, or by
#: being taken at all where a bare QEMU takes it.
Way = Literal["reads", "writes", "connects", "listens", "accepted"]


@dataclass
class Host:
    """What a hostile line may find: files and sockets that everybody may use, and what they were like before.

    ``open_directory`` and all in it may be written by anybody, so that it is not the permissions which hold.  ``boxes``
    is where directories for stand-ins are made.
    """

    open_directory: Path
    boxes: Path
    tcp: socket.socket
    unix: socket.socket
    datagrams: socket.socket
    abstract: socket.socket
    before: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def secret(self) -> Path:
        return self.open_directory / "secret"

    @property
    def script(self) -> Path:
        """A program that leaves a file."""
        return self.open_directory / "script"

    @property
    def fresh(self) -> Path:
        """A file that is not there."""
        return self.open_directory / "fresh"

    @property
    def socket(self) -> Path:
        return self.open_directory / "socket"

    @property
    def datagram_socket(self) -> Path:
        return self.open_directory / "datagrams"

    @property
    def abstract_name(self) -> str:
        return f"prober-test-{self.open_directory.name}"

    @property
    def port(self) -> int:
        """Where somebody listens on 127.0.0.1."""
        return int(self.tcp.getsockname()[1])

    @property
    def free_port(self) -> int:
        """Where nobody listens on 127.0.0.1, nor ever has."""
        return self.port + 1 if self.port < 65535 else self.port - 1

    def look(self) -> dict[str, tuple[object, ...]]:
        """All that is in the open directory, with what would change if somebody wrote there."""
        seen: dict[str, tuple[object, ...]] = {}
        for path in (self.open_directory, *self.open_directory.rglob("*")):
            found = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
            seen[str(path)] = (
                found.st_mode,
                found.st_uid,
                found.st_size,
                found.st_mtime_ns,
                found.st_ctime_ns,
                content,
            )
        return seen

    def changes(self) -> list[str]:
        """Paths that are not as they were."""
        now = self.look()
        return sorted(path for path in now.keys() | self.before.keys() if now.get(path) != self.before.get(path))

    def connected(self) -> list[str]:
        """Sockets of the host on which somebody called."""
        return [
            name
            for name, one in (("tcp", self.tcp), ("unix", self.unix), ("abstract", self.abstract))
            if _is_called(one)
        ] + (["datagrams"] if _is_told(self.datagrams) else [])

    def listening(self) -> list[str]:
        """Where somebody listens who did not before."""
        found = []
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", self.free_port)) == 0:
                found.append(f"127.0.0.1:{self.free_port}")
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(f"\0{self.abstract_name}-theirs") == 0:
                found.append("an abstract socket")
        return found


def _is_called(listening: socket.socket) -> bool:
    with suppress(BlockingIOError):
        listening.accept()[0].close()
        return True
    return False


def _is_told(datagrams: socket.socket) -> bool:
    with suppress(BlockingIOError):
        datagrams.recv(1)
        return True
    return False


@contextmanager
def open_host() -> Iterator[Host]:
    """A part of this host that everybody may read, write and call."""
    with ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prober-hostile-", dir="/tmp")))
        made.chmod(0o777)
        boxes = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prober-boxes-", dir="/tmp")))
        boxes.chmod(0o777)
        tcp, unix, datagrams, abstract = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        host = Host(made, boxes, tcp, unix, datagrams, abstract)
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(host.socket))
        datagrams.bind(str(host.datagram_socket))
        abstract.bind(f"\0{host.abstract_name}")
        for one in (tcp, unix, abstract):
            one.listen()
        for one in (tcp, unix, datagrams, abstract):
            one.setblocking(False)
        host.secret.write_bytes(SECRET.encode().ljust(4096, b"\n"))
        host.script.write_text(f"#!/bin/sh\necho run > {made}/run-by-script\n")
        (made / "tree").mkdir()
        (made / "tree" / "inner").write_text(SECRET)
        (made / "config").write_text(f'[chardev "c"]\n  backend = "file"\n  path = "{host.fresh}"\n')
        write_image(made / "empty.qcow2", "qcow2")
        for path, mode in ((host.script, 0o777), (made / "tree", 0o777), (made / "empty.qcow2", 0o666)):
            path.chmod(mode)
        for path in (host.socket, host.datagram_socket, host.secret, made / "tree" / "inner", made / "config"):
            path.chmod(0o666)
        host.before = host.look()
        yield host


def write_overlay(path: Path, backing: Path) -> None:
    """An image of its own with nothing in it, on top of another file (QEMU, ``docs/interop/qcow2.txt``)."""
    write_image(path, "qcow2")
    data, name = bytearray(path.read_bytes()), os.fsencode(backing)
    extension = struct.pack(">II", 0xE2792ACA, 3) + b"raw".ljust(8, b"\0") + bytes(8)
    at = 104 + len(extension)
    data[8:20] = struct.pack(">QI", at, len(name))
    data[104:at] = extension
    data[at : at + len(name)] = name
    path.write_bytes(data)


@dataclass(frozen=True)
class Hostile:
    """One hostile line: its words, given the host and the directory for stand-ins as QEMU has it.

    ``prepare`` puts something into that directory (as we have it).  ``bites`` is False for what even a bare QEMU makes
    nothing of on the machines that this is tried on: then only the box is looked at.
    """

    name: str
    way: Way
    words: Callable[[Host, str], tuple[str, ...]]
    prepare: Callable[[Host, Path], None] = lambda host, ours: None
    bites: bool = True


def _drive(file: str, kind: str = "raw", more: str = "read-only=on") -> tuple[str, ...]:
    return ("-drive", f"file={file},format={kind},if=none,id=disk,{more}")


def _netdev(text: str) -> tuple[str, ...]:
    return ("-netdev", f"{text},id=n", "-device", "e1000,netdev=n")


def _chardev(text: str) -> tuple[str, ...]:
    backend, _, rest = text.partition(",")
    return ("-chardev", f"{backend},id=c,{rest}")


def _as_json(**members: object) -> str:
    return json.dumps({name.replace("_", "-"): value for name, value in members.items()})


def _overlay(host: Host, ours: Path) -> None:
    write_overlay(ours / "overlay.qcow2", host.secret)


LINES = (
    # Images, and what leads from one file to another.
    Hostile("image", "reads", lambda h, _: _drive(str(h.secret))),
    Hostile("shadow", "accepted", lambda h, _: _drive("/etc/shadow")),
    Hostile("block device", "accepted", lambda h, _: _drive("/dev/vda"), bites=False),
    Hostile(
        "image written",
        "accepted",
        lambda h, _: _drive(str(h.open_directory / "empty.qcow2"), "qcow2", "read-only=off"),
    ),
    Hostile(
        "json image",
        "reads",
        lambda h, _: (
            "-drive",
            f'file=json:{{"driver":"raw",,"file":{{"driver":"file",,"filename":"{h.secret}"}}}},if=none,id=disk,read-only=on',
        ),
    ),
    Hostile(
        "blockdev",
        "reads",
        lambda h, _: ("-blockdev", f'{{"driver":"file","filename":"{h.secret}","node-name":"disk","read-only":true}}'),
    ),
    Hostile("backing file", "reads", lambda h, t: _drive(f"{t}/overlay.qcow2", "qcow2"), _overlay),
    Hostile(
        "backing file given",
        "reads",
        lambda h, t: _drive(f"{t}/plain.qcow2", "qcow2", f"backing.driver=raw,backing.file.filename={h.secret}"),
        lambda h, ours: write_overlay(ours / "plain.qcow2", Path("/nonexistent")),
    ),
    Hostile("directory as a disk", "accepted", lambda h, _: _drive(f"fat:{h.open_directory}/tree", "vvfat")),
    Hostile(
        "link out of the stand-ins",
        "reads",
        lambda h, t: _drive(f"{t}/link"),
        lambda h, ours: (ours / "link").symlink_to(h.secret),
    ),
    Hostile("root of process 1", "reads", lambda h, _: _drive(f"/proc/1/root{h.secret}"), bites=False),
    Hostile("own root", "reads", lambda h, _: _drive(f"/proc/self/root{h.secret}")),
    Hostile("descriptor", "accepted", lambda h, _: _drive("/proc/self/fd/3"), bites=False),
    Hostile("descriptor of process 1", "accepted", lambda h, _: _drive("/proc/1/fd/3"), bites=False),
    Hostile("memory of the parent", "accepted", lambda h, _: _drive(f"/proc/{os.getpid()}/mem"), bites=False),
    Hostile("parent's root", "reads", lambda h, _: _drive(f"/proc/{os.getpid()}/root{h.secret}")),
    Hostile("snapshot file", "accepted", lambda h, _: _drive(str(h.secret), more="snapshot=on")),
    Hostile("nbd", "connects", lambda h, _: _drive(f"nbd:127.0.0.1:{h.port}")),
    Hostile("nbd unix", "connects", lambda h, _: _drive(f"nbd:unix:{h.socket}")),
    Hostile(
        "json nbd",
        "connects",
        lambda h, _: ("-drive", f'file=json:{{"driver":"nbd",,"host":"127.0.0.1",,"port":"{h.port}"}},if=none,id=disk'),
    ),
    Hostile(
        "nbd inside of formats",
        "connects",
        lambda h, _: (
            "-blockdev",
            _as_json(
                driver="raw",
                node_name="disk",
                file={"driver": "nbd", "server": {"type": "inet", "host": "127.0.0.1", "port": f"{h.port}"}},
            ),
        ),
    ),
    Hostile(
        "nbd vsock",
        "accepted",
        lambda h, _: (
            "-blockdev",
            '{"driver":"nbd","node-name":"disk","server":{"type":"vsock","cid":"1","port":"4242"}}',
        ),
        bites=False,
    ),
    # Files of every option.
    Hostile("fw_cfg", "accepted", lambda h, _: ("-fw_cfg", f"name=opt/x,file={h.secret}")),
    Hostile("acpitable", "accepted", lambda h, _: ("-acpitable", f"sig=TEST,data={h.secret}")),
    Hostile("smbios", "accepted", lambda h, _: ("-smbios", f"type=11,path={h.secret}")),
    Hostile("kernel", "accepted", lambda h, _: ("-kernel", str(h.secret)), bites=False),
    Hostile("option rom", "reads", lambda h, _: ("-option-rom", str(h.secret)), bites=False),
    Hostile("rom of a device", "accepted", lambda h, _: ("-device", f"e1000,romfile={h.secret}")),
    Hostile("loader", "accepted", lambda h, _: ("-device", f"loader,file={h.secret},addr=0,force-raw=on")),
    Hostile("secret", "accepted", lambda h, _: ("-object", f"secret,id=s,format=raw,file={h.secret}")),
    Hostile(
        "random numbers",
        "accepted",
        lambda h, _: ("-object", "rng-random,id=r,filename=/dev/kmsg", "-device", "virtio-rng-pci,rng=r"),
    ),
    Hostile("evdev", "accepted", lambda h, _: ("-object", f"input-linux,id=i,evdev={h.fresh}"), bites=False),
    Hostile(
        "credentials", "accepted", lambda h, _: ("-object", f"tls-creds-psk,id=t,dir={h.open_directory}"), bites=False
    ),
    Hostile("readconfig", "writes", lambda h, _: ("-readconfig", str(h.open_directory / "config"))),
    Hostile(
        "keymaps and firmware", "accepted", lambda h, _: ("-L", str(h.open_directory), "-bios", "secret"), bites=False
    ),
    # What is written.
    Hostile("chardev file", "writes", lambda h, _: _chardev(f"file,path={h.fresh}")),
    Hostile("chardev log", "writes", lambda h, _: _chardev(f"null,logfile={h.fresh}")),
    Hostile("serial file", "writes", lambda h, _: ("-serial", f"file:{h.fresh}")),
    Hostile("debug console", "writes", lambda h, _: ("-debugcon", f"file:{h.fresh}")),
    Hostile("chardev appended", "accepted", lambda h, _: _chardev(f"file,append=on,path={h.secret}")),
    Hostile("log", "writes", lambda h, _: ("-D", str(h.fresh), "-d", "cpu_reset")),
    Hostile("trace file", "writes", lambda h, _: ("-trace", f"enable=qemu_mutex_lock,file={h.fresh}")),
    Hostile("trace events", "reads", lambda h, _: ("-trace", f"events={h.open_directory}/tree/inner")),
    Hostile("pid file", "writes", lambda h, _: ("-pidfile", str(h.fresh))),
    Hostile("daemon", "writes", lambda h, _: ("-daemonize", "-pidfile", str(h.fresh))),
    Hostile("vm state", "writes", lambda h, _: ("-dump-vmstate", str(h.fresh))),
    Hostile("recorded execution", "writes", lambda h, _: ("-icount", f"shift=7,rr=record,rrfile={h.fresh}")),
    Hostile(
        "network dump",
        "writes",
        lambda h, _: (*_netdev("user"), "-object", f"filter-dump,id=f,netdev=n,file={h.fresh}"),
    ),
    Hostile(
        "memory file",
        "writes",
        lambda h, _: ("-object", f"memory-backend-file,id=m,size=1M,share=on,mem-path={h.fresh}"),
    ),
    Hostile("memory path", "writes", lambda h, _: ("-mem-path", str(h.open_directory), "-m", "1M")),
    Hostile(
        "sound file", "writes", lambda h, _: ("-audiodev", f"wav,id=a,path={h.fresh}", "-device", "AC97,audiodev=a")
    ),
    Hostile(
        "file system of the host",
        "writes",
        lambda h, _: (
            "-fsdev",
            f"local,id=f,path={h.open_directory}/tree,security_model=mapped-file",
            "-device",
            "virtio-9p-pci,fsdev=f,mount_tag=t",
        ),
        bites=False,
    ),
    Hostile(
        "virtfs",
        "accepted",
        lambda h, _: ("-virtfs", f"local,path={h.open_directory}/tree,mount_tag=t,security_model=none"),
    ),
    Hostile("qtest log", "writes", lambda h, _: ("-qtest", "null", "-qtest-log", str(h.fresh))),
    # What is executed.
    Hostile("incoming exec", "writes", lambda h, _: ("-incoming", f"exec:{h.script}")),
    Hostile("tap script", "writes", lambda h, _: _netdev(f"tap,ifname=probertest,script={h.script}"), bites=False),
    Hostile("tap helper", "writes", lambda h, _: _netdev(f"tap,helper={h.script}")),
    Hostile("bridge helper", "writes", lambda h, _: _netdev(f"bridge,helper={h.script}")),
    Hostile(
        "guestfwd command",
        "writes",
        lambda h, _: _netdev(f"user,guestfwd=tcp:10.0.2.100:80-cmd:{h.script}"),
        bites=False,
    ),
    Hostile("smb", "accepted", lambda h, _: _netdev(f"user,smb={h.open_directory}"), bites=False),
    Hostile("tftp", "reads", lambda h, _: _netdev(f"user,tftp={h.open_directory}"), bites=False),
    # What is connected to, and listened on.
    Hostile("chardev tcp", "connects", lambda h, _: _chardev(f"socket,host=127.0.0.1,port={h.port}")),
    Hostile("chardev unix", "connects", lambda h, _: _chardev(f"socket,path={h.socket}")),
    Hostile("chardev abstract", "connects", lambda h, _: _chardev(f"socket,abstract=on,path={h.abstract_name}")),
    Hostile("chardev server", "writes", lambda h, _: _chardev(f"socket,server=on,wait=off,path={h.fresh}")),
    Hostile(
        "abstract server",
        "listens",
        lambda h, _: _chardev(f"socket,server=on,wait=off,abstract=on,path={h.abstract_name}-theirs"),
    ),
    Hostile(
        "tcp server", "listens", lambda h, _: _chardev(f"socket,server=on,wait=off,host=127.0.0.1,port={h.free_port}")
    ),
    Hostile("monitor", "listens", lambda h, _: ("-monitor", f"tcp:127.0.0.1:{h.free_port},server=on,wait=off")),
    Hostile("monitor unix", "writes", lambda h, _: ("-qmp", f"unix:{h.fresh},server=on,wait=off")),
    Hostile("debugger", "listens", lambda h, _: ("-gdb", f"tcp:127.0.0.1:{h.free_port}")),
    Hostile("vnc unix", "writes", lambda h, _: ("-vnc", f"unix:{h.fresh}")),
    Hostile("vnc reverse", "connects", lambda h, _: ("-vnc", f"127.0.0.1:{h.port},reverse=on")),
    Hostile("incoming tcp", "listens", lambda h, _: ("-incoming", f"tcp:127.0.0.1:{h.free_port}")),
    Hostile("incoming unix", "writes", lambda h, _: ("-incoming", f"unix:{h.fresh}")),
    Hostile("incoming vsock", "accepted", lambda h, _: ("-incoming", "vsock:4294967295:4242"), bites=False),
    Hostile("incoming descriptor", "reads", lambda h, _: ("-incoming", "fd:3"), bites=False),
    Hostile("hostfwd", "listens", lambda h, _: _netdev(f"user,hostfwd=tcp:127.0.0.1:{h.free_port}-:22")),
    Hostile("netdev socket", "connects", lambda h, _: _netdev(f"socket,connect=127.0.0.1:{h.port}")),
    Hostile(
        "netdev stream",
        "connects",
        lambda h, _: (
            "-netdev",
            _as_json(type="stream", id="n", addr={"type": "unix", "path": str(h.socket)}),
            "-device",
            "e1000,netdev=n",
        ),
    ),
    Hostile("netdev listens", "listens", lambda h, _: _netdev(f"socket,listen=127.0.0.1:{h.free_port}")),
    Hostile(
        "vhost-user",
        "connects",
        lambda h, _: (
            "-chardev",
            f"socket,id=c,path={h.socket}",
            "-netdev",
            "vhost-user,id=n,chardev=c",
            "-device",
            "virtio-net-pci,netdev=n",
        ),
    ),
    Hostile(
        "tap", "accepted", lambda h, _: _netdev("tap,script=no,downscript=no"), bites=Path("/dev/net/tun").exists()
    ),
    Hostile("vhost-vsock", "accepted", lambda h, _: ("-device", "vhost-vsock-pci,guest-cid=42"), bites=False),
    Hostile("serial line", "accepted", lambda h, _: ("-serial", "/dev/ttyS0"), bites=False),
    Hostile("terminal", "accepted", lambda h, _: ("-serial", "pty"), bites=False),
    # Where it goes, and as whom.
    Hostile("chroot", "accepted", lambda h, _: ("-chroot", str(h.open_directory), *_drive(str(h.secret)))),
    Hostile("another user", "accepted", lambda h, _: ("-runas", "root"), bites=False),
    Hostile("descriptor set", "accepted", lambda h, _: ("-add-fd", "fd=3,set=1", *_drive("/dev/fdset/1")), bites=False),
)
