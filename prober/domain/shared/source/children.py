"""What may stand in a ``<source>``: hosts, cookies, slices, reservations, the address of an NVMe disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.options import Value
from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AbsolutePath, Amount, Byte, Line, PciDomain, PciFunction, PciSlot, SocketPort, YesNo

_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z|~]+")
_COOKIE_VALUE = re.compile(r"\"?[!#$%&'()*+\-./0-9:>=<?@A-Z^_`\[\]a-z|~]*\"?")


class StorageHost(Checked):
    """One server: a name with a port, or a socket of this host."""

    transport: Annotated[Literal["tcp", "unix"], At("@transport"), Becomes("`type` of `server`")] = "tcp"
    name: Annotated[Line | None, At("@name"), Becomes("`host` of `server`, or part of `url` or `portal`")] = None
    port: Annotated[SocketPort | None, At("@port"), Becomes("`port` of `server`, or part of `url` or `portal`")] = None
    socket: Annotated[AbsolutePath | None, At("@socket"), Becomes("`path` of `server`")] = None

    def rules(self) -> Iterator[Broken]:
        """What belongs to which transport (``virDomainStorageNetworkParseHost``)."""
        if self.transport == "unix":
            if self.socket is None:
                yield Broken("", "transport='unix' needs a socket")
            for field in ("name", "port"):
                if getattr(self, field) is not None:
                    yield Broken(field, "transport='unix' has a socket, and neither name nor port")
        else:
            if self.name is None:
                yield Broken("", "a host needs a name")
            if self.socket is not None:
                yield Broken("socket", "a socket needs transport='unix'")

    def inet(self, default: int) -> dict[str, Value]:
        """Host and port, as QEMU's ``InetSocketAddressBase`` has them; ``default`` is the protocol's port."""
        return {"host": self.name or "", "port": str(self.port or default)}

    def address(self, default: int) -> dict[str, Value]:
        """QEMU's ``SocketAddress``."""
        if self.transport == "unix":
            return {"type": "unix", "path": self.socket or ""}
        return {"type": "inet", **self.inet(default)}


class Cookie(Checked):
    """One cookie of HTTP."""

    name: Annotated[Line, At("@name"), Becomes("part of what `cookie-secret` holds")]
    value: Annotated[str, At("."), Becomes("part of what `cookie-secret` holds")]

    def rules(self) -> Iterator[Broken]:
        """Characters that a cookie can have (libvirt's schema, ``diskSourceNetworkProtocolHTTPCookies``)."""
        if not _COOKIE_NAME.fullmatch(self.name):
            yield Broken("name", f"'{self.name}' is not a cookie's name")
        if not _COOKIE_VALUE.fullmatch(self.value):
            yield Broken("value", "the cookie's value has characters that a cookie cannot have")


class Slice(Element):
    """The part of a larger image that is used: bytes from its beginning, and how many."""

    type: Annotated[Literal["storage"], At("@type"), Becomes("a node `raw` of its own")]
    offset: Annotated[Amount, At("@offset"), Becomes("`offset` of that node")]
    size: Annotated[Amount, At("@size"), Becomes("`size` of that node")]


class Reservations(Checked):
    """``<reservations>``: a helper that is allowed to reserve a SCSI disk; libvirt's own, or one that listens."""

    managed: Annotated[YesNo, At("@managed"), Becomes("an object `pr-manager-helper`")]
    migration: Annotated[
        YesNo | None, At("@migration"), Becomes("`migrate-pr`: whether a migration takes reservations along")
    ] = None
    type: Annotated[Literal["unix"] | None, At("source/@type"), Becomes("`path` of that object")] = None
    path: Annotated[AbsolutePath | None, At("source/@path"), Becomes("`path` of that object")] = None
    mode: Annotated[Literal["client"] | None, At("source/@mode"), Becomes("`path` of that object")] = None

    def rules(self) -> Iterator[Broken]:
        """A socket, if and only if it is not libvirt's own (``virStoragePRDefParseXML``)."""
        told = [self.type, self.path, self.mode]
        if None in told and (not self.managed or any(told)):
            yield Broken("", "reservations by a helper of your own need <source type='unix' path=… mode='client'>")


class NvmeAddress(Element):
    """Where an NVMe disk is on the host's PCI."""

    domain: Annotated[PciDomain, At("@domain"), Becomes("`device`")] = 0
    bus: Annotated[Byte, At("@bus"), Becomes("`device`")]
    slot: Annotated[PciSlot, At("@slot"), Becomes("`device`")]
    function: Annotated[PciFunction, At("@function"), Becomes("`device`")]

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"
