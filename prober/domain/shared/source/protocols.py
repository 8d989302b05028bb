"""What a source becomes: the members of ``blockdev-add`` of each type and protocol (libvirt 11.3, ``qemu_block.c``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from urllib.parse import quote

from prober.commandline.options import Need, Prepared, Value
from prober.commandline.refusal import Place
from prober.domain.shared.chardev.opened import set_path
from prober.domain.shared.source.image import Image
from prober.host.target import Target

Members = Iterator[tuple[str, Value]]

#: Each protocol's port (libvirt, ``virStorageSourceNetworkDefaultPort``); Ceph's monitors and NFS have none.
_PORTS = {
    "http": 80, "https": 443, "ftp": 21, "ftps": 990, "nbd": 10809, "ssh": 22, "iscsi": 3260, "gluster": 24007,
}  # fmt: skip

#: What libxml2 leaves as it is in the path of a URL (``xmlSaveUri``).
_PLAIN_IN_PATH = "/;@&=+$,-_.!~*'()"


#: The field of a source behind each member of its node.
_BEHIND = {
    "server": "hosts", "portal": "hosts", "url": "name", "export": "name", "pool": "name", "image": "name",
    "volume": "name", "target": "name", "lun": "name", "tls-hostname": "tls_hostname", "tls-creds": "tls",
    "reconnect-delay": "reconnect_delay", "snapshot": "snapshot", "conf": "config", "initiator-name": "initiator",
    "sslverify": "ssl_verify", "cookie-secret": "cookies", "timeout": "timeout", "readahead": "readahead",
    "encrypt": "encryption", "user": "auth", "username": "auth", "password-secret": "auth", "key-secret": "auth",
    "pr-manager": "reservations", "device": "address", "namespace": "namespace", "dir": "dir", "group": "nfs_group",
}  # fmt: skip

#: The same the other way round, as a source has few of the fields.
_MEMBERS_OF = {field: [member for member in _BEHIND if _BEHIND[member] == field] for field in _BEHIND.values()}


def storage_places(image: Image) -> dict[str, Place]:
    """The XML behind the members of the storage node."""
    source = image.source
    places = {member: source.place(field) for field in source.places.fields for member in _MEMBERS_OF.get(field, ())}
    places["driver"] = source.place("protocol") if source.given("protocol") else image.place
    places["filename"] = source.place("dev" if image.kind == "block" else "file")
    return places


def storage_members(image: Image, target: Target) -> Members:
    """The driver of the storage node, and where it finds the data."""
    kind = image.source.protocol or "" if image.kind == "network" else image.kind
    return _MEMBERS[kind](image, target)


def _file(image: Image, target: Target) -> Members:
    source = image.source
    if image.kind == "block":
        yield "driver", "host_cdrom" if image.cdrom else "host_device"
    else:
        yield "driver", "file"
    yield "filename", source.local_path(image.kind) or ""
    if image.access.io is not None:
        yield "aio", image.access.io
    if source.reservations is not None:
        yield "pr-manager", image.reservations_id


def _dir(image: Image, target: Target) -> Members:
    yield "driver", "vvfat"
    yield "dir", image.source.dir or ""
    yield "floppy", image.access.floppy
    yield "rw", not image.read_only


def _nvme(image: Image, target: Target) -> Members:
    source = image.source
    address = str(source.address)
    who = "take the disk from its driver" if source.managed is not False else "see that the disk was taken"
    need = Need(
        "vfio", image.owner, f"{who} and give it to vfio-pci, and let QEMU lock its memory: NVMe disk {address}"
    )
    yield "driver", "nvme"
    yield "device", Prepared(address, need)
    yield "namespace", source.namespace or 0


def _vhostvdpa(image: Image, target: Target) -> Members:
    yield "driver", "virtio-blk-vhost-vdpa"
    yield "path", set_path(image.vdpa_set)


def _nbd(image: Image, target: Target) -> Members:
    source = image.source
    yield "driver", "nbd"
    yield "server", source.hosts[0].address(_PORTS["nbd"])
    if source.name is not None:
        yield "export", source.name
    if image.uses_tls(target):
        yield "tls-creds", image.tls_id
    if source.tls_hostname is not None:
        yield "tls-hostname", source.tls_hostname
    if source.reconnect_delay is not None:
        yield "reconnect-delay", source.reconnect_delay


def _rbd(image: Image, target: Target) -> Members:
    source = image.source
    pool, _, name = (source.name or "").partition("/")
    yield "driver", "rbd"
    yield "pool", pool
    yield "image", name
    if source.snapshot is not None:
        yield "snapshot", source.snapshot
    if source.config is not None:
        yield "conf", source.config
    if source.hosts:
        yield "server", [host.inet(0) for host in source.hosts]
    if image.encryption is not None and image.encryption.engine == "librbd":
        yield "encrypt", _layers(image)
    if image.auth is not None:
        yield "user", image.auth.username
        yield "auth-client-required", ["cephx", "none"]
        yield "key-secret", image.auth_secret


def _layers(image: Image) -> Value:
    """Each layer of encryption around the one below it."""
    assert image.encryption is not None
    inner: dict[str, Value] = {}
    for number in reversed(range(len(image.encryption.secrets))):
        layer: dict[str, Value] = {"format": image.encryption.format, "key-secret": image.encryption_secret(number)}
        if inner:
            layer["parent"] = inner
        inner = layer
    return inner


def _gluster(image: Image, target: Target) -> Members:
    volume, _, path = (image.source.name or "").partition("/")
    yield "driver", "gluster"
    yield "volume", volume
    yield "path", path
    yield "server", [host.address(_PORTS["gluster"]) for host in image.source.hosts]
    yield "debug", target.settings.gluster_debug_level


def _iscsi(image: Image, target: Target) -> Members:
    source = image.source
    name, _, unit = (source.name or "").partition("/")
    yield "driver", "iscsi"
    yield "portal", f"{_bracketed(source.hosts[0].name or '')}:{source.hosts[0].port or _PORTS['iscsi']}"
    yield "target", name
    yield "lun", int(unit or 0)
    yield "transport", "tcp"
    if image.auth is not None:
        yield "user", image.auth.username
        yield "password-secret", image.auth_secret
    if source.initiator is not None:
        yield "initiator-name", source.initiator


def _bracketed(host: str) -> str:
    """A host before a port: an IPv6 address stands in brackets."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _url(image: Image, target: Target) -> Members:
    source = image.source
    protocol = source.protocol or ""
    yield "driver", protocol
    host = source.hosts[0].name or ""
    path = source.name or ""
    path = quote(path if path.startswith("/") else f"/{path}", safe=_PLAIN_IN_PATH)
    query = f"?{source.query}" if source.query is not None else ""
    server = f"[{host}]" if ":" in host else host
    yield "url", f"{protocol}://{server}:{source.hosts[0].port or _PORTS[protocol]}{path}{query}"
    if image.auth is not None:
        yield "username", image.auth.username
        yield "password-secret", image.auth_secret
    if source.ssl_verify is not None:
        yield "sslverify", source.ssl_verify
    if source.cookies:
        yield "cookie-secret", image.cookie_secret
    if source.timeout:
        yield "timeout", source.timeout
    if source.readahead:
        yield "readahead", source.readahead


def _ssh(image: Image, target: Target) -> Members:
    source = image.source
    yield "driver", "ssh"
    yield "path", source.name or ""
    yield "server", source.hosts[0].inet(_PORTS["ssh"])
    user = image.auth.username if image.auth is not None else source.ssh_user
    if user is not None:
        yield "user", user


def _nfs(image: Image, target: Target) -> Members:
    source = image.source
    yield "driver", "nfs"
    yield "server", {"host": source.hosts[0].name or "", "type": "inet"}
    yield "path", source.name or ""
    if source.nfs_user is not None:
        yield "user", int(source.nfs_user)
    if source.nfs_group is not None:
        yield "group", int(source.nfs_group)


_MEMBERS: dict[str, Callable[[Image, Target], Members]] = {
    "file": _file,
    "block": _file,
    "dir": _dir,
    "nvme": _nvme,
    "vhostvdpa": _vhostvdpa,
    "nbd": _nbd,
    "rbd": _rbd,
    "gluster": _gluster,
    "iscsi": _iscsi,
    "http": _url,
    "https": _url,
    "ftp": _url,
    "ftps": _url,
    "ssh": _ssh,
    "nfs": _nfs,
}
