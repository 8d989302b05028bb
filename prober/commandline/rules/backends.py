"""Members of objects, netdevs and block nodes that only go together, or of which one has to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from prober.commandline.line import Line, number, size, switch
from prober.commandline.options import Object, Qapi, Value
from prober.commandline.rules.rule import Fault, Rule

#: Objects that need one of these members (``crypto/secret.c``, ``backends/hostmem*.c``, ``backends/rng-egd.c``).
_NEEDED = {
    "secret": ("data", "file"),
    "memory-backend-ram": ("size",),
    "memory-backend-file": ("size",),
    "memory-backend-memfd": ("size",),
    "rng-egd": ("chardev",),
}

#: Ways that a socket netdev is connected.
_WAYS = ("fd", "listen", "connect", "mcast", "udp")


def _needed(line: Line) -> Iterator[Fault]:
    for option in line.objects:
        needed = _NEEDED.get(option.qom_type, ())
        if needed and all(item.name not in needed for item in option.properties):
            yield Fault(option.place, needed[0], f"{option.qom_type} needs {' or '.join(needed)}")


def _socket(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        if option.value.get("type") != "socket":
            continue
        given = [way for way in _WAYS if way in option.value]
        if len(given) != 1:
            yield Fault(option.place, "type", f"a socket netdev needs one of {', '.join(_WAYS)}")
        elif given == ["udp"] and "localaddr" not in option.value:
            yield Fault(option.place, "localaddr", "udp needs localaddr")


def _dgram(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        if option.value.get("type") != "dgram":
            continue
        local, remote = _kind(option.value.get("local")), option.value.get("remote")
        if _kind(remote) == "inet" and isinstance(remote, Mapping) and _may_be_multicast(str(remote.get("host"))):
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


def _may_be_multicast(host: str) -> bool:
    """Whether an IPv4 address is one of many receivers; a host's name may stand for one."""
    try:
        return IPv4Address(host).is_multicast
    except ValueError:
        return True


def _user(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-netdev", ()):
        value = option.value
        if value.get("type") != "user":
            continue
        ipv4, ipv6 = switch(value.get("ipv4")), switch(value.get("ipv6"))
        for family, off, keys in (
            ("IPv4", ipv4 is False or (ipv4 is None and ipv6 is True), ("net", "ip", "host", "dns")),
            ("IPv6", ipv6 is False or (ipv6 is None and ipv4 is True), ("ipv6-prefix", "ipv6-host", "ipv6-dns")),
        ):
            part = next((key for key in keys if key in value), None)
            if off and part is not None:
                yield Fault(option.place, part, f"{part} is of {family}, which is off here", f"say {family.lower()}=on")
        if ipv4 is False and ipv6 is False:
            yield Fault(option.place, "ipv4", "a user netdev has IPv4 or IPv6, or both")
        yield from _addresses(option)


def _addresses(option: Qapi) -> Iterator[Fault]:
    """IPv4 addresses that are not in the network; how QEMU reads a network without a mask is left alone."""
    written = str(option.value.get("net") or option.value.get("ip") or "10.0.2.0/24")
    with suppress(ValueError):
        network = IPv4Network(written, strict=False) if "/" in written else None
        for key in ("host", "dhcpstart"):
            address = option.value.get(key)
            if network is not None and address is not None and IPv4Address(str(address)) not in network:
                yield Fault(option.place, key, f"{key} {address} is not in the network {network}")


def _nodes(line: Line) -> Iterator[Qapi]:
    return iter(line.qapi.get("-blockdev", ()))


def _zeroes(line: Line) -> Iterator[Fault]:
    for option in _nodes(line):
        if option.value.get("detect-zeroes") == "unmap" and option.value.get("discard", "ignore") in ("ignore", "off"):
            yield Fault(option.place, "discard", "detect-zeroes=unmap needs discard=unmap")


def _raw_size(line: Line) -> Iterator[Fault]:
    for option in _nodes(line):
        if option.value.get("driver") == "raw":
            length = size(option.value.get("size"))
            if length is not None and length % 512:
                yield Fault(option.place, "size", f"the size of a raw node is a multiple of 512, not {length}")


def _copy_on_read(line: Line) -> Iterator[Fault]:
    nodes = {option.value.get("node-name"): option for option in _nodes(line)}
    for option in _nodes(line):
        below = option.value.get("file")
        if option.value.get("driver") != "copy-on-read" or not isinstance(below, str):
            continue
        child = nodes.get(below)
        if (
            child is not None
            and switch(child.value.get("read-only")) is True
            and switch(option.value.get("read-only")) is not True
        ):
            yield Fault(
                option.place, "read-only", f"copy-on-read writes to {below}, which is read-only", "add read-only=on"
            )


_RATES = ("bps-total", "bps-read", "bps-write", "iops-total", "iops-read", "iops-write")


def _throttling(line: Line) -> Iterator[Fault]:
    for option in line.objects:
        if option.qom_type == "throttle-group":
            limits = _limits(option)
            if limits is not None:
                for part, message in _invalid(limits):
                    yield Fault(option.place, f"limits.{part}", message)


def _limits(option: Object) -> dict[str, int] | None:
    """The limits of a group by QMP's names, or None where one is not known."""
    limits: dict[str, int] = {}
    for name, value, _ in option.properties:
        inner: Mapping[str, Value] = {name.removeprefix("x-").removeprefix("limits."): value}
        if name == "limits":
            if not isinstance(value, dict):
                return None
            inner = value
        for key, text in inner.items():
            rate = number(text)
            if rate is None:
                return None
            limits[key] = rate
    return limits


def _invalid(limits: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """What is wrong with limits, as ``throttle_is_valid`` finds it."""
    for kind in ("bps", "iops"):
        for end in ("", "-max"):
            if limits.get(f"{kind}-total{end}") and (
                limits.get(f"{kind}-read{end}") or limits.get(f"{kind}-write{end}")
            ):
                yield f"{kind}-total{end}", f"{kind}-total{end} cannot be with {kind}-read{end} or {kind}-write{end}"
    if limits.get("iops-size") and not any(limits.get(f"iops-{way}") for way in ("total", "read", "write")):
        yield "iops-size", "iops-size needs one of iops-total, iops-read, iops-write"
    for rate in _RATES:
        average, most = limits.get(rate, 0), limits.get(f"{rate}-max", 0)
        length = limits.get(f"{rate}-max-length", 1)
        if length == 0:
            yield f"{rate}-max-length", f"{rate}-max-length cannot be 0"
        elif length > 1 and not most:
            yield f"{rate}-max-length", f"{rate}-max-length needs {rate}-max"
        if most and not average:
            yield f"{rate}-max", f"{rate}-max needs {rate}"
        elif 0 < most < average:
            yield f"{rate}-max", f"{rate}-max is lower than {rate}: {most} against {average}"


RULES = (
    Rule("backends/hostmem*.c, crypto/secret*.c, backends/rng-egd.c", _needed),
    Rule("net/socket.c, net_init_socket", _socket),
    Rule("net/dgram.c, net_init_dgram", _dgram),
    Rule("net/slirp.c, net_slirp_init", _user),
    Rule("block.c, bdrv_open_common", _zeroes),
    Rule("block/raw-format.c, raw_apply_options", _raw_size),
    Rule("block/copy-on-read.c, cor_child_perm", _copy_on_read),
    Rule("util/throttle.c, throttle_is_valid", _throttling),
)
