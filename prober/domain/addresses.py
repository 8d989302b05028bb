"""PCI addresses: given ones checked, the others assigned as libvirt does (11.3, ``qemu_domain_address.c``).

Two passes.  The first finds out which buses are needed: buses grow as devices ask for slots, and a spare
slot is kept for hot-plug.  Every bus that has come to be then gets its controller, and the second pass
assigns for good, controllers first.
"""

from __future__ import annotations

from prober.commandline.refusal import Place, Refusal
from prober.domain.devices import Device
from prober.domain.devices.controller import PciController, bridge_for
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.domain.slots import Kinds, Plug, SlotError, SlotMap
from prober.domain.target import Target

#: What the machine itself has on its root bus, beside what the XML names (ISA bridge, power management).
_RESERVED = {"pc": ((0, 1, 0), (0, 1, 3)), "q35": ((0, 0x1F, 0), (0, 0x1F, 3))}

#: The machine's own bus.
_ROOTS = {"pc": "pci-root", "q35": "pcie-root"}

#: Where real Q35 hardware has its bridge to conventional PCI.
_DMI_SLOT = (0, 0x1E, 0)


def assign_addresses(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
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
    models = dry.spare_slots()
    devices = _with_controllers(devices, models)
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
        self.spots: dict[int, tuple[int, int, int]] = {}
        self.slots = SlotMap(
            _bus_models(devices, target), grow=grow, pcie_to_pci_bridge=target.caps.has("pcie-pci-bridge")
        )

    def run(self) -> None:
        """Given addresses, the chipset's, the spare slot of pc, then everything else in its turn."""
        self._take_given()
        self._take_chipset()
        if self.grow and self.target.kind == "pc" and not all(bus.is_full for bus in self.slots.buses):
            self._place(None, Plug.pci())
        order = sorted(enumerate(self.devices), key=lambda item: (item[1].address_turn, _index(item[1]), item[0]))
        for position, device in order:
            plug = device.plug(self.target)
            if plug is not None and position not in self.spots:
                self._place(position, plug)

    def spare_slots(self) -> list[str]:
        """The models of all buses; a q35 that was left to itself gets one more port, free for hot-plug."""
        alone = max((c.number for c in self.devices if isinstance(c, PciController)), default=0) == 0
        if self.target.kind == "q35" and alone and len(self.slots.buses) > 1:
            self._place(None, Plug.PCIE_DEVICE | Plug.AUTO)
        return [bus.model for bus in self.slots.buses]

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
                address = PciAddress(bus=spot[0], slot=spot[1], function=spot[2], multifunction=multifunction)
                device = device.replace(address=address)
            if device.acpi_index is not None and _given(device) is None:
                self._refuse(device, "an <acpi index> is for PCI devices alone")
            result.append(device)
        return result

    def _take_given(self) -> None:
        for position, device in enumerate(self.devices):
            given, plug = _given(device), device.plug(self.target)
            if given is None or given.is_wanted or plug is None:
                continue
            fixed = device.fixed_address(self.target)
            if fixed is not None and given.numbers != fixed:
                where = f"{fixed[0]:02x}:{fixed[1]:02x}.{fixed[2]}"
                self._refuse(device, f"this controller is part of the machine, at {where}, not at {given}")
            elif fixed is None:
                self._take(position, given.numbers, plug, given=True)

    def _take_chipset(self) -> None:
        for position, device in enumerate(self.devices):
            fixed = device.fixed_address(self.target)
            if fixed is not None:
                self._take(position, fixed, Plug.PCI_DEVICE | Plug.PCIE_DEVICE, given=True)
        for spot in _RESERVED[self.target.kind]:
            self._take(None, spot, Plug.PCI_DEVICE | Plug.PCIE_DEVICE, given=True)
        for position, device in enumerate(self.devices):
            if device.plug(self.target) != Plug.DMI_TO_PCI_BRIDGE or position in self.spots:
                continue
            if not self.slots.is_used(0, _DMI_SLOT[1]):
                self._take(position, _DMI_SLOT, Plug.DMI_TO_PCI_BRIDGE, given=False)

    def _take(self, position: int | None, spot: tuple[int, int, int], plug: Kinds, *, given: bool) -> None:
        try:
            self.slots.take(spot, plug, given=given)
        except SlotError as error:
            self._refuse(None if position is None else self.devices[position], str(error))
        if position is not None:
            self.spots[position] = spot

    def _place(self, position: int | None, plug: Kinds) -> None:
        try:
            spot = self.slots.place(plug)
        except SlotError as error:
            self._refuse(None if position is None else self.devices[position], str(error))
            return
        if position is not None:
            self.spots[position] = spot

    def _refuse(self, device: Device | None, message: str) -> None:
        place = self.target.place if device is None else device.place("address")
        if (place, message) not in self.refused:
            self.refused.add((place, message))
            self.refusals.append(Refusal(place=place, message=message))


def _given(device: Device) -> PciAddress | None:
    address = getattr(device, "address", None)
    return address if isinstance(address, PciAddress) else None


def _index(device: Device) -> int:
    """PCI controllers get their slots by index; everything else by its place in the XML."""
    return device.number if isinstance(device, PciController) else 0


def _bus_models(devices: list[Device], target: Target) -> list[str]:
    """The model of each bus; an index that the XML skips is filled as libvirt fills it."""
    filler = "pcie-root-port" if target.kind == "q35" else "pci-bridge"
    named = {c.number: c.model for c in devices if isinstance(c, PciController)}
    return [named.get(number, filler) for number in range(max(named, default=0) + 1)]


def _with_controllers(devices: list[Device], models: list[str]) -> list[Device]:
    have = {device.number for device in devices if isinstance(device, PciController)}
    added = [bridge_for(model, index) for index, model in enumerate(models) if index not in have]
    return [*devices, *added]


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
