"""What a ``user`` netdev reads further: addresses, networks, names, and rules of forwarding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prober.commandline.line import Line, kept_by_line, number, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Origin, Unfit
from prober.commandline.rules.rule import Rule
from prober.commandline.text import last_item
from prober.commandline.texts.cards import read_network_word
from prober.commandline.texts.characters import read_character
from prober.commandline.texts.internet import (
    DEFAULT_NETWORK,
    Subnet,
    ipv4,
    ipv6,
    read_guestfwd,
    read_subnet,
    wrong_hostfwd,
)

_V4 = ("host", "dns", "dhcpstart", "smbserver")
_V6 = ("ipv6-prefix", "ipv6-host", "ipv6-dns")

#: What QEMU chooses where nothing of it is said, and then it goes together: addresses of IPv4, and the prefix of IPv6.
_OF_V4 = ("net", "ip", "host", "dns", "dhcpstart")
_PREFIXES = ("ipv6-prefixlen", "ipv6-prefix", "ipv6-host")

#: The longest names, in bytes.
_NAMES = ("domainname", "hostname", "tftp-server-name")
_LONGEST = 255

_LONGEST_PREFIX = 126


class _User(NamedTuple):
    place: Origin
    tree: Mapping[str, Value]

    def text(self, key: str) -> str | None:
        value = last_item(self.tree.get(key))
        return value if isinstance(value, str) else None

    def texts(self, key: str) -> list[str]:
        """All items of a list of texts, in JSON objects with ``str``."""
        value = self.tree.get(key)
        items = value if isinstance(value, list) else [value]
        found = [item.get("str") if isinstance(item, Mapping) else item for item in items]
        return [item for item in found if isinstance(item, str)]


@kept_by_line
def _users(line: Line) -> list[_User]:
    return [*_named_users(line), *_short_users(line)]


def _named_users(line: Line) -> Iterator[_User]:
    for option in line.qapi.get("-netdev", ()):
        if last_item(option.value.get("type")) == "user":
            yield _User(option.place, option.value)


def _short_users(line: Line) -> Iterator[_User]:
    for flag in ("-net", "-nic"):
        for plain in line.plain.get(flag, ()):
            try:
                network = read_network_word(flag, plain.value or "")
            except Unfit:
                continue
            if network.kind == "user":
                yield _User(plain.place, network.tree)


def _forwards(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        for text in user.texts("hostfwd"):
            why = wrong_hostfwd(text, line.caps.version.numbers)
            if why:
                message = f"hostfwd is like tcp::2222-:22, not {text[:64]!r}: {why}"
                yield Fault(user.place, "hostfwd", message)


def _to_guests(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        network = _network_of(user)
        for text in user.texts("guestfwd"):
            rule = read_guestfwd(text)
            if rule is None:
                message = f"guestfwd is like tcp:10.0.2.100:1234-cmd:COMMAND, not {text[:64]!r}"
                yield Fault(user.place, "guestfwd", message)
            elif rule.server and network is not None and rule.server not in network:
                yield Fault(user.place, "guestfwd", f"the server of guestfwd={text[:64]} is not in the network")
            elif not rule.target.startswith("cmd:") and (why := _wrong_target(rule.target, line)):
                yield Fault(user.place, "guestfwd", why)


def _wrong_target(target: str, line: Line) -> str:
    if target.startswith("chardev:"):
        name = target.removeprefix("chardev:")
        given = [item.value for option in line.keyval.get("-chardev", ()) for item in option.pairs if item.name == "id"]
        is_there = name in given or line.is_open or "-chardev" in line.qapi
        return "" if is_there else f"there is no chardev {name[:64]!r} for guestfwd"
    try:
        read_character("guestfwd", target, line.caps.version.numbers)
    except Unfit as unfit:
        return unfit.message
    return ""


def _network_of(user: _User) -> Subnet | None:
    """The network of a netdev, None for one that is none."""
    text, address = user.text("net"), user.text("ip")
    if text is None and address is None:
        return DEFAULT_NETWORK
    found = read_subnet(text if text is not None else f"{address}/24")
    return None if isinstance(found, str) else found


def _addresses(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        text = user.text("net")
        network = read_subnet(text) if text is not None else None
        if isinstance(network, str):
            yield Fault(user.place, "net", f"net is like 10.0.2.0/24, not {str(text)[:64]!r}: {network}")
        for family, read, keys in (("IPv4", ipv4, _V4), ("IPv6", ipv6, _V6)):
            for key in keys:
                address = user.text(key)
                if address is not None and read(address) is None:
                    yield Fault(user.place, key, f"{key} is an {family} address, not {address[:64]!r}")


def _different(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        if not any(key in user.tree for key in _OF_V4):
            continue
        network = _network_of(user)
        if network is None or switch(user.tree.get("ipv4")) is False:
            continue
        found = {
            key: ipv4(text) if (text := user.text(key)) is not None else network.host(default)
            for key, default in (("host", 0x0202), ("dns", 0x0203), ("dhcpstart", 0x020F))
        }
        host, dns, first = found.values()
        if host is None or dns is None or first is None or host not in network or first not in network:
            continue
        if dns == host:
            yield Fault(user.place, "dns", "the DNS server of a user netdev has an address of its own, not the host's")
        elif first in (host, dns):
            message = "the first address of DHCP is neither the host's nor that of the DNS server"
            yield Fault(user.place, "dhcpstart", message)


def _prefixes(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        if not any(key in user.tree for key in _PREFIXES):
            continue
        length = number(last_item(user.tree.get("ipv6-prefixlen")))
        if length is not None and not 0 <= length <= _LONGEST_PREFIX:
            message = f"the length of an IPv6 prefix is up to {_LONGEST_PREFIX} here, not {length}"
            yield Fault(user.place, "ipv6-prefixlen", message)
            continue
        prefix, host = ipv6(user.text("ipv6-prefix") or "fec0::"), ipv6(user.text("ipv6-host") or "")
        shift = 128 - (length or 64)
        if prefix is not None and host is not None and prefix >> shift != host >> shift:
            yield Fault(user.place, "ipv6-host", f"ipv6-host {user.text('ipv6-host')} is not in the network")


def _names(line: Line) -> Iterator[Fault]:
    for user in _users(line):
        for key in _NAMES:
            name = user.text(key)
            if name is not None and len(name.encode(errors="replace")) > _LONGEST:
                yield Fault(user.place, key, f"{key} has at most {_LONGEST} bytes")
        if user.text("domainname") == "":
            yield Fault(user.place, "domainname", "domainname is not empty")


_LINE = "-display none -machine pc -netdev user,id=net0,{} -device e1000,netdev=net0"


def _rule(
    name: str,
    says: str,
    source: str,
    find: Callable[[Line], Iterator[Fault]],
    keys: tuple[str, ...],
    wrong: str,
    right: str,
) -> Rule:
    """A rule about some keys of a netdev, which may stand in a word of ``-net`` or ``-nic`` as well."""
    return Rule(
        f"line/user-{name}",
        says,
        f"net/slirp.c, {source}",
        find,
        about=(*keys, "-net", "-nic"),
        wrong=_LINE.format(wrong),
        right=_LINE.format(right),
    )


RULES = (
    _rule(
        "hostfwd",
        "a rule of `hostfwd` has a protocol, addresses and ports",
        "slirp_hostfwd",
        _forwards,
        ("hostfwd",),
        "hostfwd=tcp:22",
        "hostfwd=tcp:127.0.0.1:0-:22",
    ),
    _rule(
        "guestfwd",
        "a rule of `guestfwd` has an address in the network, a port, and a device or command",
        "slirp_guestfwd",
        _to_guests,
        ("guestfwd",),
        "guestfwd=tcp:10.0.3.100:1234-cmd:cat",
        "guestfwd=tcp:10.0.2.100:1234-cmd:cat",
    ),
    _rule(
        "addresses",
        "the network and the addresses of a user netdev are some",
        "net_slirp_init",
        _addresses,
        ("net", *_V4, *_V6),
        "net=10.0.2.0/33",
        "net=10.0.2.0/24,host=10.0.2.4",
    ),
    _rule(
        "different",
        "host, DNS server and first DHCP address of a user netdev differ",
        "net_slirp_init: DNS must be different",
        _different,
        _OF_V4,
        "dns=10.0.2.2",
        "dns=10.0.2.4",
    ),
    _rule(
        "prefix",
        "the IPv6 prefix of a user netdev is up to 126 long, and the host in it",
        "net_slirp_init: vprefix6_len",
        _prefixes,
        _PREFIXES,
        "ipv6-prefix=fec0::,ipv6-prefixlen=127",
        "ipv6-prefix=fec0::,ipv6-prefixlen=64,ipv6-host=fec0::4",
    ),
    _rule(
        "names",
        "names of a user netdev have up to 255 bytes",
        "net_slirp_init: vdomainname",
        _names,
        _NAMES,
        "domainname=",
        "domainname=example.org",
    ),
)
