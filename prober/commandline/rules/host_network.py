"""Netdevs of the host's network: members that only go together, and the card that may be in front of one.

QEMU says all of it before it opens anything, or when the card is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, switch
from prober.commandline.options import Qapi, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import DESCRIPTOR

#: The longest offset of a session (``net/l2tpv3.c``, ``net_init_l2tpv3``).
MOST_OFFSET = 256

#: Netdevs whose card the other side has to know.
_VHOST = ("vhost-user", "vhost-vdpa")
_VIRTIO_NET = "virtio-net-"


def _of_type(line: Line, *kinds: str) -> Iterator[Qapi]:
    for option in line.qapi.get("-netdev", ()):
        if option.value.get("type") in kinds:
            yield option


def _descriptors(line: Line) -> Iterator[Fault]:
    for option in _of_type(line, "tap"):
        for key in ("fd", "fds", "vhostfd", "vhostfds"):
            wrong = next((one for one in _split(option.value.get(key)) if not DESCRIPTOR.fullmatch(one)), None)
            if wrong is not None:
                yield Fault(option.place, key, f"a descriptor is a number, not {wrong[:64]!r}")
        count, of_vhost = len(_split(option.value.get("fds"))), len(_split(option.value.get("vhostfds")))
        if count and of_vhost and count != of_vhost:
            yield Fault(option.place, "vhostfds", f"vhostfds are as many as fds, and not {of_vhost} for {count}")
        of_vhost_alone = next((key for key in ("vhostfd", "vhostfds") if key in option.value), None)
        if of_vhost_alone is not None and switch(option.value.get("vhost")) is False:
            yield Fault(option.place, of_vhost_alone, f"{of_vhost_alone} is for a tap with vhost, which is off here")


def _split(value: Value) -> list[str]:
    return value.split(":") if isinstance(value, str) and value else []


def _sessions(line: Line) -> Iterator[Fault]:
    for option in _of_type(line, "l2tpv3"):
        value = option.value
        cookies = [key for key in ("rxcookie", "txcookie") if key in value]
        if len(cookies) == 1:
            yield Fault(option.place, cookies[0], "an l2tpv3 netdev has rxcookie and txcookie, or neither")
        if switch(value.get("udp")) is True and not {"srcport", "dstport"} <= value.keys():
            yield Fault(option.place, "udp", "l2tpv3 over UDP needs srcport and dstport")
        offset = value.get("offset")
        if str(offset).isdecimal() and int(str(offset)) > MOST_OFFSET:
            yield Fault(option.place, "offset", f"offset is up to {MOST_OFFSET}, not {str(offset)[:64]}")


def _cards(line: Line) -> Iterator[Fault]:
    netdevs = {str(option.value.get("id")): option for option in _of_type(line, *_VHOST)}
    for device in line.devices if netdevs else ():
        netdev = netdevs.get(str(device.values.get("netdev")))
        if netdev is not None and not device.typename.startswith(_VIRTIO_NET):
            kind = netdev.value.get("type")
            yield Fault(netdev.place, "type", f"the card of a {kind} netdev is virtio-net, not {device.typename[:64]}")


RULES = (
    Rule(
        "line/tap-descriptors",
        "descriptors of a tap are numbers, and `vhostfds` as many as `fds` and not there without vhost",
        "net/tap.c, net_init_tap; monitor/fds.c, monitor_fd_param",
        _descriptors,
        about=("tap",),
        wrong="-display none -netdev tap,id=n,fd=mine",
        # Any other tap is one of the host.
        right="-display none -netdev hubport,id=n,hubid=0",
    ),
    Rule(
        "line/l2tpv3-netdev",
        "members of an l2tpv3 netdev go together",
        "net/l2tpv3.c, net_init_l2tpv3",
        _sessions,
        about=("l2tpv3",),
        wrong="-display none -netdev l2tpv3,id=n,src=127.0.0.1,dst=127.0.0.1,txsession=1,udp=on",
        right=(
            "-display none"
            " -netdev l2tpv3,id=n,src=127.0.0.1,dst=127.0.0.1,txsession=1,rxsession=2,udp=on,srcport=0,dstport=9"
        ),
    ),
    Rule(
        "line/vhost-card",
        "the card of a vhost-user or vhost-vdpa netdev is virtio-net",
        "net/vhost-user.c, vhost_user_check_peer_type; net/vhost-vdpa.c, vhost_vdpa_check_peer_type",
        _cards,
        about=_VHOST,
        wrong="-display none -chardev socket,id=c,path=/b -netdev vhost-user,id=n,chardev=c -device e1000,netdev=n",
        right=(
            "-display none -chardev socket,id=c,path=/b -netdev vhost-user,id=n,chardev=c"
            " -device virtio-net-pci,netdev=n"
        ),
    ),
)
