"""A translated argv for a host that has nothing of what its domain names: no disks, sockets, taps or host devices.

What only names something of the host is given something that exists: an image under the same name, a backend that
leads nowhere, a user-mode network.  What is nothing without the host's own part (a passed-through device, a process
that vhost-user talks to) is left out, and said to be.  All else stands as it was translated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prober.commandline.flags import FLAGS
from prober.commandline.text import split_pairs
from tests.integration.images import write_image

#: Options that are about another process, or about the guest's running, which never begins.
_LEFT_OUT = {"-kernel", "-initrd", "-append", "-shim", "-dtb", "-incoming", "-acpitable", "-bios"}

#: Options whose value names what this host shows guests on; nothing of it is needed to make the devices.
_SILENT = {"-vnc": "none", "-display": "none"}

#: Backends of character devices that need nothing of the host.
_HARMLESS = ("null", "vc", "ringbuf", "spicevmc", "spiceport", "qemu-vdagent", "dbus")

#: Block drivers that are a file here; every other protocol becomes one.
_FORMATS = {"raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vpc", "vhdx", "luks", "bochs", "cloop", "dmg", "parallels"}
_FILTERS = {"throttle", "copy-on-read"}

#: Devices that are nothing without the host's own.
_OF_THE_HOST = re.compile(
    r"vfio-.*|vhost-(?!user).*|vhost-user-.*|usb-host|virtio-input-host.*|ccid-card-(emulated|passthru)|virtio-blk-vhost-.*"
    r"|tpm-.*|scsi-generic|scsi-block|sgx-epc|usb-mtp|ivshmem-doorbell"
)
_OBJECTS_OF_THE_HOST = (
    "tls-creds-x509",
    "input-linux",
    "pr-manager-helper",
    "sev-guest",
    "sev-snp-guest",
    "tdx-guest",
    "can-host-socketcan",
    "memory-backend-epc",
    "iommufd",
    "qtest",
)

#: What a memory backend or a thread context says of the host's NUMA nodes, CPUs and huge pages.
_OF_HOST_MEMORY = (
    "host-nodes",
    "policy",
    "prealloc",
    "prealloc-threads",
    "hugetlb",
    "hugetlbsize",
    "pmem",
    "node-affinity",
    "cpu-affinity",
)

#: Audio backends that do not start without their server or device (``audio/*.c``).
_NOISY = ("alsa", "coreaudio", "dbus", "jack", "oss", "pa", "pipewire", "sdl", "sndio")

#: What a network card may have that is behind vhost alone (``hw/net/virtio-net.c``, ``virtio_net_max_tx_queue_size``).
_LARGEST_QUEUE = 256

#: With it, QEMU shares a GPU's memory with the host's graphics (``hw/display/virtio-gpu-udmabuf.c``).
_UDMABUF = Path("/dev/udmabuf")


@dataclass
class Adapted:
    """The argv to start with, and the ids (or flags) of what is not in it."""

    argv: tuple[str, ...] = ()
    left_out: list[str] = field(default_factory=list)


def adapt_argv(argv: tuple[str, ...], ours: Path, theirs: Path) -> Adapted:
    """The argv with files in a directory that is ``ours`` here and ``theirs`` to QEMU."""
    return _Adapter(ours, theirs).adapt(argv)


class _Adapter:
    def __init__(self, ours: Path, theirs: Path) -> None:
        self.ours, self.theirs = ours, theirs
        self.done = Adapted()
        self.formats: dict[str, str] = {}
        self.sizes: dict[str, int] = {}

    def adapt(self, argv: tuple[str, ...]) -> Adapted:
        options = _options(argv)
        for flag, value in options:
            if flag == "-blockdev" and value is not None:
                self._learn_formats(_tree(value, "driver"))
        words = [argv[0]]
        gone: set[str] = set()
        for flag, value in options:
            adapted = self._option(flag, value, gone)
            if adapted is not None:
                words += [flag, *([adapted] if value is not None else [])]
        self.done.argv = tuple(words)
        return self.done

    def _learn_formats(self, node: dict[str, Any]) -> None:
        below = node.get("file")
        if isinstance(below, str) and node.get("driver") in _FORMATS:
            self.formats[below] = "qcow2 with a data file" if "data-file" in node else _here(node)
            self.sizes[below] = int(node.get("offset", 0)) + int(node.get("size", 0))

    def _option(self, flag: str, value: str | None, gone: set[str]) -> str | None:
        """The value to start with (empty for none), or None where the option is left out."""
        if flag in _LEFT_OUT or not flag.startswith("-"):  # a word alone is a disk image
            return None
        if value is None:
            return ""
        match flag:
            case "-blockdev":
                return json.dumps(self._node(_tree(value, "driver")))
            case "-object":
                return self._object(value, gone)
            case "-device":
                return self._device(value, gone)
            case "-add-fd" | "-tpmdev":
                self.done.left_out.append(flag)
                return None
        if flag == "-spice":
            return re.sub(r",(gl|rendernode)=[^,]*", "", value)
        adapt = {
            "-drive": self._drive,
            "-chardev": self._chardev,
            "-netdev": _netdev,
            "-fsdev": self._fsdev,
            "-fw_cfg": self._fw_cfg,
            "-machine": self._machine,
            "-audiodev": _audiodev,
        }.get(flag)
        return adapt(value) if adapt is not None else _SILENT.get(flag, value)

    def _node(self, node: dict[str, Any]) -> dict[str, Any]:
        """A block node; whatever protocol it speaks, it becomes a file of the kind that the node above it reads."""
        driver = node["driver"]
        if driver in _FILTERS or driver in _FORMATS:
            for name in ("file", "backing", "data-file"):
                if isinstance(node.get(name), dict):
                    node[name] = self._node(node[name])
            node.pop("key-secret", None)
            node.pop("encrypt", None)
            return {**node, "driver": _here(node)}
        kept: dict[str, Any] = {key: node[key] for key in _KEPT if key in node}
        name = Path(str(node.get("filename") or node.get("dir") or f"{node.get('node-name')}.img")).name
        if (self.ours / name).exists():  # one image twice: QEMU would lock the second one out
            name = f"{node.get('node-name')}-{name}"
        above = self.formats.get(str(node.get("node-name")), "raw")
        write_image(self.ours / name, above, self.sizes.get(str(node.get("node-name")), 0))
        return {"driver": "file", "filename": str(self.theirs / name), **kept}

    def _fsdev(self, value: str) -> str:
        told = {key: str(text) for key, text in split_pairs(value, "fsdriver") if text is not None}
        if "path" in told:
            told["path"] = str(self.theirs)
        if told.get("security_model") == "passthrough":
            told["security_model"] = "none"
        return _keyval("fsdriver", told)

    def _fw_cfg(self, value: str) -> str:
        told = {key: str(text) for key, text in split_pairs(value, "name") if text is not None}
        if "file" in told:
            told["file"] = self._small_file(told["file"])
        return _keyval("name", told)

    def _machine(self, value: str) -> str:
        """Without the enclave memory that the host's CPU would give."""
        told = {key: str(text) for key, text in split_pairs(value, "type") if text is not None}
        gone = [key for key in told if key.startswith("sgx-epc.")]
        self.done.left_out += gone
        return _keyval("type", {key: text for key, text in told.items() if key not in gone})

    def _small_file(self, path: str) -> str:
        """A file of the same name, with something in it."""
        (self.ours / Path(path).name).write_bytes(bytes(512))
        return str(self.theirs / Path(path).name)

    def _drive(self, value: str) -> str:
        pairs = [(key, text) for key, text in split_pairs(value, "file") if text is not None]
        told = dict(pairs)
        if "file" not in told:
            return value
        name = Path(told["file"]).name
        write_image(self.ours / name, told.get("format", "raw"))
        path = str(self.theirs / name).replace(",", ",,")
        return ",".join(f"{key}={path if key == 'file' else text.replace(',', ',,')}" for key, text in pairs)

    def _chardev(self, value: str) -> str:
        told = dict(split_pairs(value, "backend"))
        kind = str(told.get("backend"))
        if kind in _HARMLESS:
            return re.sub(r"(,logfile=)[^,]*", rf"\g<1>{self.theirs}/log", value)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(told.get("id")))
        if kind == "socket":
            return f"socket,id={told['id']},path={self.theirs / name}.sock,server=on,wait=off"
        return f"file,id={told['id']},path={self.theirs / name}"

    def _object(self, value: str, gone: set[str]) -> str | None:
        node = _tree(value, "qom-type")
        kind = node["qom-type"]
        if kind in _OBJECTS_OF_THE_HOST:
            self.done.left_out.append(node["id"])
            gone.add(node["id"])
            return None
        if kind == "secret":
            node = {"qom-type": "secret", "id": node["id"], "data": "AAAA"}
        if kind.startswith("memory-backend") or kind == "thread-context":
            for name in _OF_HOST_MEMORY:
                node.pop(name, None)
            if kind == "memory-backend-file":
                node["mem-path"] = str(self.theirs)
                node.pop("align", None)
        if kind == "rng-random":
            node["filename"] = "/dev/urandom"
        return json.dumps(node) if value.startswith("{") else _keyval("qom-type", node)

    def _device(self, value: str, gone: set[str]) -> str | None:
        node = _tree(value, "driver")
        if _OF_THE_HOST.fullmatch(node["driver"]) or gone & {str(item) for item in node.values()}:
            self.done.left_out.append(str(node.get("id", node["driver"])))
            return None
        if int(node.get("tx_queue_size", 0)) > _LARGEST_QUEUE:
            node["tx_queue_size"] = type(node["tx_queue_size"])(_LARGEST_QUEUE)
            return json.dumps(node) if value.startswith("{") else _keyval("driver", node)
        if "blob" in node and not _UDMABUF.exists():
            self.done.left_out.append(f"{node.get('id', node['driver'])}.blob")
            del node["blob"]
        elif node.get("romfile"):
            node["romfile"] = self._small_file(str(node["romfile"]))
        else:
            return value
        return json.dumps(node) if value.startswith("{") else _keyval("driver", node)


