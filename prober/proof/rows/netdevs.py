"""The rows of netdevs: what needs the host's network leads nowhere, what is a socket is one of the loopback.

Nothing runs that a line names, and no guest runs that would send.  Seen with QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import KEPT, StandInRow, stood_in, treat
from prober.proof.rows.addresses import LOOPBACK, free_port, is_too_long, near_address, near_host
from prober.proof.rows.backends import UnknownBackendError, near_backend
from prober.proof.rows.chardevs import listening
from prober.proof.rows.contrary import is_contrary

#: Where a netdev sends to that leads nowhere: nobody is there, and UDP does not notice.
_NOWHERE = {"udp": "127.0.0.1:9", "localaddr": "127.0.0.1:0"}

#: ``[tcp|udp]:[HOST]:PORT-[GUEST]:PORT`` (QEMU, ``net/slirp.c``, ``slirp_hostfwd``).
_FORWARDED = re.compile(
    r"(?P<kind>(tcp|udp)?:)(?P<host>[0-9.]*|\[[0-9a-fA-F:]*\]):(?P<port>\d{1,5})(?P<rest>-.*)", re.S
)

#: ``[tcp]:SERVER:PORT-TARGET`` (``slirp_guestfwd``).
_SERVED = re.compile(r"(?P<server>(tcp)?:[^:]*:[^-]*-)(?P<target>.*)", re.DOTALL)

#: The members of each type that only it has, as QEMU 5.2 to 11.1 know them (``qapi/net.json``).
_OWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tap": (
            "ifname", "fd", "fds", "script", "downscript", "br", "helper", "sndbuf", "vnet_hdr", "vhost", "vhostfd",
            "vhostfds", "vhostforce", "queues", "poll-us",
        ),
        "bridge": ("br", "helper"),
        "l2tpv3": (
            "src", "dst", "srcport", "dstport", "ipv6", "udp", "cookie64", "counter", "pincounter", "txcookie",
            "rxcookie", "txsession", "rxsession", "offset",
        ),
        "vde": ("sock", "port", "group", "mode"),
        "netmap": ("ifname", "devname"),
        "af-xdp": (
            "ifname", "mode", "force-copy", "queues", "start-queue", "inhibit", "sock-fds", "map-path",
            "map-start-index",
        ),
        "vhost-user": ("chardev", "vhostforce", "queues"),
        "vhost-vdpa": ("vhostdev", "vhostfd", "queues", "x-svq"),
        "passt": (
            "path", "quiet", "vhost-user", "mtu", "address", "netmask", "mac", "gateway", "interface", "outbound",
            "outbound-if4", "outbound-if6", "dns", "search", "fqdn", "dhcp-dns", "dhcp-search", "map-host-loopback",
            "map-guest-addr", "dns-forward", "dns-host", "tcp", "udp", "icmp", "dhcp", "ndp", "dhcpv6", "ra",
            "freebind",
            "ipv4", "ipv6", "tcp-ports", "udp-ports", "param",
        ),
        "vmnet-host": (
            "isolated", "net-uuid", "start-address", "end-address", "subnet-mask",
        ),
        "vmnet-shared": ("isolated", "nat66-prefix", "start-address", "end-address", "subnet-mask"),
        "vmnet-bridged": ("isolated", "ifname"),
    }
)  # fmt: skip


def _nowhere(given: Given, members: Members, bench: Bench) -> None:
    """The id stays, and whatever no such netdev has, for QEMU to refuse."""
    if is_contrary(members, bench):
        return
    # Of -nic this is the card's.
    card = ("mac",) if given.flag == "-nic" else ()
    for name in _OWN[members.text("type")]:
        if name not in card and members.value(name) is not None:
            members.drop(name)
    bench.was[given.position] = members.text("type")
    members.set("type", "socket")
    for name, value in _NOWHERE.items():
        members.set(name, value)
    bench.replace(given, "type", "a socket that leads nowhere")


def _user(given: Given, members: Members, bench: Bench) -> None:
    if members.change_each("hostfwd", _forward):
        bench.replace(given, "hostfwd", "addresses of the loopback")
    if members.change_each("guestfwd", lambda text: _serve(text, given, bench)):
        bench.replace(given, "guestfwd", "a target that leads nowhere")
    if members.text("tftp"):
        members.set("tftp", bench.add("tftp", kind="directory"))
        bench.replace(given, "tftp", "an empty directory")
    if members.text("smb"):
        members.drop("smb")
        bench.leave_out(given, "a server of the host would be started for it", part="smb")


def _forward(text: str) -> str:
    match = _FORWARDED.fullmatch(text)
    if match is None:
        return text
    host = match["host"]
    if not re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}|", host) or any(int(n) > 255 for n in host.split(".") if n):
        return text
    return f"{match['kind']}{near_host(host)}:{free_port(match['port'])}{match['rest']}"


def _serve(text: str, given: Given, bench: Bench) -> str:
    """What a guest's connection leads to: a program, which is never run, or a character device."""
    match = _SERVED.fullmatch(text)
    if match is None:
        return text
    target = match["target"]
    if target.startswith("cmd:"):
        return f"{match['server']}null"
    try:
        return match["server"] + near_backend(target, bench)
    except UnknownBackendError:
        bench.refuse(given, f"no rule for guestfwd to {target[:80]}")
        return text


