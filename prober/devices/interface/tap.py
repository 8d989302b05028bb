"""Interfaces on a tap device of the host: bridge, network, ethernet and direct (macvtap).

QEMU inherits the open tap, and for a virtio card of a KVM guest vhost-net beside it, one of each for each pair of
queues (libvirt 11.3, ``qemuBuildInterfaceConnect``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from prober.commandline import options
from prober.commandline.options import Need, Passed, Value
from prober.commandline.refusal import Broken
from prober.devices.interface.base import CardInterface
from prober.devices.interface.hostdev import make_vfio
from prober.devices.interface.hostside import HOST, FilterRef, HostIp, HostRoute, VirtualPort, Vlan
from prober.domain.shared.vfio import read_host_pci
from prober.host.host import Network
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Count, Line, NetDeviceName, Uuid, YesNo, number_in

#: As many queues as Linux gives one tap (``MAX_TAP_QUEUES``).
_MOST_QUEUES = 256

Mtu = Annotated[int, number_in(1, 65535)]

#: Cards that can take a packet with virtio's header (libvirt 11.3, ``virDomainInterfaceIsVnetCompatModel``).
_WITH_HEADER = ("virtio", "virtio-transitional", "virtio-non-transitional", "e1000e", "igb", "vmxnet3")


class TapInterface(CardInterface):
    """What all of them share."""

    driver_name: Annotated[
        Literal["qemu", "vhost"] | None,
        At("driver/@name"),
        Becomes("`vhost` and `vhostfd` of the `-netdev`, unless it is qemu"),
    ] = None
    queues: Annotated[
        Annotated[int, number_in(0, _MOST_QUEUES)] | None,
        At("driver/@queues"),
        Becomes("`fds` and `vhostfds` of the `-netdev`, `mq` and `vectors` of the card"),
    ] = None
    sndbuf: Annotated[Count | None, At("tune/sndbuf"), Becomes("`sndbuf` of the `-netdev`")] = None
    backend_vhost: Annotated[
        AbsolutePath | None, At("backend/@vhost"), Neutral("the file to open for vhost-net; its resource says it")
    ] = None

    virtio_only: ClassVar[tuple[str, ...]] = (*CardInterface.virtio_only, "queues", "backend_vhost")

    def rules(self) -> Iterator[Broken]:
        """vhost goes with virtio."""
        yield from super().rules()
        if self.driver_name == "vhost" and not self.is_virtio:
            yield Broken("driver_name", "vhost is for <model type='virtio'/> alone")

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev tap``."""
        value: dict[str, Value] = {"type": "tap"}
        value["fds" if self.queue_count > 1 else "fd"] = Passed(*self._needs("tap", self._tap_words(), self.tap_path))
        if self._uses_vhost(target):
            value["vhost"] = True
            path = self.backend_vhost or "/dev/vhost-net"
            vhost = Passed(*self._needs("vhost-net", f"open {path} for reading and writing", path))
            value["vhostfds" if self.queue_count > 1 else "vhostfd"] = vhost
        if self.sndbuf is not None:
            value["sndbuf"] = self.sndbuf
        yield self.make_netdev(**value)

    def _uses_vhost(self, target: Target) -> bool:
        if target.settings.vhost_net == "always":
            return self.is_virtio
        return self.is_virtio and target.accel == "kvm" and self.driver_name != "qemu"

    def _needs(self, kind: str, words: str, path: str) -> list[Need]:
        if self.queue_count == 1:
            return [Need(kind, self.id, words, path=path)]
        return [
            Need(kind, self.id, f"{words}; queue {n} of {self.queue_count}", path=path)
            for n in range(1, self.queue_count + 1)
        ]

    def _tap_words(self) -> str:
        words = [f"open {self.tap_path}", *self.tap_words()]
        if self.model in _WITH_HEADER:
            words.append("set IFF_VNET_HDR")
        if self.queue_count > 1:
            words.append("set IFF_MULTI_QUEUE")
        if self.bandwidth is not None:
            words.append(f"limit what goes through (kilobytes a second, as the guest sees it): {self.bandwidth}")
        return ", ".join(words)

    @property
    def tap_path(self) -> str:
        """What is opened for the tap."""
        return "/dev/net/tun"

    def tap_words(self) -> Iterator[str]:
        """What is to be done with the tap of this type."""
        yield f"make the tap device {self.target_dev}" if self.target_dev else "make a tap device"


