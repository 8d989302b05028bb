"""PCI addresses: given ones checked, the others assigned as libvirt does (11.3, ``qemuDomainAssignPCIAddresses``).

Two passes.  The first finds out which buses are needed: buses grow as devices ask for slots, and a spare
slot is kept for hot-plug.  Every bus that has come to be then gets its controller, and the second pass
assigns for good, controllers first.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

from prober.commandline.refusal import Place, Refusal
from prober.domain.addresses.buses import SlotError, SlotMap
from prober.domain.devices import Device
from prober.domain.devices.controller import Controller, PciController, bridge_for
from prober.domain.devices.controller.order import insert
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, PciAddress, Spot
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target

#: What the machine itself has on its root bus, beside what the XML names (ISA bridge, power management).
_RESERVED = {"pc": ((0, 1, 0), (0, 1, 3)), "q35": ((0, 0x1F, 0), (0, 0x1F, 3))}

#: The machine's own bus.
_ROOTS = {"pc": "pci-root", "q35": "pcie-root"}

_ENDPOINT = Plug.PCI_DEVICE | Plug.PCIE_DEVICE


def assign_pci(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The domain, its devices on PCI with an address, and the controllers that this took.

    A fault in the XML's own addresses is refused, and nothing is assigned then.
    """
    devices = list(domain.devices.every)
    if target.kind not in _RESERVED or _bus_models(devices, target)[0] != _ROOTS[target.kind]:
        return domain  # which is refused already
    before = len(refusals)
    dry = _Pass(devices, target, refusals, grow=True)
    dry.run()
    if len(refusals) > before:
        return domain
    dry.keep_spare_port()
    devices = dry.with_controllers()
    final = _Pass(devices, target, refusals, grow=False)
    final.run()
    if len(refusals) > before:
        return domain
    return domain.with_devices(_with_multifunction(final.addressed()))


