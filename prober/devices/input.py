"""``<input>``: mice, keyboards and tablets, and input devices of the host that are handed to the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.features import Features
from prober.domain.shared.address import Address, PciAddress, UsbAddress, VirtioMmioAddress
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice, VirtioModel
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import AbsolutePath, OnOff

#: QEMU's device for each type, on the buses that have one.
_DRIVERS = {
    ("mouse", "usb"): "usb-mouse",
    ("tablet", "usb"): "usb-tablet",
    ("keyboard", "usb"): "usb-kbd",
    ("mouse", "virtio"): "virtio-mouse-pci",
    ("tablet", "virtio"): "virtio-tablet-pci",
    ("keyboard", "virtio"): "virtio-keyboard-pci",
    ("passthrough", "virtio"): "virtio-input-host-pci",
}

#: What only ``bus='virtio'`` has.
_OF_VIRTIO = ("model", "virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq")


class Input(VirtioDevice):
    """One input device.  x86 machines bring a PS/2 mouse and keyboard along, whether the XML names them or not."""

    element = "input"
    alias_prefix = "input"

    type: Annotated[Literal["mouse", "tablet", "keyboard", "passthrough", "evdev"], At("@type"), Becomes("the device")]
    bus: Annotated[Literal["ps2", "usb", "virtio"] | None, At("@bus"), Becomes("the device; `ps2` has none")] = None
    model: Annotated[VirtioModel | None, At("@model"), Becomes("the device")] = None
    evdev: Annotated[AbsolutePath | None, At("source/@evdev"), Becomes("`evdev` of `virtio-input-host-pci`")] = None
    dev: Annotated[AbsolutePath | None, At("source/@dev"), Becomes("`evdev` of the object `input-linux`")] = None
    grab: Annotated[Literal["all"] | None, At("source/@grab"), Becomes("`grab_all`")] = None
    grab_toggle: Annotated[
        Literal["ctrl-ctrl", "alt-alt", "shift-shift", "meta-meta", "scrolllock", "ctrl-scrolllock"] | None,
        At("source/@grabToggle"),
        Becomes("`grab-toggle`"),
    ] = None
    repeat: Annotated[OnOff | None, At("source/@repeat"), Becomes("`repeat`")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`, or `bus` and `port`")] = None

    #: The bus of mice and keyboards of this machine that name none; filled in by completing.
    usual_bus: Literal["ps2", "usb"] = "ps2"

    @property
    def on(self) -> str:
        """Its bus; libvirt's default (11.3, ``virDomainInputDefPostParse``).  An evdev has none."""
        if self.bus is not None:
            return self.bus
        usual = self.usual_bus
        defaults = {"mouse": usual, "keyboard": usual, "tablet": "usb", "passthrough": "virtio", "evdev": ""}
        return defaults[self.type]

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port."""
        return self.on == "usb"

    @property
    def may_be_mmio(self) -> bool:
        """Where it is virtio's."""
        return self.on == "virtio"

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device, or nothing."""
        return Plug.virtio(target) if self.on == "virtio" else None

    def rules(self) -> Iterator[Broken]:
        """What goes with which type, and with which bus (11.3, ``virDomainInputDefValidate``)."""
        if self.type == "evdev" and self.bus is not None:
            yield Broken("bus", "type='evdev' is on no bus; leave bus out")
        if self.type == "passthrough" and self.on != "virtio":
            yield Broken("bus", "type='passthrough' is for bus='virtio' alone")
        if self.type == "tablet" and self.on == "ps2":
            yield Broken("bus", "there is no PS/2 tablet; understood are bus='usb' and bus='virtio'")
        yield from self._source_rules()
        for name in _OF_VIRTIO if self.on != "virtio" else ():
            if self.given(name):
                yield Broken(name, "belongs to bus='virtio' alone")
        if self.model is not None and self.model != "virtio":
            yield Broken("model", f"model='{self.model}': QEMU has no such input devices; use model='virtio'")
        kinds = {"usb": UsbAddress, "virtio": PciAddress | VirtioMmioAddress}
        if self.address is not None and not isinstance(self.address, kinds.get(self.on, ())):
            what = f"on bus='{self.on}'" if self.on else "of type='evdev'"
            yield Broken("address", f"an input device {what} has no address of this type")

    def _source_rules(self) -> Iterator[Broken]:
        needed = {"passthrough": "evdev", "evdev": "dev"}.get(self.type)
        if needed is not None and getattr(self, needed) is None:
            yield Broken("", f"type='{self.type}' needs <source {needed}=…>")
        for name, of in (("evdev", "passthrough"), ("dev", "evdev")):
            if getattr(self, name) is not None and self.type != of:
                yield Broken(name, f"<source {name}=…> belongs to type='{of}' alone")
        for name in ("grab", "grab_toggle", "repeat"):
            if getattr(self, name) is not None and self.type != "evdev":
                yield Broken(name, "belongs to type='evdev' alone")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, one ``-object``, or nothing for what the machine has."""
        if self.type == "evdev":
            yield options.Object("input-linux", self.id, tuple(self._evdev_properties()), self.place())
            return
        driver = _DRIVERS.get((self.type, self.on))
        if driver is None:
            return
        properties = [*self.properties(), Property("id", self.id, self.place())]
        if self.evdev is not None:
            properties.append(Property("evdev", self._host_device(self.evdev), self.place("evdev")))
        properties += self.address_properties(target)
        yield options.DeviceOption(driver, tuple(properties), self.place("type"))

    def _evdev_properties(self) -> Iterator[Property]:
        assert self.dev is not None
        yield Property("evdev", self._host_device(self.dev), self.place("dev"))
        if self.repeat is not None:
            yield Property("repeat", self.repeat, self.place("repeat"))
        if self.grab is not None:
            yield Property("grab_all", True, self.place("grab"))
        if self.grab_toggle is not None:
            yield Property("grab-toggle", self.grab_toggle, self.place("grab_toggle"))

    def _host_device(self, path: str) -> Prepared:
        todo = f"QEMU reads the host's input device {path} and takes it for itself; its user must be allowed to"
        return Prepared(path, Need("evdev", self.id, todo))


def settle_inputs(domain: Domain, target: Target) -> Completion:
    """Each on the bus that such a device has on this machine; without the PS/2 controller nothing is on that."""
    usual = target.family.defaults.input_bus
    if usual != "ps2":
        domain = domain.with_each(Input, lambda device: device.replace(usual_bus=usual))
    yield from _check_ps2(domain.devices, domain.features)
    if target.is_understood and not target.family.defaults.has_ps2:
        for device in domain.devices.of(Input):
            if device.on == "ps2":
                message = f"machine {target.machine} of {target.caps.target} has no PS/2 controller"
                yield Refusal(place=device.place("bus"), message=message, hint="write bus='usb' or bus='virtio'")
    return domain


def _check_ps2(devices: Devices, features: Features) -> Check:
    """What is on the PS/2 controller, where that is off."""
    if features.ps2 is None or features.ps2.state:
        return
    line = features.place("ps2").line
    for device in devices.of(Input):
        if device.on == "ps2":
            message = f"a PS/2 {device.type} needs the ps2 feature, which is off in line {line}"
            yield Refusal(place=device.place("type"), message=message)