class MtuInterface(TapInterface):
    """Of those with a tap that libvirt makes: bridge, network and ethernet."""

    mtu: Annotated[
        Mtu | None, At("mtu/@size"), Becomes("`host_mtu` of a virtio card; the resource says it of the tap")
    ] = None
    backend_tap: Annotated[
        AbsolutePath | None, At("backend/@tap"), Neutral("the file to open for the tap; its resource says it")
    ] = None
    filterref: Annotated[FilterRef | None, At("filterref")] = None

    @property
    def tap_path(self) -> str:
        """The file that the XML names."""
        return self.backend_tap or super().tap_path

    @property
    def host_mtu(self) -> int | None:
        """The MTU."""
        return self.mtu

    def tap_words(self) -> Iterator[str]:
        """The MTU, and the filter."""
        yield from super().tap_words()
        if self.mtu:
            yield f"set its MTU to {self.mtu}"
        if self.filterref is not None:
            yield f"let only through what the filter {self.filterref} lets through"


class BridgePort(MtuInterface):
    """What a port of a bridge may be told."""

    virtualport: Annotated[VirtualPort | None, At("virtualport")] = None
    vlan: Annotated[Vlan | None, At("vlan")] = None
    isolated: Annotated[YesNo | None, At("port/@isolated"), Neutral(HOST)] = None
    coalesce: Annotated[Count | None, At("coalesce/rx/frames/@max"), Neutral(HOST)] = None

    def rules(self) -> Iterator[Broken]:
        """A plain port is isolated, not that of a switch."""
        yield from super().rules()
        if self.isolated and self.virtualport is not None and self.virtualport.type is not None:
            yield Broken("isolated", "an isolated port has no <virtualport>")

    def tap_words(self) -> Iterator[str]:
        """All of it."""
        yield from super().tap_words()
        if self.virtualport is not None:
            yield f"make it known as a virtual port of type {self.virtualport}"
        if self.vlan is not None:
            yield f"put it into the VLANs {self.vlan}"
        if self.isolated:
            yield "isolate its port from the other isolated ones"
        if self.coalesce:
            yield f"let it gather {self.coalesce} received frames"


class BridgeInterface(BridgePort):
    """``type='bridge'``: a port of a bridge of the host."""

    tag = ""

    type: Annotated[Literal["bridge"], At("@type"), Becomes("`-netdev tap`")] = "bridge"
    bridge: Annotated[NetDeviceName, At("source/@bridge"), Neutral(HOST)]
    #: Of a running domain that libvirt shows; the network gives it.
    source_network: Annotated[
        Line | None, At("source/@network"), Neutral("what libvirt shows beside the bridge of a network")
    ] = None
    portid: Annotated[Uuid | None, At("source/@portid"), Neutral("libvirt's name of a port while the guest runs")] = (
        None
    )

    def rules(self) -> Iterator[Broken]:
        """A virtual port that is whole, and what goes with one."""
        yield from super().rules()
        if self.virtualport is not None:
            yield from self.virtualport.missing()
            if self.filterref is not None:
                yield Broken("filterref", "a filter does not go with a <virtualport>")
            if self.vlan is not None and self.virtualport.type != "openvswitch":
                yield Broken("vlan", "VLAN tags go with a plain bridge, or with openvswitch")

    def tap_words(self) -> Iterator[str]:
        """The bridge first."""
        yield from super().tap_words()
        yield f"add it to the bridge {self.bridge}"


class EthernetInterface(MtuInterface):
    """``type='ethernet'``: a tap that a script, or somebody else, connects."""

    tag = ""

    type: Annotated[Literal["ethernet"], At("@type"), Becomes("`-netdev tap`")] = "ethernet"
    script: Annotated[AbsolutePath | None, At("script/@path"), Neutral(HOST)] = None
    downscript: Annotated[
        AbsolutePath | None, At("downscript/@path"), Neutral("run on the host after the guest has ended")
    ] = None
    ips: Annotated[tuple[HostIp, ...], At("source/ip")] = ()
    routes: Annotated[tuple[HostRoute, ...], At("source/route")] = ()

    def rules(self) -> Iterator[Broken]:
        """A device that is there already has a name."""
        yield from super().rules()
        if self.target_managed is False and self.target_dev is None:
            yield Broken("target_managed", "a device that somebody else manages needs <target dev=…>")

    def tap_words(self) -> Iterator[str]:
        """The device, its addresses, and the script."""
        if self.target_managed is False:
            yield f"attach to the device {self.target_dev} that is there, a tap or a macvtap, and leave it as it is"
        else:
            yield from super().tap_words()
        for ip in self.ips:
            yield f"give the host's end the address {ip}"
        for route in self.routes:
            yield f"add the route {route}"
        if self.script is not None:
            yield f"run {self.script} with its name"
        if self.downscript is not None:
            yield f"after the guest has ended run {self.downscript} with its name"


