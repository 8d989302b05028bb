"""IP addresses and ports, as interfaces have them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator

from prober.commandline.refusal import Broken, Unfit
from prober.xml.values import number_in


def _ip(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise Unfit("is not an IP address") from None


def _ipv4(text: str) -> str:
    if ip_address(text).version != 4:
        raise Unfit("is not an IPv4 address")
    return text


def _multicast(text: str) -> str:
    if not ip_address(text).is_multicast:
        raise Unfit("is no multicast address (224.0.0.0 to 239.255.255.255)")
    return text


#: An IPv4 or IPv6 address, in its usual spelling.
IpText = Annotated[str, AfterValidator(_ip)]
#: IPv4 alone: QEMU's sockets between guests have no other (libvirt's schema).
Ipv4Text = Annotated[IpText, AfterValidator(_ipv4)]
#: An address of many receivers: QEMU joins no group of another (``net/socket.c``, ``net_socket_mcast_create``).
MulticastText = Annotated[Ipv4Text, AfterValidator(_multicast)]
Port = Annotated[int, number_in(0, 65535)]
GivenPort = Annotated[int, number_in(1, 65535)]


def family_rules(family: str | None, address: str, prefix: int | None) -> Iterator[Broken]:
    """What does not go together in one address."""
    version = ip_address(address).version
    if family is not None and family != f"ipv{version}":
        yield Broken("family", f"{address} is no address of family {family}")
    if version == 4 and prefix is not None and prefix > 32:
        yield Broken("prefix", "a prefix of IPv4 has 32 bits at most")


def version_of(address: str) -> int:
    """4 or 6, of an address that was read."""
    return ip_address(address).version
