"""Members of netdevs that only go together, and what a card asks of the netdev behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from prober.commandline.line import Line, number, switch
from prober.commandline.options import Qapi, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.texts.internet import Subnet, ipv4, read_subnet

#: Ways that a socket netdev is connected.
_WAYS = ("fd", "listen", "connect", "mcast", "udp")


def _socket(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        if option.value.get("type") != "socket":
            continue
        given = [way for way in _WAYS if way in option.value]
        if len(given) != 1:
            yield Fault(option.place, "type", f"a socket netdev needs one of {', '.join(_WAYS)}")
        elif given == ["udp"] and "localaddr" not in option.value:
            yield Fault(option.place, "localaddr", "udp needs localaddr")


def _mcast(line: Line) -> Iterator[Fault]:
    """The group of a socket netdev; that of a dgram one makes it one, and any other address a netdev like others."""
    for option in line.qapi.get("-netdev", ()):
        group = option.value.get("mcast")
        if option.value.get("type") != "socket" or not isinstance(group, str):
            continue
        host, colon, _ = str(group).rpartition(":")
        # Before the port nothing stands for 0.0.0.0 (``net/net.c``, ``parse_host_port``).
        if colon and not (host and _may_be_multicast(host)):
            message = f"{host[:64] or 'nothing'} is no multicast address (224.0.0.0 to 239.255.255.255)"
            yield Fault(option.places.get("mcast", option.place), "mcast", message)


def _dgram(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        if option.value.get("type") != "dgram":
            continue
        local, remote = _kind(option.value.get("local")), option.value.get("remote")
        if _kind(remote) == "inet" and isinstance(remote, Mapping) and _may_be_multicast(str(remote.get("host"))):
            if _is_multicast(str(remote.get("host"))) and local not in ("", "inet", "fd"):
                yield Fault(option.place, "local", f"local is of type inet or fd beside a group, not {local}")
            continue
        if not local:
            yield Fault(option.place, "local", "a dgram netdev needs local")
        elif (remote is None) == (local in ("inet", "unix")):
            word = "needs" if remote is None else "takes no"
            yield Fault(option.place, "remote", f"a dgram netdev {word} remote where local is {local}")
        elif remote is not None and _kind(remote) != local:
            yield Fault(option.place, "remote", f"local and remote are of one type, not {local} and {_kind(remote)}")


def _kind(address: Value) -> str:
    return str(address.get("type")) if isinstance(address, Mapping) else ""


def _is_multicast(host: str) -> bool | None:
    """Whether an IPv4 address is one of many receivers; None for a host's name, which may stand for one."""
    try:
        return IPv4Address(host).is_multicast
    except ValueError:
        return None


def _may_be_multicast(host: str) -> bool:
    return _is_multicast(host) is not False


def _user(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        value = option.value
        if value.get("type") != "user":
            continue
        ipv4, ipv6 = switch(value.get("ipv4")), switch(value.get("ipv6"))
        if ipv4 is False or (ipv4 is None and ipv6 is True):
            yield from _of_family("IPv4", ("net", "ip", "host", "dns"), option)
        if ipv6 is False or (ipv6 is None and ipv4 is True):
            yield from _of_family("IPv6", ("ipv6-prefix", "ipv6-host", "ipv6-dns"), option)
        if ipv4 is False and ipv6 is False:
            yield Fault(option.place, "ipv4", "a user netdev has IPv4 or IPv6, or both")
        yield from _addresses(option)


def _of_family(family: str, keys: tuple[str, ...], option: Qapi) -> Iterator[Fault]:
    """What is of a family that is off."""
    part = next((key for key in keys if key in option.value), None)
    if part is not None:
        yield Fault(option.place, part, f"{part} is of {family}, which is off here", f"say {family.lower()}=on")


def _addresses(option: Qapi) -> Iterator[Fault]:
    """IPv4 addresses that are not in the network."""
    if "host" not in option.value and "dhcpstart" not in option.value:
        return
    written = str(option.value.get("net") or option.value.get("ip") or "10.0.2.0/24")
    network = read_subnet(written)
    for key in ("host", "dhcpstart"):
        address = ipv4(str(option.value[key])) if key in option.value else None
        if isinstance(network, Subnet) and address is not None and address not in network:
            message = f"{key} {str(option.value[key])[:64]} is not in the network {written[:64]}"
            yield Fault(option.place, key, message)


#: The longest queue for sending that a card has without vhost-user or vDPA.
_LONGEST = 256


def _queue(line: Line) -> Iterator[Fault]:
    """A queue that is too long; before some version up to 10.0.13 QEMU made it shorter, and said nothing."""
    if "tx_queue_size" not in line.properties:
        return
    kinds = {str(option.value.get("id")): str(option.value.get("type")) for option in line.qapi.get("-netdev", ())}
    for device in line.devices:
        length = number(device.values.get("tx_queue_size"))
        kind = kinds.get(str(device.values.get("netdev")), "")
        is_alone = not ("netdev" in device.values or "netdev" in line.globals or line.is_open)
        if length is not None and length > _LONGEST and (is_alone or kind not in ("", "vhost-user", "vhost-vdpa")):
            what = f"a {kind} netdev" if kind else "nothing"
            message = f"tx_queue_size is up to {_LONGEST} where {what} is behind the card, not {length}"
            yield Fault(device.place, "tx_queue_size", message)


RULES = (
    Rule(
        "line/socket-netdev",
        "a socket netdev has one way to connect",
        "net/socket.c, net_init_socket",
        _socket,
        about=("socket",),
        wrong="-display none -netdev socket,id=n",
        right="-display none -netdev socket,id=n,udp=127.0.0.1:1,localaddr=127.0.0.1:0",
    ),
    Rule(
        "line/mcast-address",
        "`mcast` of a socket netdev names a multicast address",
        "net/socket.c, net_socket_mcast_create",
        _mcast,
        about=("mcast",),
        wrong="-display none -netdev socket,id=n,mcast=127.0.0.1:1234,localaddr=127.0.0.1",
        right="-display none -netdev socket,id=n,mcast=239.1.2.3:1234,localaddr=127.0.0.1",
    ),
    Rule(
        "line/dgram-netdev",
        "`local` and `remote` of a dgram netdev go together",
        "net/dgram.c, net_init_dgram",
        _dgram,
        about=("dgram",),
        wrong="-display none -netdev dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=0",
        right=(
            "-display none -netdev "
            "dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=0,remote.type=inet,remote.host=127.0.0.1,remote.port=1"
        ),
        since=(7, 2, 0),
    ),
    Rule(
        "line/user-netdev",
        "addresses of a user netdev are of a family that is on, and in its network",
        "net/slirp.c, net_slirp_init",
        _user,
        about=("ipv4", "ipv6", "host", "dhcpstart"),
        wrong="-display none -netdev user,id=n,ipv4=off,ipv6=off",
        right="-display none -netdev user,id=n,ipv4=on,ipv6=off",
    ),
    Rule(
        "line/tx-queue-size",
        "`tx_queue_size` is not more than the netdev takes",
        "hw/net/virtio-net.c, virtio_net_device_realize and virtio_net_max_tx_queue_size",
        _queue,
        about=("tx_queue_size",),
        wrong="-display none -netdev user,id=n -device virtio-net-pci,netdev=n,tx_queue_size=1024",
        right="-display none -netdev user,id=n -device virtio-net-pci,netdev=n,tx_queue_size=256",
        since=(10, 0, 13),
    ),
)
