"""PCI addresses: given ones checked, the others assigned as libvirt does (11.3, ``qemuDomainAssignPCIAddresses``).

Two passes.  The first finds out which buses are needed: buses grow as devices ask for slots, and a spare
slot is kept for hot-plug.  Every bus that has come to be then gets its controller, and the second pass
assigns for good, controllers first.  Where everything has room on the buses that are there, the first pass would
change nothing, and there is only the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from prober.commandline.refusal import Place, Refusal
from prober.devices.controller import Controller
from prober.devices.controller.order import insert
from prober.devices.controller.pci import PciController
from prober.devices.controller.pci.models import bridge_for
from prober.devices.rows import row_of
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, PciAddress, Spot
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices, kinds_with_own
from prober.domain.shared.kinds import Classes
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.steps import Completion
from prober.guest.addresses.buses import BUS_KINDS, SlotMap
from prober.guest.addresses.full import SlotError
from prober.host.target import Target

#: Buses that take the same devices, but for expander buses, which are buses themselves.
_ALIKE = frozenset(("pci-root", "pci-bridge"))

_ENDPOINT = Plug.PCI_DEVICE | Plug.PCIE_DEVICE

#: A device that wants an Express slot, whichever is found.
_EXPRESS = Plug.PCIE_DEVICE | Plug.AUTO

#: Nothing is known of any device.
_NOTHING: Final[Mapping[int, Kinds | None]] = MappingProxyType({})


def assign_pci(domain: Domain, target: Target) -> Completion:
    """The domain, its devices on PCI with an address, and the controllers that this took.

    A fault in the XML's own addresses is refused, and nothing is assigned then.
    """
    wishes = _Wishes(domain.devices, target)
    if target.root is None or wishes.models.get(0) != target.root.model:
        return domain  # which is refused already
    refused: list[Refusal] = []
    final = _without_growth(wishes)
    if final is None:
        growing = _Pass(wishes, grow=True)
        growing.run()
        if growing.refusals:
            yield from growing.refusals
            return domain
        growing.keep_spare_port()
        final = _Pass(_Wishes(domain.devices.with_every(growing.with_controllers()), target, wishes.plugs))
        refused = growing.refusals
        final.run()
    assigned = final.addressed()
    refused = [*refused, *final.refusals]
    yield from refused
    # Another address makes no device one of another class.
    return domain if refused else domain.with_devices(assigned, final.wishes.kinds)


class _Speaking(NamedTuple):
    """The classes of devices, of those that a domain has, that have anything of their own to say to each question."""

    plug: Classes
    fixed_address: Classes
    shared_slot: Classes
    #: Those that the chipset may have a place for, or that get theirs before others.
    choosing: Classes


@lru_cache(maxsize=4096)
def _speaking(kinds: Classes) -> _Speaking:
    """Most classes have nothing to say to most of it, and are not asked."""
    plug, fixed, shared, spots, early = (
        kinds_with_own(name, kinds)
        for name in ("plug", "fixed_address", "shared_slot", "chipset_spots", "is_placed_early")
    )
    return _Speaking(plug, fixed, shared, spots | early)


class _Wishes:
    """What devices ask of PCI, by their positions.

    ``known`` is what is known of some of the devices already, as :attr:`plugs`.
    """

    def __init__(self, devices: Devices, target: Target, known: Mapping[int, Kinds | None] = _NOTHING) -> None:
        self.devices = devices.every
        self.kinds = devices.kinds
        self.target = target
        #: The model of each PCI controller, by its index.
        self.models = {controller.number: controller.model for controller in devices.of(PciController)}
        #: The devices on PCI, and what each is to a bus: those that ask for a certain address, those that want a slot,
        #: and where the machine itself puts some.
        self.given: dict[int, tuple[PciAddress, Kinds]] = {}
        self.wanting: dict[int, Kinds] = {}
        self.fixed: dict[int, Spot] = {}
        #: Those that share a slot with others: what names the slot, and the function there.
        self.sharing: dict[int, tuple[object, int]] = {}
        on_pci, placed, sharing, choosing = _speaking(self.kinds)
        #: What each device of a class that may be on PCI is to a bus, by the device's :func:`id`.
        self.plugs: dict[int, Kinds | None] = {}
        for position, device in enumerate(self.devices):
            kind = type(device)
            if kind in placed and (fixed := device.fixed_address(target)) is not None:
                self.fixed[position] = fixed
            if kind not in on_pci:
                continue
            key = id(device)
            plug = self.plugs[key] = known[key] if key in known else device.plug(target)
            if plug is not None:
                self._add(position, device, plug)
                if kind in sharing and (slot := device.shared_slot) is not None:
                    self.sharing[position] = slot
        #: The devices that the chipset may have a place for, each with its number among all of its element.
        self.choosing = self._numbered(choosing) if choosing else {}
        #: Those that want a slot, in the order in which they get one.
        self.in_turn = [
            position for _, position in sorted((row_of(type(self.devices[at])).slot, at) for at in self.wanting)
        ]

    def _add(self, position: int, device: Device, plug: Kinds) -> None:
        address: Address | None = getattr(device, "address", None)
        if address is None:
            self.wanting[position] = plug
        elif isinstance(address, PciAddress):  # one of another type says that it shall have no slot
            if address.is_wanted:
                self.wanting[position] = plug
            else:
                self.given[position] = address, plug

    def _numbered(self, choosing: Classes) -> dict[int, int]:
        """The devices of these classes that want a slot; counted are all of the element, also those with a place."""
        if not any(type(self.devices[position]) in choosing for position in self.wanting):
            return {}
        numbers: dict[int, int] = {}
        counts = {kind.element: 0 for kind in choosing}
        for position, device in enumerate(self.devices):
            number = counts.get(device.element)
            if number is None:
                continue
            counts[device.element] = number + 1
            if position in self.wanting and type(device) in choosing:
                numbers[position] = number
        return numbers

    @property
    def lacks_ports(self) -> bool:
        """Whether more devices want an Express slot for themselves than there are ports, which have one each."""
        wanting = {position for position, plug in self.wanting.items() if plug == _EXPRESS}
        if not wanting:
            return False
        ports = sum(BUS_KINDS[model].accepts & _EXPRESS == _EXPRESS for model in self.models.values())
        return len(wanting - self.fixed.keys() - self.sharing.keys() - self.choosing.keys()) > ports

    def buses(self) -> list[str]:
        """The model of each bus; an index that the XML skips is filled as libvirt fills it."""
        filler = "pcie-root-port" if self.target.has_express else "pci-bridge"
        return [self.models.get(number, filler) for number in range(max(self.models, default=0) + 1)]


def _without_growth(wishes: _Wishes) -> _Pass | None:
    """A finished pass over buses that are all there, if a growing pass would have found the same: then all have a
    slot, and on conventional PCI another is left to spare."""
    keeps_spare = not wishes.target.has_express
    if len(wishes.models) <= max(wishes.models) or wishes.lacks_ports:
        return None
    if keeps_spare and not _ALIKE.issuperset(wishes.models.values()):
        return None  # The slot to spare might be the one that only some devices can have.
    one = _Pass(wishes, at_once=True)
    try:
        one.run()
        if keeps_spare:
            one.slots.find(Plug.pci())
    except SlotError:
        return None
    return None if one.refusals else one


class _Pass:
    """One walk over all devices with one map of slots."""

    def __init__(self, wishes: _Wishes, *, grow: bool = False, at_once: bool = False) -> None:
        self.wishes = wishes
        self.devices = wishes.devices
        self.target = wishes.target
        self.refusals: list[Refusal] = []
        self.grow = grow
        self.at_once = at_once
        self.refused: set[tuple[Place, str]] = set()
        #: Where each device is, by its position, once it is placed.
        self.spots: dict[int, Spot] = {}
        #: For each place that several devices share, a function each: where it is.
        self.shared: dict[object, Spot] = {}
        self.slots = SlotMap(
            wishes.buses(), grow=grow, pcie_to_pci_bridge=grow and self.target.caps.has("pcie-pci-bridge")
        )

    def run(self) -> None:
        """Given addresses, the chipset's, the spare slot of conventional PCI, then everything else in its turn.

        :raise SlotError: ``at_once``, where a slot cannot be had; otherwise that is refused.
        """
        self._take_given()
        self._take_chipset()
        if self.grow and not self.target.has_express and not all(bus.is_full for bus in self.slots.buses):
            self._place(None, Plug.pci())
        for position in self.wishes.in_turn:
            if position not in self.spots:
                self._place(position, self.wishes.wanting[position])

    def keep_spare_port(self) -> None:
        """A machine with Express that was left to itself gets one more port, free for hot-plug."""
        alone = max(self.wishes.models, default=0) == 0
        if self.target.has_express and alone and len(self.slots.buses) > 1:
            self._place(None, Plug.PCIE_DEVICE | Plug.AUTO)

    def with_controllers(self) -> list[Device]:
        """The devices, and for each bus that has no controller one, which needs a slot in turn."""
        devices = list(self.devices)
        for position in self.wishes.given:
            devices[position] = self._moved(position, devices[position])
        controllers = [device for device in devices if isinstance(device, Controller)]
        others = [device for device in devices if not isinstance(device, Controller)]
        index = 1
        while index < len(self.slots.buses):
            if index not in self.wishes.models:
                added = bridge_for(self.slots.buses[index].model, index)
                plug = added.plug(self.target)
                assert plug is not None
                self._place(None, plug)
                insert(controllers, added)
            index += 1
        return [*controllers, *others]

    def _moved(self, position: int, device: Device) -> Device:
        """A device whose given bus could only be had with another number has that number."""
        given, spot = _given(device), self.spots.get(position)
        if given is None or given.is_wanted or spot is None or spot == given.numbers:
            return device
        return device.replace(address=given.replace(bus=spot[0]))

    def addressed(self) -> list[Device]:
        """The devices with the addresses that this pass found."""
        result = list(self.devices)
        # Function 0 of a slot says so where the slot has more (``virDomainPCIAddressSetAllMulti``).
        several = {(bus, slot) for bus, slot, function in self.spots.values() if function}
        for position, spot in self.spots.items():
            device = self.devices[position]
            if isinstance(device, PciController) and spot[0] >= device.number:
                self._refuse(device, f"PCI controller {device.number} finds no slot on a bus of lower index")
            result[position] = self._with_address(position, spot, several)
        for device in result:
            if device.acpi_index is not None and _given(device) is None:
                self._refuse(device, "an <acpi index> is for PCI devices alone")
        return result

    def _with_address(self, position: int, spot: Spot, several: set[tuple[int, int]]) -> Device:
        """A device with the address that it has here; ``several`` are the slots with more than one function."""
        device = self.devices[position]
        given = _given(device)
        multifunction: bool | None = None
        if given is None or given.is_wanted:
            # What an address without numbers says of multifunction is forgotten with it.
            sharing = self.wishes.sharing.get(position)
            if sharing is not None and sharing[1] == 0:
                multifunction = True
        else:
            spot, multifunction = given.numbers, given.multifunction
        bus, slot, function = spot
        if multifunction is None and function == 0 and (bus, slot) in several:
            multifunction = True
        if given is None:
            return device.replace(address=_address(bus, slot, function, multifunction))
        if given.numbers == spot and given.multifunction is multifunction:
            return device
        address = given.replace(bus=bus, slot=slot, function=function, multifunction=multifunction)
        return device.replace(address=address)

    def _take_given(self) -> None:
        for position in sorted(self.wishes.given, key=lambda position: row_of(type(self.devices[position])).scan):
            (given, plug), fixed = self.wishes.given[position], self.wishes.fixed.get(position)
            if fixed is not None and given.numbers != fixed:
                where = f"{fixed[0]:02x}:{fixed[1]:02x}.{fixed[2]}"
                self._refuse(
                    self.devices[position], f"this controller is part of the machine, at {where}, not at {given}"
                )
            elif fixed is None:
                self._take(position, given.numbers, plug, given=True)

    def _take_chipset(self) -> None:
        for position, fixed in self.wishes.fixed.items():
            self._take(position, fixed, _ENDPOINT, given=True)
        for spot in self.target.root.reserved if self.target.root is not None else ():
            self._reserve(spot)
        for position, number in self.wishes.choosing.items():
            if position not in self.spots:
                self._take_favourite(position, self.devices[position], self.wishes.wanting[position], number)

    def _reserve(self, spot: Spot) -> None:
        """What the machine has there leaves no room for another."""
        if spot not in self.spots.values():
            self.slots.buses[spot[0]].occupy(spot[1], spot[2], _ENDPOINT)
            return
        owner = next(position for position, taken in self.spots.items() if taken == spot)
        message = f"the machine itself has a device at {spot[0]:02x}:{spot[1]:02x}.{spot[2]}"
        self._refuse(self.devices[owner], message)

    def _take_favourite(self, position: int, device: Device, plug: Kinds, number: int) -> None:
        """Where the chipset has such a device, if nothing is there."""
        for spot in device.chipset_spots(number, self.target):
            if not self.slots.is_used(spot[0], spot[1]):
                self._take(position, spot, plug | _ENDPOINT, given=True)
                return
        if not device.is_placed_early(number, self.target):
            return
        if self.at_once:
            raise SlotError("a growing pass counts this device twice")
        # While buses grow libvirt reserves this slot and forgets whose it is: in its turn the device gets another.
        self._place(None if self.grow else position, plug)

    def _take(self, position: int, spot: Spot, plug: Kinds, *, given: bool) -> None:
        try:
            spot = self.slots.take(spot, plug, given=given)
        except SlotError as error:
            if self.at_once:
                raise
            self._refuse(self.devices[position], str(error))
        self._note(position, spot, self.wishes.sharing.get(position))

    def _place(self, position: int | None, plug: Kinds) -> None:
        sharing = self.wishes.sharing.get(position) if position is not None else None
        try:
            if sharing is None:
                spot = self.slots.place(plug)
            elif sharing[0] in self.shared:
                bus, slot, _ = self.shared[sharing[0]]
                spot = self.slots.take((bus, slot, sharing[1]), plug, given=True)
            else:
                spot = self.slots.place(plug, sharing[1])
        except SlotError as error:
            if self.at_once:
                raise
            self._refuse(None if position is None else self.devices[position], str(error))
            return
        if position is not None:
            self._note(position, spot, sharing)

    def _note(self, position: int, spot: Spot, sharing: tuple[object, int] | None) -> None:
        self.spots[position] = spot
        if sharing is not None:
            self.shared.setdefault(sharing[0], spot)

    def _refuse(self, device: Device | None, message: str) -> None:
        place = self.target.place if device is None else device.place("address")
        if (place, message) not in self.refused:
            self.refused.add((place, message))
            self.refusals.append(Refusal(place=place, message=message))


@lru_cache(maxsize=1024)
def _address(bus: int, slot: int, function: int, multifunction: bool | None) -> PciAddress:
    """An address that no XML gave: the same for each domain, as it has no place in one."""
    return PciAddress(bus=bus, slot=slot, function=function, multifunction=multifunction)


def _given(device: Device) -> PciAddress | None:
    address = getattr(device, "address", None)
    return address if isinstance(address, PciAddress) else None
