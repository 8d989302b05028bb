"""``<console>``: the guest's console, which is its first serial port under another name, or a virtio one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.devices.serial import Serial
from prober.domain.domain import Domain
from prober.domain.shared.address import VirtioSerialAddress
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Count

#: What a serial port that is made from a console takes over from it.
_TAKEN_OVER = ("type", "sources", "protocol", "log_file", "log_append", "user_alias", "places")


class Console(CharacterDevice):
    """A console: of type ``serial`` it makes the first serial port, or stands for it, whatever it says itself; of type
    ``virtio``, a device."""

    element = "console"
    alias_prefix = "console"

    tty: Annotated[AbsolutePath | None, At("@tty"), Neutral("the pty that a running domain had")] = None
    target_type: Annotated[
        Literal["serial", "virtio"] | None, At("target/@type"), Becomes("`isa-serial` or `virtconsole`")
    ] = None
    target_port: Annotated[Count | None, At("target/@port"), Neutral("libvirt numbers the consoles as they come")] = (
        None
    )
    address: Annotated[VirtioSerialAddress | None, At("address"), Becomes("`bus` and `nr`")] = None

    #: The alias of the serial port that it is.
    serial_alias: str | None = None

    def rules(self) -> Iterator[Broken]:
        """Only a virtio console has a place of its own."""
        yield from super().rules()
        if not self.is_virtio and self.address is not None:
            yield Broken("address", "a console that is a serial port has no address of type 'virtio-serial'")
        if self.address is not None and self.address.bus != 0:
            yield Broken("address", f"a virtio-serial controller has bus 0 alone, not {self.address.bus}")

    @property
    def is_virtio(self) -> bool:
        """Whether it is a device of its own."""
        return self.target_type == "virtio"

    @property
    def shares_alias(self) -> bool:
        """With the serial port that it is."""
        return not self.is_virtio

    @property
    def plugs_into(self) -> tuple[str, int] | None:
        """A virtio-serial controller; the first, where it does not say."""
        if not self.is_virtio:
            return None
        return "virtio-serial", self.address.controller if self.address is not None else 0

    def emit(self, target: Target) -> Iterator[options.Option]:
        """A virtio console.  Of the other kind nothing: completing has made sure that the serial port is there."""
        if not self.is_virtio:
            return
        yield from self.emit_source(target)
        identity = Property("id", self.id, self.place())
        properties = (*self.address_properties(target), self.chardev_property(), identity)
        yield options.DeviceOption("virtconsole", properties, self.place())


def add_consoles(domain: Domain, target: Target) -> Completion:
    """The first console is the first serial port: made from it, or a repetition of it.

    libvirt counts a console for the first serial port even where the XML has none, and the others after it.  Where the
    two lead to different ends, the serial port has the say (11.3, ``virDomainDefAddConsoleCompat``).
    """
    consoles, serials = domain.devices.of(Console), domain.devices.of(Serial)
    for extra in consoles[1:]:
        if not extra.is_virtio:
            yield Refusal(place=extra.place("target_type"), message="only the first <console> can be a serial port")
    if not consoles:
        return domain
    console, devices = consoles[0], list(domain.devices.every)
    if console.is_virtio and serials and serials[0].may_be_console:
        devices.insert(devices.index(console), Console(places=serials[0].places))
    elif not console.is_virtio and not serials:
        kind = "system-serial" if target.family.serial.are_built_in else None
        own = {name: getattr(console, name) for name in _TAKEN_OVER}
        devices.append(Serial().replace(**own, target_port=0, target_type=kind))
    return domain.with_devices(devices)
