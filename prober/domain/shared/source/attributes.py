"""Which attributes of a ``<source>`` belong to which type and protocol (libvirt 11.3, ``domaincommon.rng``,
``virDomainDiskSourceNetworkParse`` and ``qemuDomainValidateStorageSource``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from prober.commandline.refusal import Broken
from prober.domain.shared.source.model import StorageSource

#: The fields that each type of source cannot be without.
_NEEDED: dict[str, tuple[str, ...]] = {
    "network": ("protocol",),
    "volume": ("pool", "volume"),
    "nvme": ("type", "namespace", "address"),
    "vhostuser": ("type", "path"),
    "vhostvdpa": ("dev",),
}

#: The others that it may have, beside those that all have.
_ALLOWED: dict[str, tuple[str, ...]] = {
    "file": ("file", "startup_policy", "encryption"),
    "block": ("dev", "startup_policy", "encryption", "reservations"),
    "dir": ("dir", "startup_policy"),
    "network": ("name", "hosts"),
    "volume": ("mode", "startup_policy", "encryption"),
    "nvme": ("managed", "encryption"),
    "vhostuser": ("reconnect_enabled", "reconnect_timeout"),
    "vhostvdpa": (),
}

#: What all types have.
_COMMON = ("index", "seclabels", "slices", "data_store")

_HTTP = ("query", "cookies", "readahead", "timeout", "auth", "encryption")
_FTP = ("readahead", "timeout", "auth", "encryption")

#: What each protocol may have.
_OF_PROTOCOL: dict[str, tuple[str, ...]] = {
    "nbd": ("tls", "tls_hostname", "reconnect_delay", "encryption"),
    "rbd": ("snapshot", "config", "auth", "encryption"),
    "gluster": ("encryption",),
    "iscsi": ("initiator", "auth", "encryption"),
    "http": _HTTP,
    "https": (*_HTTP, "ssl_verify"),
    "ftp": _FTP,
    "ftps": (*_FTP, "ssl_verify"),
    "ssh": ("known_hosts", "ssh_user", "keyfile", "agentsock", "auth", "encryption"),
    "nfs": ("nfs_user", "nfs_group"),
}

#: The protocols that have more than one host, or none; and those that have sockets.
_MANY = ("rbd", "gluster")
_WITH_SOCKETS = ("nbd", "gluster")

#: The number of a unit or of a user.
_NUMBER = re.compile(r"[0-9]{1,9}")

#: Attributes that libvirt reads for the types alone that they belong to, and else does not look at
#: (``virDomainStorageSourceParse``).
_UNREAD = frozenset(("file", "dev", "dir", "pool", "volume", "mode", "type", "namespace", "managed", "path"))
_UNREAD_LOCALLY = _UNREAD | {"name", "query", "tls", "tls_hostname"}

#: What libvirt calls the use of the secret of a protocol.
_SECRETS = {"iscsi": "iscsi", "rbd": "ceph"}


@lru_cache(maxsize=256)
def _allowed(kind: str, protocol: str) -> frozenset[str]:
    """The fields that a source of this type may have, and of this protocol if it has any."""
    return frozenset((*_NEEDED.get(kind, ()), *_ALLOWED[kind], *_COMMON, *_OF_PROTOCOL.get(protocol, ())))


def misplaced(source: StorageSource, kind: str) -> Iterator[Broken]:
    """What is given and belongs elsewhere, and what is missing, as (field, sentence)."""
    unread = _unread(kind)
    yield from (broken for broken in _foreign(source, kind) if broken.field not in unread)
    if kind in _NEEDED:
        yield from missing(source, kind)


def unused(source: StorageSource, kind: str) -> Iterator[Broken]:
    """What is given and belongs to other types, where libvirt does not look at it: for notes."""
    unread = _unread(kind)
    for broken in _foreign(source, kind):
        if broken.field in unread:
            yield Broken(broken.field, f"{broken.message}, and nor has libvirt", rule="element/source.unused")


def _unread(kind: str) -> frozenset[str]:
    return _UNREAD if kind == "network" else _UNREAD_LOCALLY


def _foreign(source: StorageSource, kind: str) -> Iterator[Broken]:
    allowed = _allowed(kind, source.protocol or "")
    for name in source.places.fields:
        if name not in allowed:
            what = f"protocol '{source.protocol}'" if kind == "network" and source.protocol else f"type '{kind}'"
            yield Broken(name, f"a source of {what} has no use for this")


def leads_nowhere(source: StorageSource, kind: str) -> bool:
    """Whether it lacks what a node could be made of; that is refused."""
    return kind in _NEEDED and (lacks(source, kind) or any(True for _ in missing(source, kind)))


def lacks(source: StorageSource, kind: str) -> bool:
    """Whether something that it cannot be without is not there, or was refused."""
    return any(getattr(source, name) is None for name in _NEEDED.get(kind, ()))


def missing(source: StorageSource, kind: str) -> Iterator[Broken]:
    """Without what, or with what, the source leads nowhere."""
    needed = _NEEDED.get(kind, ())
    for name in needed:
        if getattr(source, name) is None:
            if not source.given(name):
                yield Broken("", f"a source of type '{kind}' needs {' and '.join(field for field in needed)}")
            return
    if kind == "network":
        yield from _of_network(source)
    if kind in ("nvme", "vhostuser"):
        wanted = "pci" if kind == "nvme" else "unix"
        if source.type not in (None, wanted):
            yield Broken("type", f"a source of type '{kind}' has the type '{wanted}'")


def _of_network(source: StorageSource) -> Iterator[Broken]:
    protocol = source.protocol
    yield from _name_rules(source)
    yield from _host_rules(source)
    if source.auth is not None and protocol in _SECRETS and source.auth.secret.type != _SECRETS[protocol]:
        yield Broken("auth", f"the secret of protocol '{protocol}' has type '{_SECRETS[protocol]}'")
    if protocol == "ssh" and source.ssh_user is not None and not (source.keyfile or source.agentsock):
        yield Broken("ssh_user", "<identity> needs a keyfile or an agentsock")
    if protocol == "nfs":
        yield from _nfs_user_rules(source)


def _name_rules(source: StorageSource) -> Iterator[Broken]:
    """What each protocol takes for the name of an image."""
    protocol, name = source.protocol, source.name
    if name is None:
        if protocol != "nbd" and not source.given("name"):
            yield Broken("", f"a source of protocol '{protocol}' needs a name")
    elif protocol in ("rbd", "gluster") and name.find("/") < 1:
        yield Broken(
            "name", f"the name of a source of protocol '{protocol}' is a pool or volume, a slash, and an image"
        )
    elif protocol == "iscsi":
        _, slash, lun = name.partition("/")
        if slash and not _NUMBER.fullmatch(lun):
            yield Broken("name", "after the slash of an iSCSI name stands the number of the unit")


def _nfs_user_rules(source: StorageSource) -> Iterator[Broken]:
    for name, value in (("nfs_user", source.nfs_user), ("nfs_group", source.nfs_group)):
        if value is not None and not _NUMBER.fullmatch(value.removeprefix("+")):
            yield Broken(name, "the names of users are known to the host alone: write the number, as +1000")


def _host_rules(source: StorageSource) -> Iterator[Broken]:
    protocol = source.protocol
    if protocol not in _MANY and len(source.hosts) != 1:
        yield Broken("hosts", f"protocol '{protocol}' has exactly one host")
    if protocol == "gluster" and not source.hosts:
        yield Broken("", "protocol 'gluster' needs a host")
    for host in source.hosts:
        if host.transport == "unix" and protocol not in _WITH_SOCKETS:
            yield Broken("hosts", f"protocol '{protocol}' is not spoken over a socket")
        if protocol == "nfs" and host.port is not None:
            yield Broken("hosts", "the host of an NFS share has no port")
