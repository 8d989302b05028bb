"""Command lines that reach for the host, and a host that tells whether they got anywhere.

Each line does what it does with a bare QEMU: that is tried as well, so that what is looked at would show it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.integration.hostile_host import Host, write_overlay

#: How a line is seen to have got out: by the secret in what QEMU says, a file, a connection, somebody listening, or by
#: being taken at all where a bare QEMU takes it.
Way = Literal["reads", "writes", "connects", "listens", "accepted"]


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
