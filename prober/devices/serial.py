"""``<serial>``: a serial port of the guest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, IsaAddress, PciAddress, UsbAddress
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Count

#: How many serial ports ISA has.
_ISA_PORTS: Final = 4


class _NoAddress(Address):
    """Of what has no address."""


class _Kind(NamedTuple):
    """What a serial port sits on: its models, and its kind of address."""

    models: tuple[str, ...]
    address: type[Address]
    word: str


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "isa-serial": _Kind(("isa-serial",), IsaAddress, "isa"),
        "usb-serial": _Kind(("usb-serial",), UsbAddress, "usb"),
        "pci-serial": _Kind(("pci-serial",), PciAddress, "pci"),
        "isa-debug": _Kind(("isa-debugcon",), IsaAddress, "isa"),
        "system-serial": _Kind(("pl011", "16550a"), _NoAddress, ""),
    }
)


class Serial(CharacterDevice):
    """A port on ISA, of which x86 machines have four, on USB or PCI, the debug port of firmware, or the machine's."""

    element = "serial"
    alias_prefix = "serial"

    tty: Annotated[AbsolutePath | None, At("@tty"), Neutral("the pty that a running domain had")] = None
    target_type: Annotated[
        Literal["isa-serial", "usb-serial", "pci-serial", "isa-debug", "system-serial"] | None,
        At("target/@type"),
        Becomes("the device, or `-serial`"),
    ] = None
    target_port: Annotated[Count | None, At("target/@port"), Becomes("`index` of `isa-serial`")] = None
    target_model: Annotated[
        Literal["isa-serial", "usb-serial", "pci-serial", "isa-debugcon", "pl011", "16550a"] | None,
        At("target/model/@name"),
        Becomes("the device"),
    ] = None
    address: Annotated[Address | None, At("address"), Becomes("`iobase` and `irq`, or `bus` and `port` or `addr`")] = (
        None
    )

    @property
    def kind(self) -> _Kind:
        """What it sits on: ISA, where the XML does not say."""
        return _KINDS[self.target_type or "isa-serial"]

    @property
    def is_isa(self) -> bool:
        """Whether it is one of the four ports of ISA."""
        return self.kind.models == ("isa-serial",)

    @property
    def is_own(self) -> bool:
        """Whether it is a part of the machine, and no device."""
        return self.target_type == "system-serial"

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port."""
        return self.kind.address is UsbAddress

    @property
    def may_be_console(self) -> bool:
        """Whether, as the first one, it is the guest's console (libvirt, ``virDomainDefAddConsoleCompat``)."""
        return self.is_isa or self.is_own

    def is_builtin(self, target: Target) -> bool:
        """It is written all the same, where the machine has it: what is behind it."""
        return False

    def plug(self, target: Target) -> Kinds | None:
        """Only one kind is a PCI device."""
        return Plug.pci() if self.kind.address is PciAddress else None

    def rules(self) -> Iterator[Broken]:
        """The port, and what model and address belong to the type."""
        yield from super().rules()
        kind, name = self.kind, self.target_type or "isa-serial"
        if self.is_isa and self.target_port is not None and self.target_port >= _ISA_PORTS:
            yield Broken("target_port", f"there are ISA serial ports 0 to {_ISA_PORTS - 1}, not {self.target_port}")
        if self.target_model not in (None, *kind.models):
            has = " and ".join(kind.models)
            yield Broken("target_model", f"model {self.target_model} is not of target type {name}, which has {has}")
        if self.address is not None and self.is_own:
            yield Broken("address", f"target type {name} is part of the machine, and has no address")
        elif self.address is not None and not isinstance(self.address, kind.address):
            yield Broken("address", f"target type {name} has an address of type '{kind.word}'")
        if isinstance(self.address, IsaAddress) and self.address.iobase is None:
            yield Broken("address", "an ISA address needs an iobase")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-chardev`` and the port."""
        yield from self.emit_source(target)
        if self.is_own:
            yield options.Plain("-serial", f"chardev:char{self.id}", self.place())
            return
        properties = [self.chardev_property(), Property("id", self.id, self.place())]
        if self.is_isa:
            assert self.target_port is not None, "<serial> was not completed"
            properties.append(Property("index", self.target_port, self.place("target_port")))
        properties += self.address_properties(target)
        yield options.DeviceOption(self.kind.models[0], tuple(properties), self.place())


def number_serials(domain: Domain, target: Target) -> Completion:
    """Give each serial port its number: those that the XML calls ISA the first free one, others one more than any
    (``virDomainChrIsaSerialDefPostParse``, then ``virDomainChrDefPostParse``)."""
    serials = [_settled(serial, target) for serial in domain.devices.of(Serial)]
    named = {serial.target_port for serial in serials if serial.target_type == "isa-serial"}
    for number, serial in enumerate(serials):
        if serial.target_type == "isa-serial" and serial.target_port is None:
            port = next(port for port in range(len(serials) + _ISA_PORTS) if port not in named)
            named.add(port)
            serials[number] = serial.replace(target_port=port)
    most = max((serial.target_port for serial in serials if serial.target_port is not None), default=-1)
    for number, serial in enumerate(serials):
        if serial.target_port is None:
            most += 1
            serials[number] = serial.replace(target_port=most)
    yield from _check_ports(serials)
    yield from _check_own(serials, target)
    return domain.with_all(Serial, serials)


def _settled(serial: Serial, target: Target) -> Serial:
    """Where the machine has ports of its own, what would be ISA's, or says nothing, is one of these
    (libvirt 11.3, ``qemuDomainChrDefPostParse``)."""
    if not target.family.serial.are_built_in or serial.target_type not in (None, "isa-serial"):
        return serial
    return serial.replace(target_type="system-serial", target_model=None)


def _check_own(serials: Sequence[Serial], target: Target) -> Check:
    """The machine's own ports: no more than it has, and of its model.  QEMU makes nothing of others."""
    if not target.is_understood:
        return
    own, has = [serial for serial in serials if serial.is_own], target.family.serial
    if own and not has.are_built_in:
        message = f"machine {target.machine} has serial ports on ISA, and no system-serial"
        yield Refusal(place=own[0].place("target_type"), message=message, hint="write <target type='isa-serial'/>")
        return
    for serial in own:
        if serial.target_model not in (None, has.model):
            message = f"the serial ports of machine {target.machine} are {has.model}, not {serial.target_model}"
            yield Refusal(place=serial.place("target_model"), message=message)
    most = has.most_of(target.caps.version.numbers)
    if most is None:
        return
    for serial in own[most:]:
        message = f"machine {target.machine} has {most} serial port{'s' if most > 1 else ''}, and makes none of this"
        hint = "write <target type='pci-serial'/> for another"
        yield Refusal(place=serial.place(), message=message, hint=hint)


def _check_ports(serials: Sequence[Serial]) -> Check:
    """No two ISA ports with one number, and none beyond the four."""
    on_isa = [serial for serial in serials if serial.is_isa]
    for first, serial in twins(on_isa, lambda serial: serial.target_port):
        message = f"two serial devices have port {serial.target_port}, the first in line {first.place().line}"
        yield Refusal(place=serial.place("target_port"), message=message)
    for serial in on_isa:
        port = serial.target_port
        if port is not None and port >= _ISA_PORTS and not serial.given("target_port"):
            message = f"there are only {_ISA_PORTS} ISA serial ports, and this one would be port {port}"
            yield Refusal(place=serial.place(), message=message)
