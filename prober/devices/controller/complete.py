"""Completing controllers: their order and indexes, those that libvirt adds, and what a machine does not allow."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeAlias

from prober.commandline.refusal import Refusal
from prober.devices.controller import Controller
from prober.devices.controller.order import IndexesUsedUp, controllers_in_order, insert, with_indexes
from prober.devices.controller.pci import PcieRoot, PciRoot, Root
from prober.devices.controller.pci.expanders import Expander, number_expanders
from prober.devices.controller.usb import UsbController, default_usb
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import Places

#: In which order libvirt looks for what plugs into controllers that are not there.
_IMPLIED = ("scsi", "fdc", "ide", "sata", "virtio-serial", "ccid", "nvme")


class _Controllers:
    """Controllers while some are added: in libvirt's order, and by type and index; of several with one, the first."""

    def __init__(self, controllers: Iterable[Controller]) -> None:
        self.every = list(controllers)
        self._by_key: dict[tuple[str, int | None], Controller] = {}
        for controller in self.every:
            self._by_key.setdefault((controller.controller_type, controller.index), controller)

    def find(self, kind: str, index: int) -> Controller | None:
        """The controller of this type and index."""
        return self._by_key.get((kind, index))

    def add(self, new: Controller) -> None:
        """One that is not there yet."""
        insert(self.every, new)
        self._by_key.setdefault((new.controller_type, new.index), new)


#: Adds controllers, and yields what stands against that.
_Addition: TypeAlias = Generator[Refusal, None, None]


def number_controllers(domain: Domain) -> Completion:
    """Controllers in libvirt's order, each with its index, and no index twice."""
    controllers = controllers_in_order(domain.devices.of(Controller))
    # libvirt reads the XML and adds these as it goes, before it looks for indexes that are not given.
    adapted = domain.devices.with_own("copies_controller")
    if adapted:
        known = _Controllers(controllers)
        for count in range(1, len(adapted) + 1):
            _add_adapters(known, adapted[:count])
        controllers = known.every
    try:
        controllers = with_indexes(controllers)
    except IndexesUsedUp as error:
        yield error.at(error.controller.place, error.controller.element)
        controllers = [c if c.index is not None else c.replace(index=255) for c in controllers]
    yield from _check_indexes(controllers)
    return _with(domain, controllers)


def _check_indexes(controllers: Iterable[Controller]) -> Check:
    """Two of one index; of USB several make one together."""
    whole = [controller for controller in controllers if not controller.is_companion]
    for first, controller in twins(whole, lambda controller: (controller.controller_type, controller.number)):
        kind, number = controller.controller_type, controller.number
        message = f"a second {kind} controller has index {number}, first in line {first.place().line}"
        yield Refusal(place=controller.place("index"), message=message)


def _with(domain: Domain, controllers: Iterable[Controller]) -> Domain:
    """The domain with these controllers before its other devices."""
    return domain.with_devices([*controllers, *domain.devices.others_than(Controller)])


def add_controllers(domain: Domain, target: Target) -> Completion:
    """libvirt's USB controller, the machine's own buses, models that are not given, and what devices plug into."""
    if not target.is_understood:
        return domain
    yield from _check_usb(domain.devices.of(UsbController))
    controllers = _Controllers(controller.with_default_model(target) for controller in domain.devices.of(Controller))
    if target.has_pci:
        yield from _add_defaults(controllers, target)
    wanting: dict[str, list[tuple[Device, int]]] = {}
    for device in domain.devices.every:
        key = device.plugs_into
        if key is not None:
            wanting.setdefault(key[0], []).append((device, key[1]))
    for kind in _IMPLIED:
        if kind in wanting:
            yield from _add_implied(controllers, kind, wanting[kind])
    _add_adapters(controllers, domain.devices.with_own("copies_controller"))
    return _with(domain, [controller.with_default_model(target) for controller in controllers.every])


