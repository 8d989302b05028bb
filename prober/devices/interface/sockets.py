"""Interfaces that connect two or more QEMUs by a socket, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.devices.interface.base import CardInterface
from prober.devices.interface.ip import Ipv4Text, MulticastText, Port
from prober.host.target import Target
from prober.xml.binding import At, Becomes

#: The member that says where each type is connected to; ``udp`` has one for either end.
_MEMBERS = {"client": "connect", "server": "listen", "mcast": "mcast"}


class SocketInterface(CardInterface):
    """Two or more QEMUs that are connected by a socket."""

    address_text: Annotated[Ipv4Text | None, At("source/@address"), Becomes("`connect`, `listen`, `mcast` or `udp`")]
    port: Annotated[Port, At("source/@port"), Becomes("the port in the same member")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev socket``."""
        yield self.make_netdev(**{"type": "socket", _MEMBERS[self.type]: f"{self.address_text or ''}:{self.port}"})


class ClientInterface(SocketInterface):
    """``type='client'``: connects to a server."""

    tag = ""

    type: Annotated[Literal["client"], At("@type"), Becomes("`-netdev socket,connect=`")] = "client"
    address_text: Annotated[Ipv4Text, At("source/@address"), Becomes("`connect`")]


class ServerInterface(SocketInterface):
    """``type='server'``: waits for a client."""

    tag = ""

    type: Annotated[Literal["server"], At("@type"), Becomes("`-netdev socket,listen=`")] = "server"
    address_text: Annotated[Ipv4Text | None, At("source/@address"), Becomes("`listen`")] = None


class McastInterface(SocketInterface):
    """``type='mcast'``: a multicast group that guests share."""

    tag = ""

    type: Annotated[Literal["mcast"], At("@type"), Becomes("`-netdev socket,mcast=`")] = "mcast"
    address_text: Annotated[MulticastText, At("source/@address"), Becomes("`mcast`")]


class UdpInterface(SocketInterface):
    """``type='udp'``: frames in UDP packets from here to there."""

    tag = ""

    type: Annotated[Literal["udp"], At("@type"), Becomes("`-netdev socket,udp=`")] = "udp"
    address_text: Annotated[Ipv4Text, At("source/@address"), Becomes("`udp`")]
    local_address: Annotated[Ipv4Text, At("source/local/@address"), Becomes("`localaddr`")]
    local_port: Annotated[Port, At("source/local/@port"), Becomes("the port in `localaddr`")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev socket`` with both ends."""
        there, here = f"{self.address_text}:{self.port}", f"{self.local_address}:{self.local_port}"
        yield self.make_netdev(type="socket", udp=there, localaddr=here)