class _Pass:
    """One walk over all devices with one map of slots."""

    def __init__(self, devices: list[Device], target: Target, refusals: list[Refusal], *, grow: bool) -> None:
        self.devices = devices
        self.target = target
        self.refusals = refusals
        self.grow = grow
        self.refused: set[tuple[Place, str]] = set()
        self.spots: dict[int, Spot] = {}
        # Asked of each device several times in a pass.
        self.plugs = [device.plug(target) for device in devices]
        self.fixed = [device.fixed_address(target) for device in devices]
        #: For each place that several devices share, a function each: where it is.
        self.shared: dict[object, Spot] = {}
        self.slots = SlotMap(
            _bus_models(devices, target), grow=grow, pcie_to_pci_bridge=target.caps.has("pcie-pci-bridge")
        )

    def run(self) -> None:
        """Given addresses, the chipset's, the spare slot of pc, then everything else in its turn."""
        self._take_given()
        self._take_chipset()
        if self.grow and self.target.kind == "pc" and not all(bus.is_full for bus in self.slots.buses):
            self._place(None, Plug.pci())
        order = sorted(enumerate(self.devices), key=lambda item: (item[1].address_turn, item[0]))
        for position, device in order:
            plug = self.plugs[position]
            if plug is not None and position not in self.spots and _wants_slot(device):
                self._place(position, plug)

    def keep_spare_port(self) -> None:
        """A q35 that was left to itself gets one more port, free for hot-plug."""
        alone = max((c.number for c in self.devices if isinstance(c, PciController)), default=0) == 0
        if self.target.kind == "q35" and alone and len(self.slots.buses) > 1:
            self._place(None, Plug.PCIE_DEVICE | Plug.AUTO)

    def with_controllers(self) -> list[Device]:
        """The devices, and for each bus that has no controller one, which needs a slot in turn."""
        devices = [self._moved(position, device) for position, device in enumerate(self.devices)]
        controllers = [device for device in devices if isinstance(device, Controller)]
        have = {device.number for device in controllers if isinstance(device, PciController)}
        index = 1
        while index < len(self.slots.buses):
            if index not in have:
                added = bridge_for(self.slots.buses[index].model, index)
                plug = added.plug(self.target)
                assert plug is not None
                self._place(None, plug)
                insert(controllers, added)
            index += 1
        return [*controllers, *(device for device in devices if not isinstance(device, Controller))]

    def _moved(self, position: int, device: Device) -> Device:
        """A device whose given bus could only be had with another number has that number."""
        given, spot = _given(device), self.spots.get(position)
        if given is None or given.is_wanted or spot is None or spot == given.numbers:
            return device
        return device.replace(address=given.replace(bus=spot[0]))

    def addressed(self) -> list[Device]:
        """The devices with the addresses that this pass found."""
        result = []
        for position, device in enumerate(self.devices):
            spot = self.spots.get(position)
            given = _given(device)
            if spot is not None and isinstance(device, PciController) and spot[0] >= device.number:
                self._refuse(device, f"PCI controller {device.number} finds no slot on a bus of lower index")
            if spot is not None and (given is None or given.is_wanted):
                multifunction = given.multifunction if given is not None else None
                sharing = device.shared_slot
                if sharing is not None:
                    multifunction = True if sharing[1] == 0 else None
                address = _any_address().replace(
                    bus=spot[0], slot=spot[1], function=spot[2], multifunction=multifunction
                )
                device = device.replace(address=address)
            if device.acpi_index is not None and _given(device) is None:
                self._refuse(device, "an <acpi index> is for PCI devices alone")
            result.append(device)
        return result

    def _take_given(self) -> None:
        order = sorted(enumerate(self.devices), key=lambda item: (item[1].scan_turn, item[0]))
        for position, device in order:
            given, plug = _given(device), self.plugs[position]
            if given is None or given.is_wanted or plug is None:
                continue
            fixed = self.fixed[position]
            if fixed is not None and given.numbers != fixed:
                where = f"{fixed[0]:02x}:{fixed[1]:02x}.{fixed[2]}"
                self._refuse(device, f"this controller is part of the machine, at {where}, not at {given}")
            elif fixed is None:
                self._take(position, given.numbers, plug, given=True)

    def _take_chipset(self) -> None:
        for position, fixed in enumerate(self.fixed):
            if fixed is not None:
                self._take(position, fixed, _ENDPOINT, given=True)
        for spot in _RESERVED[self.target.kind]:
            self._reserve(spot)
        counts: Counter[str] = Counter()
        for position, device in enumerate(self.devices):
            number = counts[device.element]
            counts[device.element] += 1
            plug = self.plugs[position]
            if plug is not None and position not in self.spots and _wants_slot(device):
                self._take_favourite(position, device, plug, number)

    def _reserve(self, spot: Spot) -> None:
        """What the machine has there leaves no room for another."""
        owner = next((position for position, taken in self.spots.items() if taken == spot), None)
        if owner is None:
            self._take(None, spot, _ENDPOINT, given=True)
        else:
            message = f"the machine itself has a device at {spot[0]:02x}:{spot[1]:02x}.{spot[2]}"
            self._refuse(self.devices[owner], message)

    def _take_favourite(self, position: int, device: Device, plug: Kinds, number: int) -> None:
        """Where the chipset has such a device, if nothing is there."""
        for spot in device.chipset_spots(number, self.target):
            if not self.slots.is_used(spot[0], spot[1]):
                self._take(position, spot, plug | _ENDPOINT, given=True)
                return
        if device.is_placed_early(number, self.target):
            self._place(position, plug)

    def _take(self, position: int | None, spot: Spot, plug: Kinds, *, given: bool) -> None:
        try:
            spot = self.slots.take(spot, plug, given=given)
        except SlotError as error:
            self._refuse(None if position is None else self.devices[position], str(error))
        self._note(position, spot)

    def _place(self, position: int | None, plug: Kinds) -> None:
        sharing = self.devices[position].shared_slot if position is not None else None
        try:
            if sharing is None:
                spot = self.slots.place(plug)
            elif sharing[0] in self.shared:
                bus, slot, _ = self.shared[sharing[0]]
                spot = self.slots.take((bus, slot, sharing[1]), plug, given=True)
            else:
                spot = self.slots.place(plug, sharing[1])
        except SlotError as error:
            self._refuse(None if position is None else self.devices[position], str(error))
            return
        self._note(position, spot)

    def _note(self, position: int | None, spot: Spot) -> None:
        if position is None:
            return
        self.spots[position] = spot
        sharing = self.devices[position].shared_slot
        if sharing is not None:
            self.shared.setdefault(sharing[0], spot)

    def _refuse(self, device: Device | None, message: str) -> None:
        place = self.target.place if device is None else device.place("address")
        if (place, message) not in self.refused:
            self.refused.add((place, message))
            self.refusals.append(Refusal(place=place, message=message))


@cache
def _any_address() -> PciAddress:
    """What the addresses that are assigned are made from: copying takes a fraction of validating."""
    return PciAddress()


def _given(device: Device) -> PciAddress | None:
    address = device.__dict__.get("address")
    return address if isinstance(address, PciAddress) else None


def _wants_slot(device: Device) -> bool:
    """Whether it shall get a slot: an address of another type says that it shall not."""
    address: Address | None = device.__dict__.get("address")
    return address is None or (isinstance(address, PciAddress) and address.is_wanted)


def _bus_models(devices: list[Device], target: Target) -> list[str]:
    """The model of each bus; an index that the XML skips is filled as libvirt fills it."""
    filler = "pcie-root-port" if target.kind == "q35" else "pci-bridge"
    named = {c.number: c.model for c in devices if isinstance(c, PciController)}
    return [named.get(number, filler) for number in range(max(named, default=0) + 1)]


def _with_multifunction(devices: list[Device]) -> list[Device]:
    """Function 0 of a slot says so where the slot has more (``virDomainPCIAddressSetAllMulti``)."""
    shared = {(a.bus, a.slot) for a in map(_given, devices) if a is not None and a.function}
    result = []
    for device in devices:
        address = _given(device)
        first = address is not None and address.function == 0 and (address.bus, address.slot) in shared
        if address is not None and first and address.multifunction is None:
            device = device.replace(address=address.replace(multifunction=True))
        result.append(device)
    return result
