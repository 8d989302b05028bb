"""``<controller type='usb'>``: the one that libvirt adds to every domain, and how to do without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias, cast

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import PciAddress, Spot
from prober.domain.shared.slots import Kinds, Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import Count

#: QEMU's device for each model.
_DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "piix3-uhci": "piix3-usb-uhci",
        "piix4-uhci": "piix4-usb-uhci",
        "ehci": "usb-ehci",
        "ich9-ehci1": "ich9-usb-ehci1",
        "ich9-uhci1": "ich9-usb-uhci1",
        "ich9-uhci2": "ich9-usb-uhci2",
        "ich9-uhci3": "ich9-usb-uhci3",
        "vt82c686b-uhci": "vt82c686b-usb-uhci",
        "pci-ohci": "pci-ohci",
        "nec-xhci": "nec-usb-xhci",
        "qemu-xhci": "qemu-xhci",
    }
)

#: How many ports each has, where that is not two (libvirt 11.3, ``virDomainUSBAddressControllerModelToPorts``).
#: The ICH9's UHCIs lend theirs to the EHCI of their index.
_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "none": 0, "ehci": 6, "ich9-ehci1": 6, "ich9-uhci1": 0, "ich9-uhci2": 0, "ich9-uhci3": 0, "pci-ohci": 3,
        "nec-xhci": 4, "qemu-xhci": 4,
    }
)  # fmt: skip

#: The parts of the ICH9's USB 2, and the function that each is in their slot.
_FUNCTIONS: Mapping[str, int] = MappingProxyType({"ich9-ehci1": 7, "ich9-uhci1": 0, "ich9-uhci2": 1, "ich9-uhci3": 2})

UsbModel: TypeAlias = Literal[
    "none", "piix3-uhci", "piix4-uhci", "ehci", "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3",
    "vt82c686b-uhci", "pci-ohci", "nec-xhci", "qemu-xhci", "qusb1", "qusb2",
]  # fmt: skip

#: The first port of the EHCI that each companion serves.
_FIRST_PORTS: Mapping[UsbModel, int] = MappingProxyType({"ich9-uhci1": 0, "ich9-uhci2": 2, "ich9-uhci3": 4})

_XHCI = ("nec-xhci", "qemu-xhci")

#: More than an xHCI of QEMU can have (``QEMU_USB_XHCI_MAXPORTS``).
_MOST_PORTS = 15


class Master(Element):
    """``<master>``: the controller of the same index whose ports this one serves."""

    startport: Annotated[Count, At("@startport"), Becomes("`firstport`")] = 0


class UsbController(Controller):
    """``model='none'`` keeps libvirt, and prober, from adding one; without a model it is the PIIX3's, or an xHCI."""

    tag = ""
    controller_type = "usb"
    emit_turn = 10

    type: Annotated[Literal["usb"], At("@type"), Becomes("the device")] = "usb"
    model: Annotated[UsbModel, At("@model"), Becomes("the device; `none` has none")] = "piix3-uhci"
    ports: Annotated[Count | None, At("@ports"), Becomes("`p2` and `p3`")] = None
    master: Annotated[Master | None, At("master"), Becomes("`masterbus`")] = None
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    #: The id of the controller that it is a companion of; filled in by completing.
    master_id: str | None = None

    @property
    def is_companion(self) -> bool:
        """Whether it is a companion of the EHCI with its index: as the XML says, or by its model."""
        return self.master is not None or self.model in _FIRST_PORTS

    @property
    def group_model(self) -> str | None:
        """The parts of an ICH9's USB 2 have one index."""
        return self.model if self.model in _FUNCTIONS else None

    @property
    def shares_alias(self) -> bool:
        """A companion has no id."""
        return self.is_companion

    def name_for(self, number: int, target: Target) -> str:
        """The first is called ``usb`` without a number."""
        return "usb" if self.number == 0 else f"usb{self.number}"

    def with_default_model(self, target: Target) -> Controller:
        """The first of the machine's usual ones that the binary has."""
        models = target.family.usb_defaults.models
        if self.given("model") or self.model != "piix3-uhci" or models == ("piix3-uhci",):
            return self
        return self.replace(model=next((model for model in models if target.caps.has(_DRIVERS[model])), models[0]))

    def with_peers(self, controllers: Iterable[Controller]) -> Controller:
        """A companion knows its master."""
        if not self.is_companion:
            return self
        masters = (c for c in controllers if c.controller_type == "usb" and c.index == self.index)
        return self.replace(master_id=next((c.alias for c in masters if not c.is_companion), None))

    def plug(self, target: Target) -> Kinds | None:
        """xHCI is Express, the others are conventional."""
        if self.model == "none":
            return None
        return Plug.pcie(target) if self.model in _XHCI else Plug.pci()

    def fixed_address(self, target: Target) -> Spot | None:
        """The PIIX3's own USB is function 2 of slot 1."""
        return target.family.chipset.usb if self.number == 0 and self.model == "piix3-uhci" else None

    def chipset_spots(self, number: int, target: Target) -> tuple[Spot, ...]:
        """Where real Q35 hardware has its first and its second USB 2."""
        wanted = self.model == "ich9-uhci1" and self.address is None
        return target.family.chipset.usb2_spots if wanted else ()

    @property
    def shared_slot(self) -> tuple[object, int] | None:
        """The parts of an ICH9's USB 2 are functions of one slot."""
        function = _FUNCTIONS.get(self.model)
        return None if function is None else (("usb 2", self.number), function)

    @property
    def ports_count(self) -> int:
        """How many ports it has for devices."""
        if self.model in _XHCI and self.ports is not None:
            return self.ports
        return _PORTS.get(self.model, 2)

    def rules(self) -> Iterator[Broken]:
        """Nothing has nothing to set, and who may say how many ports it has."""
        if self.model in ("qusb1", "qusb2"):
            yield Broken("model", f"model='{self.model}' is for Xen")
        if self.model == "none":
            for name in ("ports", "master"):
                if self.given(name):
                    yield Broken(name, "model='none' has no controller to set this on")
        elif self.ports is not None and self.model not in _XHCI:
            yield Broken("ports", "only an xHCI (model='qemu-xhci') can be told how many ports it has")
        if self.model in _XHCI and self.ports is not None and not 1 <= self.ports <= _MOST_PORTS:
            yield Broken("ports", f"an xHCI has 1 to {_MOST_PORTS} ports")

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """The place of the PIIX3's own USB is on a bus of conventional PCI (``qemuDomainCollectPCIAddress``)."""
        address = self.address.numbers if self.address is not None else None
        if target.has_express and self.number == 0 and self.model == "piix3-uhci" and address == (0, 1, 2):
            message = f"{self.address} is the place of the PIIX3's own USB, and machine {target.kind} has no PIIX3"
            yield Broken("address", message)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, or nothing."""
        if self.model in _DRIVERS:
            properties = (*self._own(), *self.pci_properties(target))
            yield options.DeviceOption(_DRIVERS[self.model], properties, self.place("model"))

    def _own(self) -> Iterator[Property]:
        if self.ports is not None:
            yield Property("p2", self.ports, self.place("ports"))
            yield Property("p3", self.ports, self.place("ports"))
        if not self.is_companion:
            yield self.identity()
            return
        first = _FIRST_PORTS[self.model] if self.master is None else self.master.startport
        yield Property("masterbus", f"{self.master_id}.0", self.place("master"))
        yield Property("firstport", first, self.place("master"))


def default_usb(target: Target) -> list[UsbController]:
    """What libvirt adds where the XML says nothing (``qemuDomainDefAddDefaultDevices``): the first model of the
    machine's family that the binary has, with the rest of a USB 2; or nothing."""
    models = [model for model in target.family.usb_defaults.added if target.caps.has(_DRIVERS[model])][:1]
    if models == ["ich9-ehci1"]:
        models += _FIRST_PORTS
    return [UsbController(type="usb", model=cast(UsbModel, model), index=0) for model in models]