def _options(argv: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """Flags and their values."""
    options: list[tuple[str, str | None]] = []
    words = iter(argv[1:])
    for word in words:
        flag = FLAGS.get(word.lstrip("-")) if word.startswith("-") else None
        options.append((word, next(words) if flag is not None and flag.takes_value else None))
    return options


def _here(node: dict[str, Any]) -> str:
    """The driver that reads in the place of a node's own: QEMU makes no images of some kinds, nor do we."""
    driver = str(node["driver"])
    if driver in _FILTERS or driver in ("raw", "qcow2"):
        return driver
    return "qcow2" if "backing" in node else "raw"


#: What every block node may say, whatever it reads from.
_KEPT = ("node-name", "read-only", "auto-read-only", "discard", "cache")


def _tree(value: str, implied: str) -> dict[str, Any]:
    if value.startswith("{"):
        tree = json.loads(value)
        assert isinstance(tree, dict)
        return tree
    return {key: str(text) for key, text in split_pairs(value, implied)}


def _netdev(value: str) -> str:
    name = _tree(value, "type")["id"]
    return json.dumps({"type": "user", "id": name}) if value.startswith("{") else f"user,id={name}"


def _audiodev(value: str) -> str:
    """A backend that plays to nobody, in the place of one that looks for its server or its device at once."""
    node = _tree(value, "driver")
    if node["driver"] not in _NOISY:
        return value
    silent = {"driver": "none", "id": node["id"]}
    return json.dumps(silent) if value.startswith("{") else _keyval("driver", silent)


def _keyval(implied: str, node: dict[str, Any]) -> str:
    rest = (f"{key}={str(item).replace(',', ',,')}" for key, item in node.items() if key != implied)
    return ",".join([str(node[implied]).replace(",", ",,"), *rest])
