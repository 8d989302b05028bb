"""Character devices that are sockets: unix, TCP and UDP."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline import options
from prober.commandline.options import Need, Passed, Property, Value
from prober.commandline.refusal import Place
from prober.domain.shared.chardev.backend import Backend, Ends
from prober.domain.shared.chardev.reconnect import Reconnect
from prober.domain.shared.chardev.source import CharacterSource
from prober.domain.shared.tls import TlsService, emit_tls, tls_id
from prober.host.target import Target

#: The longest path that a unix socket can have (``sun_path`` of ``unix(7)``, without its zero).
_LONGEST = 107

#: Whether TLS is used, and with which certificates: ``chardev_tls`` and its kin.
_TLS = TlsService("chardev", verifies=True)


def too_long(path: str | None) -> str:
    """What is wrong with the path of a unix socket, or nothing."""
    if path is not None and len(path.encode()) > _LONGEST:
        return f"the path of a unix socket has at most {_LONGEST} bytes"
    return ""


def reconnect_property(reconnect: Reconnect, target: Target) -> Property:
    """When a client dials again: in milliseconds where the binary has that (QEMU 9.2)."""
    place = reconnect.place("timeout" if reconnect.enabled else "enabled")
    if target.caps.has("chardev-add.backend.data.reconnect-ms"):
        return Property("reconnect-ms", reconnect.seconds * 1000, place)
    return Property("reconnect", reconnect.seconds, place)


def unix_socket(
    chardev_id: str,
    path: Value,
    place: Place,
    target: Target,
    *,
    listens: bool = False,
    waits: bool = False,
    reconnect: Reconnect | None = None,
) -> options.Keyval:
    """``-chardev socket`` by its path, for what libvirt passes no descriptor of: vhost-user, shared memory, TPM.

    ``listens`` makes QEMU the server; ``waits`` lets it wait for its client before the guest starts.
    """
    pairs = [Property("id", chardev_id, place), Property("path", path, place)]
    pairs += _server_pairs(place, listens=listens, waits=waits)
    if reconnect is not None:
        pairs.append(reconnect_property(reconnect, target))
    return options.Keyval("-chardev", "socket", tuple(pairs), place)


def _server_pairs(place: Place, *, listens: bool, waits: bool = False) -> Iterator[Property]:
    if listens:
        yield Property("server", True, place)
        if not waits:
            yield Property("wait", False, place)


class _Stream(Backend):
    """What unix and TCP sockets share."""

    qemu = "socket"

    def rules(self, source: CharacterSource) -> Iterator[str]:
        """Only a client reconnects."""
        if source.mode == "bind" and source.reconnect is not None:
            yield "only mode='connect' can reconnect"


class Unix(_Stream):
    """A unix socket.  libvirt makes those that are listened on, and passes them; QEMU connects to others.

    A QEMU that takes no descriptor (before 2.12) makes all of them.
    """

    takes = frozenset({"path", "mode", "reconnect"})
    needs = ("path",)

    def rules(self, source: CharacterSource) -> Iterator[str]:
        """The path can be too long."""
        yield from super().rules(source)
        wrong = too_long(source.path)
        if wrong:
            yield wrong

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """The descriptor or the path, and who waits for whom."""
        source = ends.source
        listens = source.mode == "bind"
        if listens and target.settings.pass_descriptors and target.caps.has("-chardev.fd"):
            todo = f"listen on the unix socket {source.path}, and pass it"
            need = Need("socket", ends.owner, todo, source.path or "")
            yield Property("fd", Passed(need), ends.at("path"))
        else:
            yield Property("path", source.path or "", ends.at("path"))
        yield from _server_pairs(ends.at("mode"), listens=listens)
        if source.reconnect is not None:
            yield reconnect_property(source.reconnect, target)


class Tcp(_Stream):
    """A TCP socket, bare or with telnet's negotiation, in the clear or with TLS."""

    takes = frozenset({"host", "service", "mode", "tls", "reconnect"})
    needs = ("host", "service")
    takes_protocol = True

    def uses_tls(self, ends: Ends, target: Target) -> bool:
        """What the XML says, or else the daemon's settings (``qemuDomainPrepareChardevSourceOne``)."""
        tls = ends.source.tls
        return target.settings.chardev_tls if tls is None else tls

    def before(self, ends: Ends, target: Target) -> Iterator[options.Option]:
        """The credentials of TLS."""
        if self.uses_tls(ends, target):
            yield from emit_tls(_TLS, ends.id, ends.at("tls"), target, listens=ends.source.mode == "bind")

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Where it leads, and how."""
        source = ends.source
        yield Property("host", source.host or "", ends.at("host"))
        yield Property("port", source.service or "", ends.at("service"))
        if ends.protocol == "telnet":
            yield Property("telnet", True, ends.place)
        yield from _server_pairs(ends.at("mode"), listens=source.mode == "bind")
        if source.reconnect is not None:
            yield reconnect_property(source.reconnect, target)
        if self.uses_tls(ends, target):
            yield Property("tls-creds", tls_id(ends.id), ends.at("tls"))


class Udp(Backend):
    """UDP: ``mode='connect'`` says where it sends, ``mode='bind'`` where it receives."""

    qemu = "udp"
    takes = frozenset({"host", "service", "mode"})
    needs = ("service",)
    sources = 2

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Both ends; what is not said is any address, and any port to receive at."""
        source, local = ends.source, ends.second
        yield Property("host", source.host or "", ends.at("host"))
        yield Property("port", source.service or "", ends.at("service"))
        place = ends.place if local is None else local.place()
        yield Property("localaddr", (local and local.host) or "", place)
        yield Property("localport", (local and local.service) or "0", place)
