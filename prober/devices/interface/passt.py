"""The network of a user without rights: the guest's addresses, and passt, the program that may serve it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from prober.commandline.options import Need, Prepared
from prober.commandline.refusal import Broken
from prober.devices.interface.ip import GivenPort, IpText, family_rules, version_of
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import DeviceName, YesNo, number_in

#: Where what is set here goes: into the command that the resource names.
_PASST = "an argument of passt, which is started before QEMU; the resource of the interface has the command"

#: After how many seconds QEMU connects anew to a passt that went away (libvirt 11.3, ``qemu_passt.c``).
RECONNECT = 5


class GuestIp(Checked):
    """``<ip>``: the guest's address, or its network."""

    address: Annotated[IpText, At("@address"), Becomes("`net` or `ipv6-prefix`, for passt `--address`")]
    family: Annotated[Literal["ipv4", "ipv6"] | None, At("@family"), Neutral("the address itself tells its family")] = (
        None
    )
    prefix: Annotated[
        Annotated[int, number_in(0, 128)] | None,
        At("@prefix"),
        Becomes("the end of `net`, or `ipv6-prefixlen`; for passt `--netmask`"),
    ] = None

    def rules(self) -> Iterator[Broken]:
        """The prefixes that QEMU's user network knows (libvirt 11.3, ``qemuValidateDomainDeviceDefNetwork``)."""
        yield from family_rules(self.family, self.address, self.prefix)
        if self.version == 4 and self.prefix and not 4 <= self.prefix <= 27:
            yield Broken("prefix", "a prefix of IPv4 is 4 to 27 here")
        if self.version == 6 and self.prefix and self.prefix != 64:
            yield Broken("prefix", "a prefix of IPv6 is 64 here")

    @property
    def version(self) -> int:
        """4 or 6."""
        return version_of(self.address)


def ip_rules(addresses: Sequence[GuestIp]) -> Iterator[Broken]:
    """One address of each family."""
    versions = [one.version for one in addresses]
    for version in (4, 6):
        if versions.count(version) > 1:
            yield Broken("ips", f"an interface has one IPv{version} address only")


class PortRange(Checked):
    """``<range>``: ports of the host, or ports that are left out."""

    start: Annotated[GivenPort | None, At("@start"), Neutral(_PASST)] = None
    end: Annotated[GivenPort | None, At("@end"), Neutral(_PASST)] = None
    to: Annotated[GivenPort | None, At("@to"), Neutral(_PASST)] = None
    exclude: Annotated[YesNo | None, At("@exclude"), Neutral(_PASST)] = None

    def rules(self) -> Iterator[Broken]:
        """A range begins somewhere."""
        if self.start is None:
            yield Broken("", "a <range> of ports needs start")
        elif self.end is not None and self.end < self.start:
            yield Broken("end", "the range ends before it starts")

    def __str__(self) -> str:
        start = self.start or 0
        text = f"{'~' if self.exclude else ''}{start}"
        if self.end is not None:
            text += f"-{self.end}"
        if self.to is not None:
            text += f":{self.to}"
            if self.end is not None:
                text += f"-{self.end + self.to - start}"
        return text


class PortForward(Element):
    """``<portForward>``: ports of the host that lead into the guest; without a range all of them."""

    proto: Annotated[Literal["tcp", "udp"], At("@proto"), Neutral(_PASST)]
    address: Annotated[IpText | None, At("@address"), Neutral(_PASST)] = None
    dev: Annotated[DeviceName | None, At("@dev"), Neutral(_PASST)] = None
    ranges: Annotated[tuple[PortRange, ...], At("range")] = ()

    def arguments(self) -> list[str]:
        """As passt has them."""
        where = f"{self.address or ''}{f'%{self.dev}' if self.dev else ''}"
        ports = ",".join(map(str, self.ranges)) or "all"
        return [f"--{self.proto}-ports", f"{where}/{ports}" if where else ports]


class Passt:
    """One passt: its socket, and the command that starts it (libvirt 11.3, ``qemuPasstStart``)."""

    def __init__(
        self,
        alias: str,
        domain: str,
        target: Target,
        *,
        vhost_user: bool,
        mtu: int | None,
        source_dev: str | None,
        log_file: str | None,
        hostname: str | None,
        fqdn: str | None,
        ips: Sequence[GuestIp],
        forwards: Sequence[PortForward],
    ) -> None:
        stem = f"{target.settings.run_directory}/passt/{domain}-{alias}"
        self.socket = f"{stem}.socket"
        words = ["passt", *(["--vhost-user"] if vhost_user else []), "--one-off", "--socket", self.socket]
        words += ["--pid", f"{stem}-passt.pid"]
        for option, value in (
            ("--mtu", mtu),
            ("--interface", source_dev),
            ("--log-file", log_file),
            ("--hostname", hostname),
            ("--fqdn", fqdn),
        ):
            if value is not None:
                words += [option, str(value)]
        for ip in ips:
            words += ["--address", ip.address]
            if ip.prefix and ip.version == 4:
                words += ["--netmask", str(ip.prefix)]
        for forward in forwards:
            words += forward.arguments()
        todo = f"start passt before QEMU, which connects to its socket: {shlex.join(words)}"
        #: The socket's path, as QEMU is told.
        self.path = Prepared(self.socket, Need("passt", alias, todo))