def _add_defaults(controllers: _Controllers, target: Target) -> _Addition:
    """What machines with PCI always have."""
    if controllers.find("usb", 0) is None:
        for usb in default_usb(target):
            controllers.add(usb)
    if target.family.chipset.sata is not None and controllers.find("sata", 0) is None:
        controllers.add(_made("sata", 0, Places(target.place)))
    model = "pcie-root" if target.has_express else "pci-root"
    bus = controllers.find("pci", 0)
    if bus is None:
        root = PcieRoot if target.has_express else PciRoot
        controllers.add(root(type="pci", index=0))
    elif not isinstance(bus, Root):
        message = "index 0 is the machine's own PCI bus"
        hint = f"it is a {model}"
        if not bus.given("index"):
            message = f"the first PCI controller without an index gets index 0, and that is the machine's own {model}"
            hint = "give this one an index"
        yield Refusal(place=bus.place("model"), message=message, hint=hint)


def _made(kind: str, index: int, places: Places, like: Controller | None = None) -> Controller:
    values: dict[str, Any] = {"type": kind, "index": index}
    model = getattr(like, "model", None)
    if model is not None:
        values["model"] = model
    controller = Controller.choices[kind](**values, places=places)
    assert isinstance(controller, Controller)
    return controller


def _add_implied(controllers: _Controllers, kind: str, wanting: list[tuple[Device, int]]) -> _Addition:
    """The controllers of one type that devices plug into, each by its index, and nobody names."""
    fills_gaps = getattr(Controller.choices[kind], "fills_gaps", False)
    filled = 0  # Below this index there is one of each.
    for device, last in wanting:
        if device.copies_controller:
            continue
        if last > 255:
            message = f"there is no {kind} controller {last}: indexes end at 255"
            yield Refusal(place=device.place("address"), message=message)
            continue
        for index in range(filled, last + 1) if fills_gaps else (last,):
            if controllers.find(kind, index) is None:
                controllers.add(_made(kind, index, Places(device.place("address"))))
        filled = max(filled, last + 1)


def _add_adapters(controllers: _Controllers, devices: Iterable[Device]) -> None:
    """The SCSI controllers that these host devices take, up to the highest, all of the model of the last that one of
    them is on (``virDomainDefMaybeAddHostdevSCSIcontroller``)."""
    highest, places, like = -1, Places(), None
    for device in devices:
        # Without an address it is on the first one, for the time being.
        number = key[1] if (key := device.plugs_into) is not None else 0
        if number > highest:
            highest, places = number, Places(device.place("address"))
            found = controllers.find("scsi", number)
            like = found if found is not None and getattr(found, "model", None) is not None else like
    for index in range(highest + 1):
        if controllers.find("scsi", index) is None:
            controllers.add(_made("scsi", index, places, like))


def _check_usb(usb: Sequence[UsbController]) -> Check:
    """USB that is disabled and not, and companions of nothing."""
    none = [controller for controller in usb if controller.model == "none"]
    others = [controller for controller in usb if controller.model != "none"]
    for extra in [*none[1:], *others] if none else ():
        message = f"USB is disabled for this domain, by the controller in line {none[0].place().line}"
        yield Refusal(place=extra.place("model"), message=message)
    masters = {controller.number for controller in others if not controller.is_companion}
    for companion in others:
        if companion.is_companion and companion.number not in masters:
            message = f"no USB controller with index {companion.number} is there for this one to be a companion of"
            hint = "add <controller type='usb' model='ich9-ehci1'/> with the same index"
            yield Refusal(place=companion.place(), message=message, hint=hint)


def number_buses(domain: Domain) -> Completion:
    """The bus numbers of expander buses."""
    numbers = yield from number_expanders(domain.devices.of(Expander))
    return domain.with_each(
        Expander, lambda bus: bus.replace(bus_nr=numbers[bus.number]) if bus.number in numbers else bus
    )


def check_controllers(domain: Domain, target: Target) -> Check:
    """What the machine, or the rest of the domain, does not allow of each controller."""
    nodes = len(domain.cpu.numa.cells) if domain.cpu is not None and domain.cpu.numa is not None else 0
    threads = {thread.id for thread in domain.threads}
    for controller in domain.devices.of(Controller):
        for broken in (*controller.machine_rules(target), *controller.domain_rules(nodes, threads)):
            yield broken.at(controller.place, controller.element)
