"""What is filled into interfaces: the network that each is on, the card, the number in its alias."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from prober.commandline.options import Option
from prober.commandline.refusal import Note, Refusal, Unfit
from prober.devices.interface.base import CardInterface, Interface, default_card
from prober.devices.interface.hostdev import HostdevInterface
from prober.devices.interface.tap import NetworkInterface
from prober.devices.interface.user import PasstInterface, UserInterface
from prober.domain.domain import Domain
from prober.domain.memory.sharing import HINT, shares_memory
from prober.domain.shared.devices import Devices
from prober.domain.shared.vfio import read_host_pci
from prober.domain.steps import Check, Completion
from prober.host.directories import short_name
from prober.host.host import Network
from prober.host.target import Target


def complete_interfaces(domain: Domain, target: Target) -> Completion:
    """Each interface with its network, its card and its number."""
    pools: dict[str, Iterator[str]] = {}
    numbers = {"net": 0, "hostdev": 0}
    completed: list[Interface] = []
    for device in domain.devices.of(Interface):
        if isinstance(device, NetworkInterface):
            device = yield from _on_network(device, target, pools)
        kind = "hostdev" if device.is_hostdev else "net"
        changes: dict[str, object] = {"number": numbers[kind]}
        if device.own_name is None:
            # Numbers are those of the aliases that are there already (libvirt, ``qemuAssignDeviceNetAlias``).
            numbers[kind] += 1
        if isinstance(device, CardInterface) and device.model is None and kind == "net":
            changes["model"] = device.default_model or default_card(target)
        if isinstance(device, PasstInterface):
            changes["domain_name"] = short_name(domain.name)
            if isinstance(device, UserInterface) and device.backend_type is None and _has_passt_alone(target):
                changes["backend_type"] = "passt"
        if device.type == "vhostuser" and not shares_memory(domain.memory_backing, domain.numa):
            message = "a vhost-user interface needs memory that is shared with its backend"
            yield Refusal(place=device.place("type"), message=message, hint=HINT)
        completed.append((yield from _with_a_queue(device, target)).replace(**changes))
    return domain.with_all(Interface, completed)


#: The longest queue for sending that a card has without vhost-user or vDPA.  Once QEMU made a longer one shorter and
#: said nothing; from some version up to this one on it refuses it (``hw/net/virtio-net.c``).
_LONGEST_QUEUE, _REFUSED_SINCE = 256, (10, 0, 13)


def _with_a_queue(device: Interface, target: Target) -> Generator[Note, None, Interface]:
    """The card with a queue for sending that it can have, as far as QEMU does not see to that itself."""
    size = device.tx_queue_size if isinstance(device, CardInterface) else None
    if size is None or size <= _LONGEST_QUEUE or device.type in ("vhostuser", "vdpa"):
        return device
    message = f"tx_queue_size is up to {_LONGEST_QUEUE} here: only vhost-user and vDPA have longer queues"
    yield Note(place=device.place("tx_queue_size"), message=message)
    return device.replace(tx_queue_size=None) if target.caps.version.numbers >= _REFUSED_SINCE else device


def _has_passt_alone(target: Target) -> bool:
    """A binary without a user network of its own has passt, if it can reach it
    (libvirt, ``qemuDomainDeviceNetDefPostParse``)."""
    return not target.caps.has("netdev_add.type.user") and target.caps.has("netdev_add.type.stream")


def _on_network(
    interface: NetworkInterface, target: Target, pools: dict[str, Iterator[str]]
) -> Generator[Refusal | Note, None, NetworkInterface]:
    """With its network, and the next device of the network's pool; ``pools`` keeps what is left of each."""
    network = target.host.networks.get(interface.source)
    if network is None:
        known = ", ".join(target.host.networks) or "none"
        message = f"the host has no network {interface.source!r} that is known here"
        hint = f"tell how it forwards, among the host's networks; known are: {known}"
        yield Refusal(place=interface.place("source"), message=message, hint=hint)
        return interface
    yield from _check_network(interface, network)
    device = None
    if network.kind == "hostdev":
        pool = pools.setdefault(interface.source, iter(network.devices))
        device = yield from _next_of_pool(interface, pool)
    return interface.replace(network=network, device=device)


def _next_of_pool(interface: NetworkInterface, pool: Iterator[str]) -> Generator[Refusal, None, str | None]:
    device = next(pool, None)
    if device is None:
        message = f"the network {interface.source!r} is a pool of host devices, and has none left"
        yield Refusal(place=interface.place("source"), message=message)
        return None
    try:
        read_host_pci(device)
    except Unfit as error:
        message = f"the network {interface.source!r}: {device!r} {error}"
        yield Refusal(place=interface.place("source"), message=message)
        return None
    return device


def _check_network(interface: NetworkInterface, network: Network) -> Check:
    """What such a network cannot give (libvirt 11.3, ``qemuDomainValidateActualNetDef``)."""

    def refusal(field: str, message: str) -> Refusal:
        return Refusal(place=interface.place(field), message=message)

    kind = network.kind
    if interface.vlan is not None and not _takes_vlan(network):
        yield refusal("vlan", "VLAN tags are not for this kind of network")
    if interface.isolated and kind not in ("network", "bridge"):
        yield refusal("isolated", "only a port of a bridge can be isolated")
    if interface.filterref is not None and (kind not in ("network", "bridge") or network.virtualport is not None):
        yield refusal("filterref", "a filter is for a network with a plain bridge")
    if interface.backend_tap is not None and kind not in ("network", "bridge"):
        yield refusal("backend_tap", "a tap of one's own is for a network with a bridge")
    if kind == "hostdev":
        if interface.bandwidth is not None:
            yield refusal("bandwidth", "the bandwidth of a host device cannot be limited")
        if interface.queue_count > 1:
            yield refusal("queues", "a host device has its own queues")
    elif interface.teaming is not None and interface.teaming.type == "transient":
        yield refusal("teaming", "the transient member of a team is on a network that is a pool of host devices")


def _takes_vlan(network: Network) -> bool:
    if network.kind == "bridge":
        return network.virtualport in (None, "openvswitch")
    return network.kind == "hostdev" or network.forward == "passthrough"


def emit_hostdev_interfaces(devices: Devices, target: Target) -> Iterator[Option]:
    """Interfaces of type hostdev: libvirt has them before all ``<hostdev>``."""
    for device in devices.of(HostdevInterface):
        yield from device.emit_hostdev(target)


def emit_pooled_interfaces(devices: Devices, target: Target) -> Iterator[Option]:
    """Interfaces on networks that are pools of host devices: libvirt has them after all ``<hostdev>``."""
    for device in devices.of(NetworkInterface):
        if device.is_hostdev:
            yield from device.emit_hostdev(target)
