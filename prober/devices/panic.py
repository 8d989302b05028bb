"""``<panic>``: a device that hears of it when the guest's kernel crashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, IsaAddress, PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes


class Panic(Device):
    """On ISA, where the XML does not say; on PCI (``pvpanic``); or a register of Hyper-V's, which is the CPU's."""

    element = "panic"
    alias_prefix = "panic"

    model: Annotated[
        Literal["isa", "pvpanic", "hyperv"],
        At("@model"),
        Becomes("`pvpanic`, `pvpanic-pci`, or `hv-crash` of `-cpu`"),
    ] = "isa"
    address: Annotated[Address | None, At("address"), Becomes("`ioport`, or `bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """Each has its own kind of address (libvirt 11.3, ``qemuValidateDomainDefPanic``)."""
        if self.address is None:
            return
        if self.model == "hyperv":
            yield Broken("address", "model='hyperv' is no device, and has no address")
        elif self.model == "isa" and not isinstance(self.address, IsaAddress):
            yield Broken("address", "model='isa' has an address of type 'isa'")
        elif self.model == "pvpanic" and not isinstance(self.address, PciAddress):
            yield Broken("address", "model='pvpanic' has an address of type 'pci'")
        elif isinstance(self.address, IsaAddress) and self.address.irq is not None:
            yield Broken("address", "the device has no interrupt line")

    def plug(self, target: Target) -> Kinds | None:
        """One of them is on PCI, and part of the machine."""
        return Plug.pci() | Plug.INTEGRATED if self.model == "pvpanic" else None

    @property
    def shares_alias(self) -> bool:
        """QEMU is told no name of it."""
        return True

    def cpu_properties(self) -> Iterator[Property]:
        """The register, where it is that."""
        if self.model == "hyperv":
            yield Property("hv-crash", True, self.place("model"))

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, unless it is the CPU's."""
        if self.model == "hyperv":
            return
        properties: list[Property] = []
        if isinstance(self.address, IsaAddress):
            properties.append(Property("ioport", self.address.iobase or 0, self.place("address")))
        elif self.model == "pvpanic":
            properties += self.address_properties(target)
        driver = "pvpanic-pci" if self.model == "pvpanic" else "pvpanic"
        yield options.DeviceOption(driver, tuple(properties), self.place("model"))


def settle_panics(domain: Domain, target: Target) -> Completion:
    """The machine's usual model where none is named (11.3, ``qemuDomainDefaultPanicModel``), and one of each."""
    usual = target.family.defaults.panic
    for panic in domain.devices.of(Panic) if target.is_understood else ():
        if not panic.given("model") and not usual:
            message = f"<panic> needs a model: machine {target.machine} of {target.caps.target} has none by default"
            yield Refusal(place=panic.place(), message=message, hint="write model='pvpanic'")
    if usual == "pvpanic":
        domain = domain.with_each(Panic, lambda panic: panic if panic.given("model") else panic.replace(model=usual))
    yield from _check_panics(domain.devices)
    return domain


def _check_panics(devices: Devices) -> Check:
    """One of each model, with an address that it can have."""
    for first, panic in twins(devices.of(Panic), lambda panic: panic.model):
        message = f"a second <panic> of model '{panic.model}', the first is in line {first.place().line}"
        yield Refusal(place=panic.place("model"), message=message)
