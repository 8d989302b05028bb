"""Interfaces without a tap: the user's network, sockets between guests, vhost-user, vDPA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Value
from prober.commandline.refusal import Broken
from prober.devices.interface.base import CardInterface
from prober.devices.interface.parts import Ipv4Text, Port
from prober.devices.interface.passt import RECONNECT, GuestIp, Passt, PortForward, ip_rules
from prober.devices.interface.tap import Mtu
from prober.domain.shared.chardev import Reconnect
from prober.domain.shared.chardev.opened import add_descriptor, set_path
from prober.domain.shared.chardev.sockets import too_long, unix_socket
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, DeviceName, number_in

_PASST_ONLY = "an argument of passt; the resource of the interface has the command"


class PasstInterface(CardInterface):
    """What passt can serve: the user's network, and vhost-user."""

    log_file: Annotated[AbsolutePath | None, At("backend/@logFile"), Neutral(_PASST_ONLY)] = None
    source_dev: Annotated[DeviceName | None, At("source/@dev"), Neutral(_PASST_ONLY)] = None
    mtu: Annotated[
        Mtu | None, At("mtu/@size"), Becomes("`host_mtu` of a virtio card; the command of passt has it, too")
    ] = None
    ips: Annotated[tuple[GuestIp, ...], At("ip")] = ()
    forwards: Annotated[tuple[PortForward, ...], At("portForward")] = ()

    #: The name of what is made for the domain, filled in by completing.
    domain_name: str = ""

    @property
    def is_passt(self) -> bool:
        """Whether passt serves it."""
        return self.backend_type == "passt"

    @property
    def host_mtu(self) -> int | None:
        """The MTU."""
        return self.mtu

    def rules(self) -> Iterator[Broken]:
        """What passt alone can do."""
        yield from super().rules()
        yield from ip_rules(self.ips)
        if self.backend_type != "passt":
            for name in ("log_file", "source_dev", "forwards"):
                if getattr(self, name):
                    yield Broken(name, "this is for <backend type='passt'/> alone")

    def passt(self, target: Target) -> Passt:
        """The passt of this interface."""
        return Passt(
            self.id,
            self.domain_name,
            target,
            vhost_user=self.type == "vhostuser",
            mtu=self.mtu,
            source_dev=self.source_dev,
            log_file=self.log_file,
            ips=self.ips,
            forwards=self.forwards,
        )


