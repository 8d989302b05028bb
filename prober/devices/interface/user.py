"""Interfaces of the user who runs QEMU, without rights on the host: QEMU's own network, or passt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Value
from prober.commandline.refusal import Broken
from prober.devices.interface.base import CardInterface
from prober.devices.interface.passt import RECONNECT, GuestIp, Passt, PortForward, ip_rules
from prober.devices.interface.tap import Mtu
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, DeviceName, NetDeviceName

_PASST_ONLY = "an argument of passt; the resource of the interface has the command"


class PasstInterface(CardInterface):
    """What passt can serve: the user's network, and vhost-user."""

    log_file: Annotated[AbsolutePath | None, At("backend/@logFile"), Neutral(_PASST_ONLY)] = None
    hostname: Annotated[DeviceName | None, At("backend/@hostname"), Neutral(_PASST_ONLY)] = None
    fqdn: Annotated[DeviceName | None, At("backend/@fqdn"), Neutral(_PASST_ONLY)] = None
    source_dev: Annotated[NetDeviceName | None, At("source/@dev"), Neutral(_PASST_ONLY)] = None
    mtu: Annotated[
        Mtu | None, At("mtu/@size"), Becomes("`host_mtu` of a virtio card; the command of passt has it, too")
    ] = None
    ips: Annotated[tuple[GuestIp, ...], At("ip")] = ()
    forwards: Annotated[tuple[PortForward, ...], At("portForward")] = ()

    #: The name of what is made for the domain, filled in by completing.
    domain_name: str = ""

    @property
    def is_passt(self) -> bool:
        """Whether passt serves it."""
        return self.backend_type == "passt"

    @property
    def host_mtu(self) -> int | None:
        """The MTU."""
        return self.mtu

    def rules(self) -> Iterator[Broken]:
        """What passt alone can do."""
        yield from super().rules()
        yield from ip_rules(self.ips)
        if self.backend_type != "passt":
            for name in ("log_file", "hostname", "fqdn", "source_dev", "forwards"):
                if getattr(self, name):
                    yield Broken(name, "this is for <backend type='passt'/> alone")

    def passt(self, target: Target) -> Passt:
        """The passt of this interface."""
        return Passt(
            self.id,
            self.domain_name,
            target,
            vhost_user=self.type == "vhostuser",
            mtu=self.mtu,
            source_dev=self.source_dev,
            log_file=self.log_file,
            hostname=self.hostname,
            fqdn=self.fqdn,
            ips=self.ips,
            forwards=self.forwards,
        )


class UserInterface(PasstInterface):
    """``type='user'``: the network of the user who runs QEMU, by QEMU itself or by passt."""

    tag = ""

    type: Annotated[Literal["user"], At("@type"), Becomes("`-netdev user`, or `stream` to passt")] = "user"

    def rules(self) -> Iterator[Broken]:
        """QEMU's own network has one MTU."""
        yield from super().rules()
        if self.mtu is not None and not self.is_passt:
            yield Broken("mtu", "the user's network needs <backend type='passt'/> for an MTU")

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildHostNetProps`` and ``qemuPasstAddNetProps``."""
        if self.is_passt:
            value: dict[str, Value] = {"type": "stream", "addr": {"type": "unix", "path": self.passt(target).path}}
            value["server"] = False
            if target.caps.has("netdev_add.reconnect-ms"):
                value["reconnect-ms"] = RECONNECT * 1000
            elif target.caps.has("netdev_add.reconnect"):
                value["reconnect"] = RECONNECT
            yield self.make_netdev(**value)
            return
        value = {"type": "user"}
        for ip in self.ips:
            if ip.version == 4:
                value["net"] = f"{ip.address}/{ip.prefix}" if ip.prefix else ip.address
            else:
                value["ipv6-prefix"] = ip.address
                if ip.prefix:
                    value["ipv6-prefixlen"] = ip.prefix
        yield self.make_netdev(**value)


class InternalInterface(CardInterface):
    """``type='internal'``: for QEMU no more than the user's network (libvirt 11.3, ``qemuBuildHostNetProps``)."""

    tag = ""

    type: Annotated[Literal["internal"], At("@type"), Becomes("`-netdev user`")] = "internal"
    name: Annotated[DeviceName, At("source/@name"), Neutral("QEMU has no internal networks by name")]

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """``-netdev user``."""
        yield self.make_netdev(type="user")
