"""The names of all cards of a domain (systemd.net-naming-scheme(7), and ``src/udev/udev-builtin-net_id.c`` of v252)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prober.devices.controller.pci import PciController
from prober.devices.interface.base import Interface
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.guest.cards.buses import GuestBuses, find_buses
from prober.guest.cards.name import CardName
from prober.guest.hotplug.port import Hotplug, PortHotplug
from prober.host.target import Target

#: The largest number that names an on-board card, from v249 on.
_MOST_ONBOARD = 65535

#: From when on the ACPI tables tell of ``acpi-index`` on a root bus without hot-plug too (``hw/i386/acpi-build.c``).
_TOLD_ON_ROOT = (8, 0, 0)

_UEFI = "UEFI may leave numbers of buses free for hot-plug, where SeaBIOS leaves none"
_HOST_DEVICE = "a device of the host may add a port to the name (n…, d…)"


class _Spot(NamedTuple):
    """Where a card sits: the index of the bus's controller, slot and function, and whether it is one of several."""

    bus: int
    slot: int
    function: int
    is_one_of_several: bool

    @property
    def suffix(self) -> str:
        """``f1``: of a slot with several functions each name has it."""
        return f"f{self.function}" if self.function or self.is_one_of_several else ""


def find_card_names(domain: Domain, target: Target, hotplug: Iterable[PortHotplug]) -> Iterator[CardName]:
    """One name a card of a completed domain, in its order; of machines without PCI none.

    ``hotplug`` is what :func:`prober.guest.hotplug.outcome.find_hotplug` says of its buses.
    """
    cards = domain.devices.of(Interface)
    if not target.has_pci or not cards:
        return
    if not target.family.is_numbered:
        rule = f"how guests of machine {target.machine} of {target.caps.target} number its buses was not looked at"
        for card in cards:
            yield CardName(card=card.id, mac=_mac(card), name=None, rules=(rule,))
        return
    by_alias = {port.controller: port.hotplug for port in hotplug}
    by_bus = {one.number: by_alias.get(one.id, "unknown") for one in domain.devices.of(PciController)}
    buses = find_buses(domain, target, by_bus)
    for card in cards:
        if isinstance(card.address, PciAddress):
            yield _name(card, card.address, buses, by_bus, domain, target)
        else:
            rule = "how udev calls a card on USB hangs on the distribution: by its MAC address, or by its port"
            yield CardName(card=card.id, mac=_mac(card), name=None, rules=(rule,))


def _mac(card: Interface) -> str | None:
    mac = getattr(card, "mac", None)
    return None if mac is None else str(mac)


def _name(
    card: Interface,
    address: PciAddress,
    buses: GuestBuses,
    hotplug: Mapping[int, Hotplug],
    domain: Domain,
    target: Target,
) -> CardName:
    spot = _Spot(*address.numbers, address.multifunction is True)
    number = buses.numbers.get(spot.bus)
    if number is None:
        return CardName(card=card.id, mac=_mac(card), name=None, rules=("its bus is reached by no way",))
    if spot.bus in buses.apart and not domain.features.acpi:
        rule = "without ACPI Linux does not find the buses of an expander"
        return CardName(card=card.id, mac=_mac(card), name=None, rules=(rule,))
    rules = [f"it is on bus {number} of the guest, slot {spot.slot}"]
    path = f"enp{number}s{spot.slot}{spot.suffix}"
    if target.kind == "q35" and not domain.features.acpi:
        rules.append("SeaBIOS has ACPI tables of its own for a q35 without ACPI, which number slots in their own way")
        return CardName(card=card.id, mac=_mac(card), name=None, path=path, rules=tuple(rules))
    onboard = _onboard(card, rules, why_not=_why_untold(spot, hotplug, domain, target))
    slot = _slot(spot, buses, hotplug.get(spot.bus, "unknown"), rules)
    loader = domain.os.loader
    if loader is not None and loader.type == "pflash" and number:
        rules.append(_UEFI)
    if card.is_hostdev:
        rules.append(_HOST_DEVICE)
    return CardName(
        card=card.id,
        mac=_mac(card),
        name=onboard or slot or path,
        onboard=onboard,
        slot=slot,
        path=path,
        rules=tuple(rules),
    )


def _why_untold(spot: _Spot, hotplug: Mapping[int, Hotplug], domain: Domain, target: Target) -> str:
    """Why the ACPI tables do not tell of ``acpi-index`` there; empty where they do."""
    if not target.family.acpi_device:
        return f"the ACPI tables of machine {target.machine} do not tell of acpi-index (hw/pci-host/gpex-acpi.c)"
    tells_root = domain.features.acpi and target.caps.version.numbers >= _TOLD_ON_ROOT
    if hotplug.get(spot.bus) == "acpi" or (spot.bus == 0 and tells_root):
        return ""
    return "the guest sees acpi-index on buses with ACPI hot-plug, and from QEMU 8.0 on the root bus"


def _onboard(card: Interface, rules: list[str], *, why_not: str) -> str | None:
    index = card.acpi_index
    if index is None:
        return None
    if why_not:
        rules.append(why_not)
        return None
    if index > _MOST_ONBOARD:
        rules.append(f"an acpi-index above {_MOST_ONBOARD} names nothing")
        return None
    rules.append(f"acpi-index={index}")
    return f"eno{index}"


def _slot(spot: _Spot, buses: GuestBuses, hotplug: Hotplug, rules: list[str]) -> str | None:
    number = buses.slot_number(spot.bus, spot.slot)
    if number is not None:
        rules.append(f"the guest has hot-plug slot {number} there ({hotplug})")
        return f"ens{number}{spot.suffix}"
    if hotplug == "none":
        rules.append("there is no hot-plug slot: the bus has no hot-plug")
    elif spot.slot == 0 or hotplug == "native":
        rules.append(f"the hot-plug slot there has number 0, which names nothing ({hotplug})")
    else:
        rules.append(f"another bus has the hot-plug slot {spot.slot}, or Linux has none there ({hotplug})")
    return None
