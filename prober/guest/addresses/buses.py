"""PCI buses while addresses are assigned: what each accepts, and which slot is free.

The rules are libvirt's (11.3, ``src/conf/domain_addr.c``), so that a domain gets the same addresses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prober.domain.shared.address import Spot
from prober.domain.shared.slots import Kinds, Plug, describe_plug
from prober.guest.addresses.full import SlotError

_ENDPOINTS = Plug.PCI_DEVICE | Plug.PCIE_DEVICE


@dataclass(frozen=True, slots=True)
class BusKind:
    """What a PCI controller accepts below it, and in which slots."""

    accepts: Kinds
    first: int = 1
    last: int = 31


_CONVENTIONAL = Plug.AUTO | Plug.PCI_DEVICE | Plug.PCI_BRIDGE
_PORT = BusKind(
    Plug.AUTO | Plug.PCIE_DEVICE | Plug.UPSTREAM_PORT | Plug.PCIE_TO_PCI_BRIDGE,
    first=0,
    last=0,
)

#: By the model of the controller (libvirt, ``virDomainPCIAddressBusSetModel``).
BUS_KINDS: dict[str, BusKind] = {
    "pci-root": BusKind(_CONVENTIONAL | Plug.PCI_EXPANDER_BUS),
    "pcie-root": BusKind(Plug.PCIE_DEVICE | Plug.PCIE_ROOT_PORT | Plug.DMI_TO_PCI_BRIDGE | Plug.PCIE_EXPANDER_BUS),
    "pci-bridge": BusKind(_CONVENTIONAL),
    "pci-expander-bus": BusKind(_CONVENTIONAL, first=0),
    "dmi-to-pci-bridge": BusKind(Plug.PCI_DEVICE | Plug.PCI_BRIDGE, first=0),
    "pcie-to-pci-bridge": BusKind(_CONVENTIONAL),
    "pcie-root-port": _PORT,
    "pcie-switch-downstream-port": _PORT,
    "pcie-switch-upstream-port": BusKind(Plug.DOWNSTREAM_PORT, first=0),
    "pcie-expander-bus": BusKind(Plug.PCIE_ROOT_PORT | Plug.DMI_TO_PCI_BRIDGE, first=0),
}


class Bus:
    """One bus while addresses are assigned.  ``accepts`` may be narrower than its model's."""

    __slots__ = ("accepts", "free_from", "kind", "model", "shared", "slots")

    def __init__(self, model: str, accepts: Kinds | None = None) -> None:
        self.model = model
        #: The rules of its model.
        self.kind = BUS_KINDS[model]
        self.accepts = self.kind.accepts if accepts is None else accepts
        #: The functions that are taken of each slot, as bits.
        self.slots: dict[int, int] = {}
        #: The slots that several devices may share.
        self.shared: set[int] = set()
        #: No slot below this one is empty; slots are never given back.
        self.free_from = self.kind.first

    @property
    def is_full(self) -> bool:
        """Whether every slot has something in it."""
        return all(slot in self.slots for slot in range(self.kind.first, self.kind.last + 1))

    def occupy(self, number: int, function: int, plug: Kinds) -> bool:
        """Take a function of a slot; whether it was free."""
        taken = self.slots.get(number, 0)
        if taken & 1 << function:
            return False
        if not taken and plug & Plug.SHARE:
            self.shared.add(number)
        self.slots[number] = taken | 1 << function
        return True

    def free_spot(self, plug: Kinds, function: int | None) -> tuple[int, int] | None:
        """The first slot and function for such a device; ``function`` where it needs a certain one."""
        while self.free_from in self.slots:
            self.free_from += 1
        if plug & Plug.SHARE:
            for number in sorted(self.shared):
                if number > self.free_from:
                    break
                free = ~self.slots[number] & 0xFF
                if free:
                    return number, (free & -free).bit_length() - 1
        return (self.free_from, function or 0) if self.free_from <= self.kind.last else None


