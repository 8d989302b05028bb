"""``<channel>``: a way between host and guest for some program in it, as the guest agent."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from ipaddress import IPv4Address
from typing import Annotated, Final, Literal

from prober.commandline import options
from prober.commandline.json_form import takes_json
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import VirtioSerialAddress
from prober.domain.shared.chardev import CharacterDevice, CharacterSource
from prober.domain.shared.chardev.sockets import too_long
from prober.domain.shared.chardev.source import HostName
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import TcpPort

#: What SPICE calls the way to its agent in the guest.
_SPICE_AGENT: Final = "com.redhat.spice.0"

#: What each type of target has alone.
_OF_VIRTIO = ("target_name", "target_state", "address")
_OF_GUESTFWD = ("target_address", "target_port")


class Channel(CharacterDevice):
    """A port of a virtio-serial controller, or with ``guestfwd`` an address in the guest's own network."""

    element = "channel"
    alias_prefix = "channel"
    spice_use = "vdagent"
    invents_path = True

    target_type: Annotated[
        Literal["virtio", "guestfwd"], At("target/@type"), Becomes("`virtserialport`, or `-netdev user`")
    ]
    target_name: Annotated[HostName | None, At("target/@name"), Becomes("`name`")] = None
    target_state: Annotated[
        Literal["connected", "disconnected"] | None,
        At("target/@state"),
        Neutral("what the guest of a running domain did"),
    ] = None
    target_address: Annotated[IPv4Address | None, At("target/@address"), Becomes("`guestfwd`")] = None
    target_port: Annotated[TcpPort | None, At("target/@port"), Becomes("`guestfwd`")] = None
    address: Annotated[VirtioSerialAddress | None, At("address"), Becomes("`bus` and `nr`")] = None

    @property
    def is_virtio(self) -> bool:
        """Whether it is a port of a virtio-serial controller."""
        return self.target_type == "virtio"

    def rules(self) -> Iterator[Broken]:
        """What belongs to which target, and names that cannot be."""
        yield from super().rules()
        yield from self._target_rules()
        if self.type == "spicevmc" and self.target_name not in (None, _SPICE_AGENT):
            yield Broken("target_name", f"SPICE knows this channel as {_SPICE_AGENT} alone")
        if self.address is not None and self.address.port and self.address.bus != 0:
            yield Broken("address", f"a virtio-serial controller has bus 0 alone, not {self.address.bus}")
        yield from self._socket_rules()

    def _target_rules(self) -> Iterator[Broken]:
        """What belongs to a target of the other type, and what a target cannot be without."""
        if self.is_virtio:
            for name in _OF_GUESTFWD:
                if getattr(self, name) is not None:
                    yield Broken(name, "this belongs to a target of type 'guestfwd', not 'virtio'")
            return
        for name in _OF_VIRTIO:
            if getattr(self, name) is not None:
                yield Broken(name, "this belongs to a target of type 'virtio', not 'guestfwd'")
        for name in _OF_GUESTFWD:
            if getattr(self, name) is None:
                yield Broken("target_type", f"a target of type 'guestfwd' needs {name.removeprefix('target_')}")
        if self.type == "spicevmc":
            yield Broken("type", "type='spicevmc' needs a target of type 'virtio'")

    def _socket_rules(self) -> Iterator[Broken]:
        if self.type != "unix" or self.source.path is not None:
            return
        if not self.is_virtio:
            yield Broken("sources", "type='unix' needs <source path=…>")
        if self.source.reconnect is not None:
            yield Broken("sources", "a channel without a path is listened on, so that it connects to nothing")
        if self.target_name is not None and "/" in self.target_name:
            yield Broken(
                "target_name", "the socket would have this name, which a slash cannot be in; give a <source path=…>"
            )

    @property
    def plugs_into(self) -> tuple[str, int] | None:
        """A virtio-serial controller; the first, where it does not say."""
        if not self.is_virtio:
            return None
        return "virtio-serial", self.address.controller if self.address is not None else 0

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-chardev``, and the port or the address."""
        yield from self.emit_source(target)
        if not self.is_virtio:
            yield self._forward(target)
            return
        name = self.target_name or (_SPICE_AGENT if self.type == "spicevmc" else None)
        properties = [*self.address_properties(target), self.chardev_property()]
        properties.append(Property("id", self.id, self.place()))
        if name is not None:
            properties.append(Property("name", name, self.place("target_name")))
        yield options.DeviceOption("virtserialport", tuple(properties), self.place())

    def _forward(self, target: Target) -> options.Option:
        """A user network of its own, which nothing but this address is in."""
        text = f"tcp:{self.target_address}:{self.target_port}-chardev:char{self.id}"
        if takes_json("-netdev", target.caps):
            value: dict[str, options.Value] = {"type": "user", "guestfwd": [{"str": text}], "id": self.id}
            return options.Qapi("-netdev", "netdev_add", "type", value, self.place())
        place = self.place("target_address")
        pairs = (Property("guestfwd", text, place), Property("id", self.id, self.place()))
        return options.Keyval("-netdev", "user", pairs, self.place())


def _is_made_up(device: Channel, path: str, target: Target) -> bool:
    """Whether a path is one that libvirt made up for an earlier start, of which it makes another (11.3,
    ``qemuDomainChrDefDropDefaultPath``)."""
    settings = target.settings
    places = (settings.channel_target_directory, f"{settings.state_directory}/channel", "/etc/libvirt/qemu/channel")
    if not device.is_virtio or not path.startswith(places):
        return False
    end = f"{re.escape(device.target_name)}$" if device.target_name is not None else ""
    made = rf"/(target/)?(([^/]+\.)|(domain-[^/]+/)|([0-9]+-[^/]+/)){end}"
    return any(path.startswith(place) and re.match(made, path.removeprefix(place)) for place in places)


def complete_channels(domain: Domain, target: Target) -> Completion:
    """A path for each unix socket without one of its own, in a directory of the domain."""
    directory = f"{target.settings.channel_target_directory}/{domain.name}"
    completed: list[Channel] = []
    for channel in domain.devices.of(Channel):
        completed.append((yield from _with_socket(channel, directory)) if _wants_socket(channel, target) else channel)
    return domain.with_all(Channel, completed)


def _wants_socket(channel: Channel, target: Target) -> bool:
    if channel.type != "unix":
        return False
    return channel.source.path is None or _is_made_up(channel, channel.source.path, target)


def _with_socket(channel: Channel, directory: str) -> Generator[Refusal, None, Channel]:
    """Listening on a socket that is named after what the guest finds, or else after its place."""
    place = channel.address or VirtioSerialAddress()
    name = channel.target_name or f"vioser-{place.controller:02}-{place.bus:02}-{place.port or 0:02}.sock"
    path = f"{directory}/{name}"
    if too_long(path):
        message = f"{too_long(path)}, and it would be {path}"
        yield Refusal(place=channel.place(), message=message, hint="give a shorter <source path=…>")
    source = (
        channel.source.replace(path=path, mode="bind") if channel.sources else CharacterSource(path=path, mode="bind")
    )
    return channel.replace(sources=(source,))
