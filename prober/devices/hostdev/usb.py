"""``<hostdev type='usb'>``: a USB device of the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken
from prober.devices.hostdev.base import Hostdev
from prober.domain.shared.address import Address, UsbAddress
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import YesNo, number_in

#: What a guest's reset does: that of the device, and that of one that the host has configured.
_RESETS = {"off": (False, None), "uninitialized": (True, False), "on": (True, True)}

HostUsbId = Annotated[int, number_in(0, 0xFFFF)]
UsbNumber = Annotated[int, number_in(0, 999)]


class UsbHostdev(Hostdev):
    """Named by its place on the host, or by what it is, which the host has to look for."""

    tag = ""

    type: Annotated[Literal["usb"], At("@type"), Becomes("`usb-host`")] = "usb"
    vendor: Annotated[HostUsbId | None, At("source/vendor/@id"), Becomes("`hostdevice`, by the host's choice")] = None
    product: Annotated[HostUsbId | None, At("source/product/@id"), Becomes("`hostdevice`, by the host's choice")] = None
    source_bus: Annotated[
        UsbNumber | None, At("source/address/@bus"), Becomes("`hostdevice`, before QEMU 5.1 `hostbus`")
    ] = None
    source_device: Annotated[
        UsbNumber | None, At("source/address/@device"), Becomes("`hostdevice`, before QEMU 5.1 `hostaddr`")
    ] = None
    startup_policy: Annotated[
        Literal["mandatory", "requisite", "optional"] | None,
        At("source/@startupPolicy"),
        Neutral("what to do where the host does not have it; its resource says it"),
    ] = None
    auto_address: Annotated[
        YesNo | None, At("source/@autoAddress"), Neutral("libvirt's note of who found the place on the host")
    ] = None
    guest_reset: Annotated[
        Literal["off", "uninitialized", "on"] | None,
        At("source/@guestReset"),
        Becomes("`guest-reset` and `guest-resets-all`"),
    ] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `port`")] = None

    def rules(self) -> Iterator[Broken]:
        """Both halves of each name (libvirt 11.3, ``virDomainHostdevSubsysUSBDefParseXML``)."""
        yield from super().rules()
        if (self.vendor is None) != (self.product is None):
            yield Broken("vendor" if self.product is None else "product", "<vendor> and <product> go together")
        if self.vendor == 0:
            yield Broken("vendor", "a vendor's id is not 0")
        if (self.source_bus is None) != (self.source_device is None):
            yield Broken("source_bus" if self.source_device is None else "source_device", "bus and device go together")
        if self.vendor is None and not self.has_place:
            yield Broken("", "a USB device of the host needs <vendor> and <product>, or <address bus=… device=…>")
        if self.address is not None and not isinstance(self.address, UsbAddress):
            yield Broken("address", "a USB device of the host has an address of type 'usb'")

    @property
    def has_place(self) -> bool:
        """Whether its place on the host is given; 0 is none."""
        return bool(self.source_bus) and bool(self.source_device)

    @property
    def is_usb(self) -> bool:
        """It gets a port."""
        return True

    @property
    def source_key(self) -> tuple[object, ...]:
        """The place, or else what it is."""
        if self.has_place:
            return "usb", self.source_bus, self.source_device
        return "usb-id", self.vendor, self.product

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """What older QEMUs cannot do."""
        if not self.has_place and not target.caps.has("usb-host.hostdevice"):
            yield Broken("vendor", "this QEMU needs <address bus=… device=…> beside vendor and product")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildUSBHostdevDevProps``."""
        properties = [*self._host(target), self.identity(), *self.boot_properties()]
        if self.guest_reset is not None:
            reset, resets_all = _RESETS[self.guest_reset]
            place = self.place("guest_reset")
            properties.append(Property("guest-reset", reset, place))
            if resets_all is not None:
                properties.append(Property("guest-resets-all", resets_all, place))
        properties += self.address_properties(target)
        yield options.DeviceOption("usb-host", tuple(properties), self.place())

    def _host(self, target: Target) -> Iterator[Property]:
        bus, device = self.source_bus or 0, self.source_device or 0
        place = self.place("source_bus" if self.has_place else "vendor")
        if target.caps.has("usb-host.hostdevice"):
            path = Prepared(f"/dev/bus/usb/{bus:03}/{device:03}", Need("usb", self.id, self._todo()))
            yield Property("hostdevice", path, place)
        else:
            yield Property("hostbus", bus, self.place("source_bus"))
            yield Property("hostaddr", device, self.place("source_device"))

    def _todo(self) -> str:
        if self.has_place:
            todo = "let QEMU open this USB device for reading and writing"
        else:
            name = f"{self.vendor or 0:04x}:{self.product or 0:04x}"
            todo = f"put the path of the USB device {name} here, /dev/bus/usb/BUS/DEVICE, and let QEMU open it"
        if self.startup_policy in ("optional", "requisite"):
            todo += "; if the host has no such device, leave this property out"
        return todo
