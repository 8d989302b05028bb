"""What block drivers read, and what of their members names something of the host (``qapi/block-core.json``).

The drivers of ``blockdev-add`` in 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

#: How a node reads one below it: as its own reader reads it (a filter), as an image of its own format, as a header of
#: LUKS that stands alone, or as a plain disk.
Reads = Literal["the same", "its format", "its header", "a disk"]

_FILTER: Mapping[str, Reads] = {"file": "the same"}
_FORMAT: Mapping[str, Reads] = {"file": "its format"}
_WITH_BACKING: Mapping[str, Reads] = {"file": "its format", "backing": "a disk"}

#: The nodes that a driver reads, by the members that hold them.
READS: Mapping[str, Mapping[str, Reads]] = {
    "blkdebug": {"image": "the same"},
    "blklogwrites": {"file": "the same", "log": "a disk"},
    "blkreplay": {"image": "the same"},
    "blkverify": {"test": "the same", "raw": "a disk"},
    "compress": _FILTER,
    "copy-before-write": {"file": "the same", "target": "a disk"},
    "copy-on-read": _FILTER,
    "preallocate": _FILTER,
    "quorum": {"children": "the same"},
    "replication": _FILTER,
    "snapshot-access": _FILTER,
    "throttle": _FILTER,
    "raw": _FILTER,
    "bochs": _FORMAT,
    "cloop": _FORMAT,
    "dmg": _FORMAT,
    "luks": {"file": "its format", "header": "its header"},
    "parallels": _FORMAT,
    "qcow": _WITH_BACKING,
    "qcow2": {"file": "its format", "backing": "a disk", "data-file": "a disk"},
    "qed": _WITH_BACKING,
    "vdi": _FORMAT,
    "vhdx": _FORMAT,
    "vmdk": _WITH_BACKING,
    "vpc": _FORMAT,
}

_URL = frozenset(
    (
        "url", "readahead", "timeout", "username", "password-secret", "proxy-username", "proxy-password-secret",
        "cookie", "cookie-secret", "sslverify", "force-range",
    )
)  # fmt: skip

#: The drivers whose node becomes one of the driver ``file``, and the members that only they have.  Those that
#: ``-drive`` alone knows are among them (``host`` of nbd).
BECOMES_FILE: Mapping[str, frozenset[str]] = {
    "file": frozenset(),
    "host_device": frozenset(),
    "host_cdrom": frozenset(),
    "ftp": _URL,
    "ftps": _URL,
    "http": _URL,
    "https": _URL,
    "gluster": frozenset(("volume", "path", "server", "debug", "logfile")),
    "io_uring": frozenset(("path",)),
    "iscsi": frozenset(
        (
            "transport", "portal", "target", "lun", "user", "password", "password-secret", "initiator-name",
            "header-digest", "timeout",
        )
    ),
    "nbd": frozenset(
        (
            "server", "export", "tls-creds", "tls-hostname", "x-dirty-bitmap", "reconnect-delay", "open-timeout",
            "host", "port", "path",
        )
    ),
    "nfs": frozenset(
        ("server", "path", "user", "group", "tcp-syn-count", "readahead-size", "page-cache-size", "debug")
    ),
    "nvme": frozenset(("device", "namespace")),
    "nvme-io_uring": frozenset(("path",)),
    "rbd": frozenset(
        (
            "pool", "namespace", "image", "conf", "snapshot", "encrypt", "user", "auth-client-required", "key-secret",
            "server", "password-secret", "keyvalue-pairs",
        )
    ),
    "sheepdog": frozenset(("server", "vdi", "snap-id", "tag", "path")),
    "ssh": frozenset(("server", "path", "user", "host-key-check", "host_key_check", "host", "port")),
    "virtio-blk-vfio-pci": frozenset(("path",)),
    "virtio-blk-vhost-user": frozenset(("path",)),
    "virtio-blk-vhost-vdpa": frozenset(("path",)),
    "vxhs": frozenset(("vdisk-id", "server", "tls-creds")),
}  # fmt: skip

#: Those of this host: QEMU locks what it opens, so that a path which is named twice is one file.
LOCKING = ("file", "host_device", "host_cdrom")

#: Drivers that lead nowhere by themselves.
NOWHERE = ("null-aio", "null-co")

#: Where a filename begins with one of these and a colon, it is the driver's own way to write it
#: (``bdrv_register`` with ``protocol_name``): the prefix, and its driver.
PREFIXES: Mapping[str, str] = {
    "file": "file",
    "host_device": "host_device",
    "host_cdrom": "host_cdrom",
    "http": "http",
    "https": "https",
    "ftp": "ftp",
    "ftps": "ftps",
    **dict.fromkeys(("gluster", "gluster+tcp", "gluster+unix", "gluster+rdma"), "gluster"),
    "iscsi": "iscsi",
    **dict.fromkeys(("nbd", "nbd+tcp", "nbd+unix", "nbds"), "nbd"),
    "nfs": "nfs",
    "nvme": "nvme",
    "rbd": "rbd",
    **dict.fromkeys(("sheepdog", "sheepdog+tcp", "sheepdog+unix"), "sheepdog"),
    "ssh": "ssh",
    "vxhs": "vxhs",
    "fat": "vvfat",
    "blkdebug": "blkdebug",
    "blkverify": "blkverify",
    "null-co": "null-co",
    "null-aio": "null-aio",
}

#: What the name of an image ends in, where nothing else tells its format.
SUFFIXES: Mapping[str, str] = {
    "qcow2": "qcow2",
    "qcow": "qcow",
    "qed": "qed",
    "vmdk": "vmdk",
    "vdi": "vdi",
    "vhd": "vpc",
    "vpc": "vpc",
    "vhdx": "vhdx",
    "hdd": "parallels",
    "dmg": "dmg",
}