class SlotMap:
    """The buses of one domain.  With ``grow``, buses are added as they are needed."""

    #: More buses than any controller index can name.
    MOST = 256

    def __init__(self, models: Iterable[str], *, grow: bool, pcie_to_pci_bridge: bool) -> None:
        self.buses = [Bus(model) for model in models]
        #: No bus before this one has room for such a device: slots are never given back.
        self._roomy: dict[Kinds, int] = {}
        self._grow = grow
        self._pcie_to_pci_bridge = pcie_to_pci_bridge

    def take(self, spot: Spot, plug: Kinds, *, given: bool) -> Spot:
        """Take one function, and tell which: the bus is another one where the way to it had to be added.

        :raise SlotError: where there is no such bus, the slot is not there or of another kind, or the
            function is taken.
        """
        number, slot_number, function = spot
        if self._grow and number >= len(self.buses):
            wanted = number - len(self.buses) + 1
            number += self._add(wanted, plug) - wanted
        if number >= len(self.buses):
            raise SlotError(f"there is no PCI controller with index {number}")
        bus = self.buses[number]
        _validate(bus, number, slot_number, plug, given=given)
        if not bus.occupy(slot_number, function, plug):
            raise SlotError(f"the PCI address {_name((number, slot_number, function))} is used twice")
        return number, slot_number, function

    def is_used(self, number: int, slot: int) -> bool:
        """Whether anything sits in a slot."""
        return slot in self.buses[number].slots

    def find(self, plug: Kinds, function: int | None = None) -> Spot:
        """The first free place for a device, growing where that is allowed; does not take it.

        :raise SlotError: where there is none.
        """
        for number in range(self._roomy.get(plug, 0), len(self.buses)):
            bus = self.buses[number]
            if not _compatible(bus.accepts, number, plug):
                continue
            free = bus.free_spot(plug, function)
            if free is not None:
                self._roomy[plug] = number
                return number, *free
        self._roomy[plug] = len(self.buses)
        if not self._grow:
            raise SlotError("no PCI slot is free")
        number = len(self.buses) + self._add(1, plug) - 1
        return number, self.buses[number].kind.first, function or 0

    def place(self, plug: Kinds, function: int | None = None) -> Spot:
        """Find a place and take it.

        :raise SlotError: where there is none.
        """
        spot = number, slot, at = self.find(plug, function)
        bus = self.buses[number]
        bus.occupy(slot, at, plug)
        if bus.kind.first == bus.kind.last and not plug & Plug.SHARE:
            self._roomy[plug] = number + 1
        return spot

    def _add(self, count: int, plug: Kinds) -> int:
        """Add ``count`` buses that take such a device, and what those need; returns how many it took."""
        if len(self.buses) + count + 1 > self.MOST:
            raise SlotError("no PCI slot is free, and no more PCI controllers can be added")
        if plug & Plug.PCI_DEVICE:
            if not any(bus.accepts & Plug.PCI_BRIDGE for bus in self.buses):
                return self._add_conventional(count)
            model = "pci-bridge"
        elif plug & (Plug.PCIE_DEVICE | Plug.UPSTREAM_PORT):
            model = "pcie-root-port"
        else:
            raise SlotError(f"a {describe_plug(plug)} needs a slot, and no controller that has one can be added")
        self.buses += [Bus(model) for _ in range(count)]
        return count

    def _add_conventional(self, count: int) -> int:
        """Conventional PCI on a machine that only has Express: the way to it, and then bridges."""
        if self._pcie_to_pci_bridge:
            # This port is for the bridge alone, or it would pass for a spare slot.
            self.buses.append(Bus("pcie-root-port", Plug.PCIE_TO_PCI_BRIDGE))
            self.buses.append(Bus("pcie-to-pci-bridge"))
        else:
            self.buses.append(Bus("dmi-to-pci-bridge"))
            self.buses.append(Bus("pci-bridge"))
        more = max(count - 2, 0)
        self.buses += [Bus("pci-bridge") for _ in range(more)]
        return 2 + more


def _validate(bus: Bus, number: int, slot: int, plug: Kinds, *, given: bool) -> None:
    accepts = bus.accepts
    if plug & Plug.INTEGRATED:
        if number:
            raise SlotError(f"this device is part of the machine, on bus 0, not on bus {number}")
        accepts |= Plug.PCI_DEVICE
    if given and accepts & _ENDPOINTS:
        # Whoever gives an address may put a PCI device into a PCIe slot, or the reverse.
        accepts |= _ENDPOINTS
    if given and plug & Plug.PCI_BRIDGE:
        plug |= Plug.PCI_DEVICE
    if not plug & accepts & Plug.ALL_KINDS:
        raise SlotError(
            f"PCI controller {number} ({bus.model}) does not take a {describe_plug(plug)}; "
            f"it takes a {describe_plug(bus.accepts)}"
        )
    if not bus.kind.first <= slot <= bus.kind.last:
        slots = "slot 0 only" if bus.kind.last == 0 else f"slots {bus.kind.first:#x} to {bus.kind.last:#x}"
        raise SlotError(f"PCI controller {number} ({bus.model}) has {slots}, not {slot:#x}")


def _compatible(accepts: Kinds, number: int, plug: Kinds) -> bool:
    if plug & Plug.INTEGRATED:
        if number:
            return False
        accepts |= Plug.PCI_DEVICE | Plug.AUTO
    if plug & Plug.AUTO and not accepts & Plug.AUTO:
        return False
    return bool(plug & accepts & Plug.ALL_KINDS)


def _name(spot: Spot) -> str:
    return f"0000:{spot[0]:02x}:{spot[1]:02x}.{spot[2]}"