def _socket(given: Given, members: Members, bench: Bench) -> None:
    if members.text("fd"):
        members.drop("fd")
        for name, value in _NOWHERE.items():
            members.set(name, value)
        bench.replace(given, "fd", "a socket that leads nowhere")
        return
    for name in ("listen", "connect", "udp"):
        text = members.text(name)
        if near_address(text) != text:
            members.set(name, near_address(text))
            bench.replace(given, name, near_address(text))
    local = members.text("localaddr")
    if members.text("mcast"):
        host, _, port = members.text("mcast").rpartition(":")
        if free_port(port) != port:
            members.set("mcast", f"{host}:{free_port(port)}")
            bench.replace(given, "mcast", f"port {free_port(port)}")
        # A group is joined on an interface, and there is but the loopback.
        if local != LOOPBACK:
            members.set("localaddr", LOOPBACK)
            bench.replace(given, "localaddr", LOOPBACK)
    elif near_address(local) != local:
        members.set("localaddr", near_address(local))
        bench.replace(given, "localaddr", near_address(local))


#: The members of an address that is none of a unix socket's path (``qapi/sockets.json``).
_OF_ADDRESSES = (
    "host",
    "port",
    "to",
    "ipv4",
    "ipv6",
    "keep-alive",
    "mptcp",
    "numeric",
    "str",
    "cid",
    "abstract",
    "tight",
)


def _stream(given: Given, members: Members, bench: Bench) -> None:
    address = members.inner("addr")
    if address is None:
        return
    kind, is_server = address.text("type"), members.text("server") in ("on", "yes", "true", "y")
    if kind == "unix" and is_too_long(address.text("path")):
        return
    if kind == "unix" and is_server:
        address.set("path", bench.place(address.text("path")))
        bench.replace(given, "path", "a socket in the directory of stand-ins")
    elif kind == "inet" and is_server:
        _near_inet(given, address, bench)
    elif kind in ("unix", "inet", "vsock", "fd"):
        for name in _OF_ADDRESSES:
            address.drop(name)
        address.set("type", "unix")
        address.set("path", bench.place("socket") if is_server else listening(bench))
        bench.replace(given, "addr", "a socket in the directory of stand-ins")


def _near_inet(given: Given, address: Members, bench: Bench) -> None:
    if not {"host", "port"} <= {*address.names()}:
        return  # QEMU says what is missing
    host, port = address.text("host"), address.text("port")
    near = host if _is_group(host) else near_host(host)
    if near != host or free_port(port) != port:
        address.set("host", near)
        address.set("port", free_port(port))
        # The family was that of the address.
        address.drop("ipv6")
        bench.replace(given, "host", f"{near}:{free_port(port)}")


def _dgram(given: Given, members: Members, bench: Bench) -> None:
    for side in ("remote", "local"):
        address = members.inner(side)
        if address is not None:
            _end_of_dgram(given, address, side, bench)
    local, remote = members.inner("local"), members.inner("remote")
    if local is None and remote is not None and _is_group(remote.text("host")):
        # A group is joined on an interface, and there is but the loopback.
        made = members.make("local")
        for name, value in (("type", "inet"), ("host", LOOPBACK), ("port", "0")):
            made.set(name, value)
        bench.replace(given, "local", LOOPBACK)


def _end_of_dgram(given: Given, address: Members, side: str, bench: Bench) -> None:
    kind = address.text("type")
    if kind == "inet":
        _near_inet(given, address, bench)
    elif kind == "unix" and not is_too_long(address.text("path")):
        address.set("path", bench.place(address.text("path")))
        bench.replace(given, "path", "a socket in the directory of stand-ins")
    elif kind == "fd" and side == "local" and given.members is not None:
        address.drop("str")
        for end in (address, given.members.make("remote")):
            end.set("type", "unix")
            end.set("path", bench.place("socket"))
        bench.replace(given, "local", "sockets in the directory of stand-ins")


def _is_group(host: str) -> bool:
    first = host.partition(".")[0]
    return first.isdecimal() and len(first) <= 3 and 224 <= int(first) <= 239


_TO_NOWHERE = stood_in("`socket` on the loopback that leads nowhere, under the same id", _nowhere)

NETDEVS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(("hubport", "nic", "none"), KEPT),
        **dict.fromkeys(_OWN, _TO_NOWHERE),
        "user": stood_in(
            "`hostfwd` on the loopback, `guestfwd` to a device that leads nowhere, `tftp` from an empty directory;"
            " `smb` is"
            " left out",
            _user,
        ),
        "socket": stood_in("addresses of the loopback; a descriptor is a socket that leads nowhere", _socket),
        "stream": stood_in(
            "who listens does so on the loopback or in the directory of stand-ins; a client is connected to a"
            " socket there",
            _stream,
        ),
        "dgram": stood_in("addresses of the loopback, sockets in the directory of stand-ins", _dgram),
    }
)


def _change(given: Given, members: Members, bench: Bench) -> None:
    kind = members.text("type")
    # Of -nic a card alone: QEMU takes a network of its own choice.  Else QEMU says that it is missing.
    if kind:
        treat(NETDEVS, "netdev", kind, given, members, bench)


OPTIONS_OF_NETDEVS: Mapping[str, StandInRow] = MappingProxyType(
    dict.fromkeys(("-net", "-netdev", "-nic"), stood_in("by its type, see below", _change))
)
