"""Taps, bridges, and the devices of the kernel behind a guest's network cards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prober.commandline.refusal import Place
from prober.devices.interface.base import CardInterface
from prober.devices.interface.tap import (
    BridgeInterface,
    DirectInterface,
    EthernetInterface,
    NetworkInterface,
    TapInterface,
)
from prober.host.facts import HostFacts
from prober.host.look import read_host_facts
from prober.rehearsal.preflight.files import look_at_passed_device
from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import SeenHost
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

_KIND = "network"
_NET = "/sys/class/net"

#: In ``/sys/class/net/NAME/flags`` (``linux/if.h``).
_IFF_UP = 1


def look_at_tap(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """The tap of one card: what it is made of, and what it is connected to."""
    if "; queue " in wish.need.todo and "; queue 1 of" not in wish.need.todo:
        return  # One look for all queues of a card.
    card = on.wanted.device(wish.need.name)
    if not isinstance(card, TapInterface):
        yield is_unknown(_KIND, f"what the tap of {wish.need.name} is on is not known", wish.place, wish.need.todo)
        return
    if isinstance(card, DirectInterface):
        yield from _look_at_lower(card.dev, card.place("dev"), on)
        return
    yield from _look_at_tun(card, wish, on)
    yield from _look_at_own_device(card, on)
    bridge, place = _bridge_of(card)
    if bridge is not None:
        yield from _look_at_bridge(bridge, place, on, card)
    elif isinstance(card, NetworkInterface):
        why = "its bridge is in libvirt's own settings, or in the host's file of settings of prober"
        yield is_unknown(_KIND, f"which bridge the network {card.source} has is not known", place, why)


def _bridge_of(card: CardInterface) -> tuple[str | None, Place]:
    if isinstance(card, BridgeInterface):
        return card.bridge, card.place("bridge")
    if isinstance(card, NetworkInterface):
        return card.network.bridge if card.network is not None else None, card.place("source")
    return None, card.place()


def _is_up(view: SeenHost, name: str) -> bool | None:
    flags = view.read(f"{_NET}/{name}/flags")
    try:
        return None if flags is None else bool(int(flags, 16) & _IFF_UP)
    except ValueError:
        return None


def _look_at_bridge(name: str, place: Place, on: Ground, card: CardInterface) -> Iterator[HostFinding]:
    view = on.view
    why = "the guest's card would be connected to nothing"
    if view.names_in(_NET) is None:
        yield is_unknown(_KIND, "the network devices of this host cannot be listed", place, why)
    elif not view.is_there(f"{_NET}/{name}"):
        todo = f"ip link add {name} type bridge && ip link set {name} up"
        if isinstance(card, NetworkInterface):
            todo = f"virsh net-start {card.source}"
        yield is_wrong(_KIND, f"there is no bridge {name}", place, why, todo)
    elif not view.is_there(f"{_NET}/{name}/bridge") and getattr(card, "virtualport", None) is None:
        said = f"{name} is a network device, and no bridge"
        yield is_wrong(_KIND, said, place, "a tap cannot be added to it", f"ip -d link show {name}")
    elif _is_up(view, name) is False:
        yield is_wrong(_KIND, f"the bridge {name} is down", place, why, f"ip link set {name} up")
    else:
        yield is_right(_KIND, f"the bridge {name} is there", place)


def _look_at_lower(name: str, place: Place, on: Ground) -> Iterator[HostFinding]:
    """The device that a macvtap is made on."""
    why = "the guest's card is a macvtap on it"
    if on.view.names_in(_NET) is None:
        yield is_unknown(_KIND, "the network devices of this host cannot be listed", place, why)
    elif not on.view.is_there(f"{_NET}/{name}"):
        yield is_wrong(_KIND, f"there is no network device {name}", place, why, "name one that `ip link` has")
    elif _is_up(on.view, name) is False:
        yield is_wrong(_KIND, f"the network device {name} is down", place, why, f"ip link set {name} up")
    else:
        yield is_right(_KIND, f"the network device {name} is there, and up", place)


def _look_at_own_device(card: TapInterface, on: Ground) -> Iterator[HostFinding]:
    """The tap by its name: to be there, or to be made."""
    name = card.target_dev
    if name is None or name.startswith(("vnet", "macvtap")):
        return
    place, there = card.place("target_dev"), on.view.is_there(f"{_NET}/{name}")
    if isinstance(card, EthernetInterface) and card.target_managed is False:
        yield from _look_at_given_tap(name, place, on, there=there)
    elif there:
        why = "the card's tap is to be made with this name"
        yield is_wrong(_KIND, f"there is a network device {name} already", place, why, f"ip link delete {name}")


def _look_at_given_tap(name: str, place: Place, on: Ground, *, there: bool) -> Iterator[HostFinding]:
    view, why = on.view, "the card is on a tap that is there"
    flags, owner = view.read(f"{_NET}/{name}/tun_flags"), view.read(f"{_NET}/{name}/owner")
    make = f"ip tuntap add {name} mode tap user {view.user.name}"
    if not there:
        yield is_wrong(_KIND, f"there is no network device {name}", place, why, make)
    elif flags is None and not view.is_there(f"{_NET}/{name}/macvtap"):
        yield is_wrong(_KIND, f"{name} is neither a tap nor a macvtap", place, why, f"ip -d link show {name}")
    elif owner not in (None, "-1", str(view.user.uid)) and view.user.uid != 0:
        said = f"the tap {name} belongs to user {owner}, not to {view.user.name}"
        yield is_wrong(_KIND, said, place, why, f"ip link delete {name}; {make}")
    else:
        yield is_right(_KIND, f"the tap {name} is there", place)


def _look_at_tun(card: TapInterface, wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """Taps as this kernel makes them."""
    path, place = wish.need.file, wish.place
    yield from look_at_passed_device("tun", path, place, on, "modprobe tun")
    features = _facts(on.view).tun
    if path != "/dev/net/tun" or features is None:
        return
    wanted = ["vnet_hdr", *(["multi_queue"] if card.queue_count > 1 else [])]
    missing = [name for name in wanted if name not in features]
    if missing:
        why = "the card is made for taps that have it"
        said = f"taps of this kernel have no {' and no '.join(missing)}"
        yield is_wrong("tun", said, place, why, "start a kernel whose driver tun has it")
    else:
        yield is_right("tun", f"taps of this kernel have {', '.join(features)}", place)


def look_at_vhost_net(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """vhost-net, which serves a card in the kernel."""
    if "; queue " in wish.need.todo and "; queue 1 of" not in wish.need.todo:
        return
    yield from look_at_passed_device("vhost-net", wish.need.file, wish.place, on, "modprobe vhost_net")
    features = _facts(on.view).vhost_net
    if wish.need.file == "/dev/vhost-net" and features is not None:
        yield is_right("vhost-net", f"vhost-net of this kernel offers {', '.join(features)}", wish.place)


def _facts(view: SeenHost) -> HostFacts:
    """What the kernel tells of itself.  A device is asked only where its driver is there already."""
    return read_host_facts(Path(view.here("/")))


def look_at_tap_of_qemu(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A tap that QEMU makes itself, and no descriptor is passed of: on a line that somebody wrote out."""
    if item.needs or any(name in item.values for name in ("fd", "fds")):
        return
    why = "QEMU makes it, by a script or a helper"
    said = f"whether {on.view.user.name} may make the tap of {item.text('id')} is not known"
    yield is_unknown(_KIND, said, item.place, why)
