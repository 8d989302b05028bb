"""What stands inside an ``<interface>`` and is no attribute of QEMU's: what the host does to the other end."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Literal

from prober.commandline.refusal import Broken
from prober.devices.interface.ip import IpText, family_rules
from prober.xml.binding import At, Checked, Element, Neutral
from prober.xml.values import Amount, Count, DeviceName, Line, Uuid, YesNo, number_in

#: Why the host's side of an interface is no option of QEMU's.
HOST = "done on the host before QEMU starts; the resource of the interface says it"


class Rate(Checked):
    """How much may go through: kilobytes a second, ``burst`` in kilobytes."""

    average: Annotated[Amount | None, At("@average"), Neutral(HOST)] = None
    peak: Annotated[Amount | None, At("@peak"), Neutral(HOST)] = None
    burst: Annotated[Amount | None, At("@burst"), Neutral(HOST)] = None
    floor: Annotated[Amount | None, At("@floor"), Neutral(HOST)] = None

    def rules(self) -> Iterator[Broken]:
        """libvirt 11.3, ``virNetDevBandwidthParseRate``."""
        if self.average is None and self.floor is None:
            yield Broken("", "needs an average, or a floor")
        if self.average is None and (self.peak is not None or self.burst is not None):
            yield Broken("peak", "peak and burst go with an average alone")

    def __str__(self) -> str:
        names = ("average", "peak", "burst", "floor")
        return ", ".join(f"{name} {value}" for name in names if (value := getattr(self, name)) is not None)


class NetBandwidth(Checked):
    """``<bandwidth>``: as the guest sees it, in and out."""

    inbound: Annotated[Rate | None, At("inbound")] = None
    outbound: Annotated[Rate | None, At("outbound")] = None

    def rules(self) -> Iterator[Broken]:
        """A floor is for what comes in."""
        if self.outbound is not None and self.outbound.floor is not None:
            yield Broken("outbound", "a floor is for <inbound> alone")

    def __str__(self) -> str:
        parts = (("in", self.inbound), ("out", self.outbound))
        return "; ".join(f"{name} {rate}" for name, rate in parts if rate is not None)


class VlanTag(Element):
    """One tag; ``native`` frames of it go untagged in the guest, or tagged."""

    id: Annotated[Annotated[int, number_in(0, 4095)], At("@id"), Neutral(HOST)]
    native: Annotated[Literal["tagged", "untagged"] | None, At("@nativeMode"), Neutral(HOST)] = None

    def __str__(self) -> str:
        return f"{self.id} ({self.native} native)" if self.native else str(self.id)


class Vlan(Checked):
    """``<vlan>``: the VLANs that the interface is in."""

    trunk: Annotated[YesNo | None, At("@trunk"), Neutral(HOST)] = None
    tags: Annotated[tuple[VlanTag, ...], At("tag")] = ()

    def rules(self) -> Iterator[Broken]:
        """libvirt 11.3, ``virNetDevVlanParse``."""
        natives = [tag for tag in self.tags if tag.native is not None]
        if not self.tags:
            yield Broken("", "<vlan> needs at least one <tag id=…>")
        if len(natives) > 1:
            yield Broken("tags", "two tags are called native")
        if self.trunk is False and (len(self.tags) > 1 or natives):
            yield Broken("trunk", "several tags, or a native one, need trunk='yes'")

    def __str__(self) -> str:
        return ", ".join(map(str, self.tags))


#: Which parameters a port profile of each type must have, and which it may have
#: (libvirt 11.3, ``virNetDevVPortProfileCheckComplete`` and ``…CheckNoExtras``; the host makes up ids).
_PROFILES = {
    "802.1Qbg": (("managerid", "typeid", "typeidversion"), ("instanceid",)),
    "802.1Qbh": (("profileid",), ()),
    "openvswitch": ((), ("interfaceid", "profileid")),
    "midonet": (("interfaceid",), ("managerid", "typeid", "typeidversion", "instanceid", "profileid")),
}


class VirtualPort(Checked):
    """``<virtualport>``: how the interface is known to a switch that is more than a bridge."""

    type: Annotated[Literal["802.1Qbg", "802.1Qbh", "openvswitch", "midonet"] | None, At("@type"), Neutral(HOST)] = None
    managerid: Annotated[Annotated[int, number_in(0, 0xFF)] | None, At("parameters/@managerid"), Neutral(HOST)] = None
    typeid: Annotated[Annotated[int, number_in(0, 0xFFFFFF)] | None, At("parameters/@typeid"), Neutral(HOST)] = None
    typeidversion: Annotated[
        Annotated[int, number_in(0, 0xFF)] | None, At("parameters/@typeidversion"), Neutral(HOST)
    ] = None
    instanceid: Annotated[Uuid | None, At("parameters/@instanceid"), Neutral(HOST)] = None
    profileid: Annotated[Line | None, At("parameters/@profileid"), Neutral(HOST)] = None
    interfaceid: Annotated[Uuid | None, At("parameters/@interfaceid"), Neutral(HOST)] = None

    def rules(self) -> Iterator[Broken]:
        """No parameter of another type, and a profile's name that fits."""
        if self.profileid is not None and len(self.profileid.encode()) > 39:
            yield Broken("profileid", "a profile's name is no longer than 39 bytes")
        if self.type is not None:
            needed, possible = _PROFILES[self.type]
            for name in ("managerid", "typeid", "typeidversion", "instanceid", "profileid", "interfaceid"):
                if getattr(self, name) is not None and name not in needed + possible:
                    yield Broken(name, f"{name} does not belong to a virtual port of type {self.type}")

    def missing(self) -> Iterator[Broken]:
        """What a port must have that stands for itself, and is not completed by a network: broken rules of the
        interface that has it."""
        if self.type is None:
            yield Broken("virtualport", "<virtualport> needs a type")
            return
        for name in _PROFILES[self.type][0]:
            if getattr(self, name) is None:
                yield Broken("virtualport", f"a virtual port of type {self.type} needs <parameters {name}=…>")

    def __str__(self) -> str:
        names = ("managerid", "typeid", "typeidversion", "instanceid", "profileid", "interfaceid")
        told = ", ".join(f"{name} {value}" for name in names if (value := getattr(self, name)) is not None)
        return f"{self.type or 'as the network says'}{f' ({told})' if told else ''}"


