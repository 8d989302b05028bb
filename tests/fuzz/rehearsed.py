"""What is sent for a rehearsal: commands, the body of a hot-plug, and the file of a state."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

import zstandard

from prober.capabilities.models import Version
from prober.rehearsal.statefile import MAGIC, StateFile, head_of, read_state, write_state
from prober.rehearsal.view import GuestView, SeenDevice
from prober.service.bodies import read_plug_body, read_two_lines

BODY_TOKENS = (b'"domain"', b'"devices"', b'"argv"', b'"commands"', b'"execute"', b'"to_argv"', b"[", b"{", b"]", b"}")


def run_body(data: bytes) -> None:
    (read_two_lines if b"to_argv" in data else read_plug_body)(data)


def body_seeds() -> Sequence[bytes]:
    return [
        b'{"domain": "<domain/>", "devices": ["<rng/>", "<input/>"], "unplug": ["net0"]}',
        b'{"argv": ["q", "-S"], "commands": [{"execute": "device_add", "arguments": {"driver": "e1000", "id": "n"}}]}',
        b'{"argv": ["q", "-S"], "to_argv": ["q", "-S", "-smp", "2"]}',
    ]


def command_seeds() -> Sequence[bytes]:
    return [
        b'{"execute":"device_add","arguments":{"driver":"e1000","id":"n","bus":"pci.0","addr":"0x3"}}',
        b'{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram","id":"m","size":1048576}}',
        b'{"execute":"object-add","arguments":{"qom-type":"iothread","id":"i","props":{"poll-max-ns":1}}}',
        b'{"execute":"netdev_add","arguments":{"type":"tap","id":"n","fd":"tap-net1","vhostfds":"a:b"}}',
        b'{"execute":"blockdev-add","arguments":{"driver":"raw","file":{"driver":"file","filename":"/a"}}}',
        b'{"execute":"chardev-add","arguments":{"id":"c","backend":{"type":"socket","data":{"addr":{"type":"unix",'
        b'"data":{"path":"/s"}},"server":true,"wait":false}}}}',
        b'{"execute":"chardev-add","arguments":{"id":"c","backend":{"type":"udp","data":{"remote":{"type":"inet",'
        b'"data":{"host":"h","port":"1"}}}}}}',
        b'{"execute":"device_del","arguments":{"id":"n"}}',
    ]


def run_state(data: bytes) -> None:
    """A file as it is, and its head as that of a file whose sizes and checksum are right."""
    head = zstandard.ZstdCompressor().compress(data)
    body = head + zstandard.ZstdCompressor().compress(b"state")
    sizes = struct.pack(">II", len(head), len(body) - len(head))
    read_state(data if data.startswith(MAGIC[:6]) else MAGIC + sizes + hashlib.sha256(body).digest() + body)


def state_seeds() -> Sequence[bytes]:
    device = SeenDevice("virtio-net-pci", "n", "/machine/peripheral/n", "pcie.0/01.0", "01.0", {"mq": False})
    view = GuestView((device,), {("machine", "smm"): "auto"})
    head = head_of("<domain/>", "pc-q35-7.2", Version(major=7, minor=2, micro=22), ("qemu",), view)
    return [write_state(StateFile(head, b"state" * 100)), head.model_dump_json().encode()]