class DirectInterface(TapInterface):
    """``type='direct'``: a macvtap on a device of the host."""

    tag = ""

    type: Annotated[Literal["direct"], At("@type"), Becomes("`-netdev tap`")] = "direct"
    dev: Annotated[NetDeviceName, At("source/@dev"), Neutral(HOST)]
    mode: Annotated[Literal["vepa", "bridge", "private", "passthrough"], At("source/@mode"), Neutral(HOST)] = "vepa"
    source_network: Annotated[
        Line | None, At("source/@network"), Neutral("what libvirt shows beside the device of a network")
    ] = None
    portid: Annotated[Uuid | None, At("source/@portid"), Neutral("libvirt's name of a port while the guest runs")] = (
        None
    )
    virtualport: Annotated[VirtualPort | None, At("virtualport")] = None
    vlan: Annotated[Vlan | None, At("vlan")] = None

    def rules(self) -> Iterator[Broken]:
        """A virtual port that is whole, and VLANs only where the whole device is the guest's."""
        yield from super().rules()
        if self.virtualport is not None:
            yield from self.virtualport.missing()
        if self.vlan is not None and self.mode != "passthrough":
            yield Broken("vlan", "VLAN tags of a direct interface need mode='passthrough'")

    @property
    def tap_path(self) -> str:
        """macvtap's own file."""
        return "/dev/tapN of the macvtap"

    def tap_words(self) -> Iterator[str]:
        """The device that it is on."""
        name = f" {self.target_dev}" if self.target_dev else ""
        mac = f" with the address {self.mac}" if self.mac is not None else ""
        yield f"N being the index of a new macvtap{name} on {self.dev} in mode {self.mode}{mac}"
        if self.virtualport is not None:
            yield f"make it known as a virtual port of type {self.virtualport}"
        if self.vlan is not None:
            yield f"put it into the VLANs {self.vlan}"


class NetworkInterface(BridgePort):
    """``type='network'``: what one of libvirt's networks gives, a tap or a device of the host."""

    tag = ""

    type: Annotated[
        Literal["network"], At("@type"), Becomes("`-netdev tap`, or `vfio-pci` where the network is a pool of devices")
    ] = "network"
    source: Annotated[Line, At("source/@network"), Becomes("what the host's data of this network says")]
    portgroup: Annotated[Line | None, At("source/@portgroup"), Neutral(HOST)] = None
    portid: Annotated[Uuid | None, At("source/@portid"), Neutral("libvirt's name of a port while the guest runs")] = (
        None
    )
    source_bridge: Annotated[
        NetDeviceName | None, At("source/@bridge"), Neutral("what libvirt shows of a running guest")
    ] = None

    #: The network, filled in by completing.
    network: Network | None = None
    #: The device of the host that a pool gave, filled in by completing.
    device: str | None = None

    @property
    def is_hostdev(self) -> bool:
        """Where the network is a pool of host devices."""
        return self.network is not None and self.network.kind == "hostdev"

    @property
    def source_key(self) -> tuple[object, ...]:
        """The device that the pool gave."""
        return () if self.device is None else ("pci", read_host_pci(self.device))

    def tap_words(self) -> Iterator[str]:
        """What the network makes of it."""
        yield from super().tap_words()
        group = f", port group {self.portgroup}" if self.portgroup else ""
        yield f"connect it to the network {self.source}{group}"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """Nothing among the interfaces, where it is a host device."""
        return iter(()) if self.is_hostdev else super().emit(target)

    def emit_hostdev(self, target: Target) -> Iterator[options.Option]:
        """The device that the pool gave."""
        if self.device is not None and self.network is not None:
            words = [f"set its MAC address to {self.mac}"] if self.mac is not None else []
            words += [f"put it into the VLANs {self.vlan}"] if self.vlan is not None else []
            yield make_vfio(self, read_host_pci(self.device), target, words, managed=self.network.managed)
