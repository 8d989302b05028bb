"""Netdevs that QEMU refuses for their members alone, before it opens anything: they are started as they are written, as
a stand-in would have none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from prober.commandline.rules.host_network import MOST_OFFSET
from prober.commandline.text import DESCRIPTOR, as_switch
from prober.proof.bench import Bench
from prober.proof.members import Members

#: What a tap does not take beside another member (QEMU 5.2 to 11.1, ``net/tap.c``, ``net_init_tap``); what is here of
#: vhost up to 10.0 only.
_NOT_BESIDE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "fd": frozenset(("ifname", "script", "downscript", "vnet_hdr", "helper", "queues", "fds", "vhostfds")),
        "fds": frozenset(("ifname", "script", "downscript", "vnet_hdr", "helper", "queues", "vhostfd")),
        "helper": frozenset(("ifname", "script", "downscript", "vnet_hdr", "queues", "vhostfds")),
    }
)
_VHOST_WITHOUT_END = (10, 1, 0)

#: The most queues of vhost-user (``include/net/net.h``, ``MAX_QUEUE_NUM``).
_MOST_QUEUES = 1024


def is_contrary(members: Members, bench: Bench) -> bool:
    """Whether QEMU refuses a netdev for what it has of members, or names a chardev that is none for it."""
    ask = _ASK.get(members.text("type"))
    return ask is not None and ask(
        members, {name for name in members.names() if members.value(name) is not None}, bench
    )


def _vdpa(members: Members, names: set[str], bench: Bench) -> bool:
    # Before, there was a default (``net/vhost-vdpa.c``).
    return bench.caps.version.numbers >= (7, 2, 0) and ("vhostdev" in names) == ("vhostfd" in names)


def _tap(members: Members, names: set[str], bench: Bench) -> bool:
    # Of several the first is opened before the next is read.
    if any(not DESCRIPTOR.fullmatch(one) for name in ("fd", "fds") for one in _split(members.text(name))[:1]):
        return True
    count, of_vhost = len(_split(members.text("fds"))), len(_split(members.text("vhostfds")))
    ruling = next((name for name in _NOT_BESIDE if name in names), None)
    is_later = bench.caps.version.numbers >= _VHOST_WITHOUT_END
    if ruling == "fds" and of_vhost and count != of_vhost and not is_later:
        return True
    if is_later:
        if as_switch(members.text("vhost")) is False and names & {"vhostfd", "vhostfds"}:
            return True
        names -= {"vhostfd", "vhostfds"}
    return "vhostfds" in names if ruling is None else not _NOT_BESIDE[ruling].isdisjoint(names)


def _split(text: str) -> list[str]:
    return text.split(":") if text else []


def _l2tpv3(members: Members, names: set[str], bench: Bench) -> bool:
    """``net/l2tpv3.c``, ``net_init_l2tpv3``, until it looks the addresses up."""
    offset = members.text("offset")
    return (
        ("rxcookie" in names) != ("txcookie" in names)
        or (as_switch(members.text("udp")) is True and not {"srcport", "dstport"} <= names)
        or (offset.isdecimal() and int(offset) > MOST_OFFSET)
    )


def _vhost_user(members: Members, names: set[str], bench: Bench) -> bool:
    """``net/vhost-user.c``, ``net_init_vhost_user``, until it waits for the other side."""
    queues = members.text("queues")
    if queues.isdecimal() and not 1 <= int(queues) <= _MOST_QUEUES:
        return True
    named = (one for one in bench.line if one.flag == "-chardev" and one.id == members.text("chardev"))
    return any(one.members is not None and one.members.text("backend") != "socket" for one in named)


_ASK: Mapping[str, Callable[[Members, set[str], Bench], bool]] = MappingProxyType(
    {"tap": _tap, "l2tpv3": _l2tpv3, "vhost-user": _vhost_user, "vhost-vdpa": _vdpa}
)
