"""``pci-expander-bus`` and ``pcie-expander-bus``: further root buses, each of which may be near a NUMA node."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Refusal
from prober.devices.controller.pci.base import PciBridge
from prober.domain.shared.slots import Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Byte, Count


class Expander(PciBridge):
    """A bus with bus numbers of its own, from ``busNr`` up to those of the next."""

    #: The family of machines whose root bus it goes on.
    machine_kind: ClassVar[str]

    bus_nr: Annotated[Byte | None, At("target/@busNr"), Becomes("`bus_nr`")] = None
    node: Annotated[Count | None, At("target/node"), Becomes("`numa_node`")] = None

    def rules(self) -> Iterator[Broken]:
        """0 is the machine's own bus."""
        yield from super().rules()
        if self.bus_nr is not None and not 1 <= self.bus_nr <= 254:
            yield Broken("bus_nr", "busNr is 1 to 254")

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """It goes on a root bus of its own kind: a conventional one, or Express."""
        yield from super().machine_rules(target)
        fitting = target.family.expander or self.model
        if fitting != self.model:
            sentence = f"a {self.model} is for machine {self.machine_kind}; machine {target.machine} takes a {fitting}"
            yield Broken("model", sentence)

    def domain_rules(self, nodes: int, threads: Collection[int]) -> Iterator[Broken]:
        """The node is one of the guest's; libvirt numbers them from 0."""
        if self.node is not None and self.node >= nodes:
            yield Broken("node", f"the domain has {nodes} NUMA nodes in <cpu><numa>, and none with number {self.node}")

    def before_id(self) -> tuple[Property, ...]:
        """Its first bus number."""
        return (Property("bus_nr", self.bus_nr or 0, self.place("bus_nr")),)

    def after_id(self) -> tuple[Property, ...]:
        """The node that it is near."""
        return () if self.node is None else (Property("numa_node", self.node, self.place("node")),)


class PciExpanderBus(Expander):
    """``pci-expander-bus``: for pc."""

    driver = "pxb"
    machine_kind = "pc"
    sits_as = Plug.PCI_EXPANDER_BUS

    model: Annotated[Literal["pci-expander-bus"], At("@model"), Becomes("`-device pxb`")] = "pci-expander-bus"
    model_name: Annotated[Literal["pxb"] | None, At("model/@name"), Becomes("the device")] = None


class PcieExpanderBus(Expander):
    """``pcie-expander-bus``: for q35."""

    driver = "pxb-pcie"
    machine_kind = "q35"
    sits_as = Plug.PCIE_EXPANDER_BUS

    model: Annotated[Literal["pcie-expander-bus"], At("@model"), Becomes("`-device pxb-pcie`")] = "pcie-expander-bus"
    model_name: Annotated[Literal["pxb-pcie"] | None, At("model/@name"), Becomes("the device")] = None


def number_expanders(expanders: Sequence[Expander]) -> Generator[Refusal, None, dict[int, int]]:
    """The ``busNr`` of each expander by its index: two below the lowest there is, where it is not given
    (libvirt 11.3, ``qemuDomainAddressFindNewBusNr``)."""
    lowest = min((expander.bus_nr for expander in expanders if expander.bus_nr is not None), default=256)
    numbers: dict[int, int] = {}
    for expander in expanders:
        if expander.bus_nr is None:
            if lowest <= 2:
                message = "no busNr is left below the lowest that is given; give this one a busNr, too"
                yield Refusal(place=expander.place(), message=message)
                break
            lowest -= 2
            numbers[expander.number] = lowest
    return numbers