class UserInterface(PasstInterface):
    """``type='user'``: the network of the user who runs QEMU, by QEMU itself or by passt."""

    tag = ""

    type: Annotated[Literal["user"], At("@type"), Becomes("`-netdev user`, or `stream` to passt")] = "user"

    def rules(self) -> Iterator[Broken]:
        """QEMU's own network has one MTU."""
        yield from super().rules()
        if self.mtu is not None and not self.is_passt:
            yield Broken("mtu", "the user's network needs <backend type='passt'/> for an MTU")

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildHostNetProps`` and ``qemuPasstAddNetProps``."""
        if self.is_passt:
            value: dict[str, Value] = {"type": "stream", "addr": {"type": "unix", "path": self.passt(target).path}}
            value["server"] = False
            if target.caps.has("netdev_add.reconnect-ms"):
                value["reconnect-ms"] = RECONNECT * 1000
            elif target.caps.has("netdev_add.reconnect"):
                value["reconnect"] = RECONNECT
            yield self.make_netdev(**value)
            return
        value = {"type": "user"}
        for ip in self.ips:
            if ip.version == 4:
                value["net"] = f"{ip.address}/{ip.prefix}" if ip.prefix else ip.address
            else:
                value["ipv6-prefix"] = ip.address
                if ip.prefix:
                    value["ipv6-prefixlen"] = ip.prefix
        yield self.make_netdev(**value)


class InternalInterface(CardInterface):
    """``type='internal'``: for QEMU no more than the user's network (libvirt 11.3, ``qemuBuildHostNetProps``)."""

    tag = ""

    type: Annotated[Literal["internal"], At("@type"), Becomes("`-netdev user`")] = "internal"
    name: Annotated[DeviceName, At("source/@name"), Neutral("QEMU has no internal networks by name")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev user``."""
        yield self.make_netdev(type="user")


class SocketInterface(CardInterface):
    """Two or more QEMUs that are connected by a socket."""

    #: The member that says what the socket is.
    socket_member: ClassVar[str]

    address_text: Annotated[Ipv4Text | None, At("source/@address"), Becomes("`connect`, `listen`, `mcast` or `udp`")]
    port: Annotated[Port, At("source/@port"), Becomes("the port in the same member")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev socket``."""
        yield self.make_netdev(**{"type": "socket", self.socket_member: f"{self.address_text or ''}:{self.port}"})


class ClientInterface(SocketInterface):
    """``type='client'``: connects to a server."""

    tag = ""
    socket_member = "connect"

    type: Annotated[Literal["client"], At("@type"), Becomes("`-netdev socket,connect=`")] = "client"
    address_text: Annotated[Ipv4Text, At("source/@address"), Becomes("`connect`")]


class ServerInterface(SocketInterface):
    """``type='server'``: waits for a client."""

    tag = ""
    socket_member = "listen"

    type: Annotated[Literal["server"], At("@type"), Becomes("`-netdev socket,listen=`")] = "server"
    address_text: Annotated[Ipv4Text | None, At("source/@address"), Becomes("`listen`")] = None


class McastInterface(SocketInterface):
    """``type='mcast'``: a multicast group that guests share."""

    tag = ""
    socket_member = "mcast"

    type: Annotated[Literal["mcast"], At("@type"), Becomes("`-netdev socket,mcast=`")] = "mcast"
    address_text: Annotated[Ipv4Text, At("source/@address"), Becomes("`mcast`")]


class UdpInterface(SocketInterface):
    """``type='udp'``: frames in UDP packets from here to there."""

    tag = ""
    socket_member = "udp"

    type: Annotated[Literal["udp"], At("@type"), Becomes("`-netdev socket,udp=`")] = "udp"
    address_text: Annotated[Ipv4Text, At("source/@address"), Becomes("`udp`")]
    local_address: Annotated[Ipv4Text, At("source/local/@address"), Becomes("`localaddr`")]
    local_port: Annotated[Port, At("source/local/@port"), Becomes("the port in `localaddr`")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev socket`` with both ends."""
        there, here = f"{self.address_text}:{self.port}", f"{self.local_address}:{self.local_port}"
        yield self.make_netdev(type="socket", udp=there, localaddr=here)


_QUEUES = number_in(0, 1024)


class VhostuserInterface(PasstInterface):
    """``type='vhostuser'``: another program reads and writes the guest's memory."""

    tag = ""
    default_model = "virtio"
    virtio_only = ()

    type: Annotated[Literal["vhostuser"], At("@type"), Becomes("`-netdev vhost-user` on a `-chardev`")] = "vhostuser"
    source_type: Annotated[Literal["unix"] | None, At("source/@type"), Neutral("there is no other")] = None
    path: Annotated[AbsolutePath | None, At("source/@path"), Becomes("`path` of the `-chardev`")] = None
    mode: Annotated[Literal["client", "server"] | None, At("source/@mode"), Becomes("`server` of the `-chardev`")] = (
        None
    )
    reconnect: Annotated[Reconnect | None, At("source/reconnect")] = None
    queues: Annotated[
        Annotated[int, _QUEUES] | None,
        At("driver/@queues"),
        Becomes("`queues` of the `-netdev`, `mq` and `vectors` of the card"),
    ] = None

    def rules(self) -> Iterator[Broken]:
        """A socket, and who connects to it (libvirt 11.3, ``qemuValidateDomainDeviceDefNetwork``)."""
        yield from super().rules()
        if not self.is_virtio:
            yield Broken("model", "a vhost-user interface has <model type='virtio'/>")
        if self.path is None and not self.is_passt:
            yield Broken("", "a vhost-user interface needs <source path=…>")
        if self.path is not None and self.is_passt:
            yield Broken("path", "passt's socket has a path of its own")
        if self.mode == "server" and (self.is_passt or (self.reconnect is not None and self.reconnect.enabled)):
            yield Broken("mode", "only a client can connect anew; leave mode='server' out")
        wrong = too_long(self.path)
        if wrong:
            yield Broken("path", wrong)
        if self.ips and not self.is_passt:
            yield Broken("ips", "an address of the guest needs <backend type='passt'/>")

    @property
    def queue_count(self) -> int:
        """Pairs of queues."""
        return max(self.queues or 1, 1)

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """The socket, and the ``-netdev`` on it."""
        chardev, listens = f"char{self.id}", self.mode == "server"
        reconnect = Reconnect(enabled=True, timeout=RECONNECT) if self.is_passt else self.reconnect
        path, place = self._path(target), self.place("path")
        yield unix_socket(chardev, path, place, target, listens=listens, waits=True, reconnect=reconnect)
        value: dict[str, Value] = {"type": "vhost-user", "chardev": chardev}
        if self.queue_count > 1:
            value["queues"] = self.queue_count
        yield self.make_netdev(**value)

    def _path(self, target: Target) -> str:
        if self.is_passt:
            return self.passt(target).path
        assert self.path is not None
        if self.mode == "server":
            todo = "let a vhost-user backend connect to this socket once QEMU has made it: QEMU waits for that"
        else:
            todo = "start the vhost-user backend that listens on this socket"
        return Prepared(self.path, Need("vhost-user", self.id, todo))


class VdpaInterface(CardInterface):
    """``type='vdpa'``: hardware that moves virtio's queues itself."""

    tag = ""
    default_model = "virtio"
    virtio_only = ()

    type: Annotated[Literal["vdpa"], At("@type"), Becomes("`-netdev vhost-vdpa` on a `-add-fd`")] = "vdpa"
    dev: Annotated[AbsolutePath, At("source/@dev"), Becomes("the descriptor behind `vhostdev`")]
    queues: Annotated[
        Annotated[int, _QUEUES] | None,
        At("driver/@queues"),
        Becomes("`queues` of the `-netdev`, `mq` and `vectors` of the card"),
    ] = None

    def rules(self) -> Iterator[Broken]:
        """There is virtio alone."""
        yield from super().rules()
        if not self.is_virtio:
            yield Broken("model", "a vDPA interface has <model type='virtio'/>")

    @property
    def queue_count(self) -> int:
        """Pairs of queues."""
        return max(self.queues or 1, 1)

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """The open device, and the ``-netdev`` on it."""
        need = Need("vdpa", self.id, f"open {self.dev} for reading and writing")
        yield add_descriptor(f"{self.id}-vdpa", need, self.place("dev"))
        value: dict[str, Value] = {"type": "vhost-vdpa", "vhostdev": set_path(f"{self.id}-vdpa")}
        if self.queue_count > 1:
            value["queues"] = self.queue_count
        yield self.make_netdev(**value)