class FilterParameter(Element):
    """One variable of a filter."""

    name: Annotated[DeviceName, At("@name"), Neutral(HOST)]
    value: Annotated[Line, At("@value"), Neutral(HOST)]


class FilterRef(Element):
    """``<filterref>``: which packets the host lets through."""

    filter: Annotated[Line, At("@filter"), Neutral(HOST)]
    parameters: Annotated[tuple[FilterParameter, ...], At("parameter")] = ()

    def __str__(self) -> str:
        told = ", ".join(f"{one.name}={one.value}" for one in self.parameters)
        return f"{self.filter}{f' ({told})' if told else ''}"


class HostIp(Checked):
    """``<source><ip>``: an address of the host's end of an interface of type ethernet."""

    address: Annotated[IpText, At("@address"), Neutral(HOST)]
    family: Annotated[Literal["ipv4", "ipv6"] | None, At("@family"), Neutral(HOST)] = None
    prefix: Annotated[Annotated[int, number_in(0, 128)] | None, At("@prefix"), Neutral(HOST)] = None
    peer: Annotated[IpText | None, At("@peer"), Neutral(HOST)] = None

    def rules(self) -> Iterator[Broken]:
        """Address, peer and prefix are of one family."""
        yield from family_rules(self.family, self.address, self.prefix)
        if self.peer is not None and ip_address(self.peer).version != ip_address(self.address).version:
            yield Broken("peer", "the peer's address is of another family than the address")

    def __str__(self) -> str:
        prefix = "" if self.prefix is None else f"/{self.prefix}"
        return f"{self.address}{prefix}{f' (peer {self.peer})' if self.peer else ''}"


class HostRoute(Element):
    """``<source><route>``: a route on the host through the interface."""

    family: Annotated[Literal["ipv4", "ipv6"] | None, At("@family"), Neutral(HOST)] = None
    address: Annotated[IpText, At("@address"), Neutral(HOST)]
    netmask: Annotated[IpText | None, At("@netmask"), Neutral(HOST)] = None
    prefix: Annotated[Annotated[int, number_in(0, 128)] | None, At("@prefix"), Neutral(HOST)] = None
    gateway: Annotated[IpText, At("@gateway"), Neutral(HOST)]
    metric: Annotated[Count | None, At("@metric"), Neutral(HOST)] = None

    def __str__(self) -> str:
        size = self.netmask if self.netmask is not None else self.prefix
        metric = "" if self.metric is None else f" metric {self.metric}"
        return f"{self.address}{'' if size is None else f'/{size}'} via {self.gateway}{metric}"
