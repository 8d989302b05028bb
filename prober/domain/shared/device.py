"""The base of all devices: what aliases, addresses and the rest of the pipeline need to know of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from prober.commandline.options import Option, Property, Value
from prober.domain.shared.address import Address, DriveAddress, PciAddress, Spot
from prober.domain.shared.slots import Kinds
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked
from prober.xml.values import DeviceName, PositiveCount


class Device(Checked):
    """One device element.

    ``alias`` (libvirt's name for it, QEMU's id) and ``address`` are filled in by completing.  A class says
    what it is by attributes, so that nothing else has to switch over device types.
    """

    #: The XML element's name; a class that names it itself is what ``<devices>`` reads that element as.
    element: ClassVar[str]
    #: What its alias begins with; a number follows.
    alias_prefix: ClassVar[str] = ""
    #: Whether a device that has a name of its own leaves its number to the next: libvirt counts some kinds by the
    #: names it has given, and others by their place (11.3, ``qemuAssignDeviceAliases``).
    numbered_by_names: ClassVar[bool] = False

    #: Whether a controller that is added for it is of the model of the one before
    #: (``virDomainDefMaybeAddHostdevSCSIcontroller``).
    copies_controller: ClassVar[bool] = False

    #: libvirt keeps the names that begin with ``ua-``; others are its own from an earlier start.
    user_alias: Annotated[
        DeviceName | None, At("alias/@name"), Becomes("the device's `id`, if it begins with `ua-`")
    ] = None
    #: The number that the guest's firmware calls a PCI device by.
    acpi_index: Annotated[PositiveCount | None, At("acpi/@index"), Becomes("`acpi-index`")] = None

    alias: str | None = None

    #: The controller that its address leads to, with its alias: filled in by completing.  A device on the machine's own
    #: PCI bus has none, as nothing makes that bus.
    parent: Device | None = None

    @property
    def own_name(self) -> str | None:
        """The name that the domain gives it, if it is the user's and not one that libvirt gave (``ua-``, and no dot:
        11.3, ``virDomainDeviceInfoParseXML``)."""
        given = self.user_alias
        return given if given is not None and given.startswith("ua-") and "." not in given else None

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it; ``number`` counts the devices of its class, from 0."""
        return f"{self.alias_prefix}{number}"

    def name_on(self, parent: Device | None, number: int, target: Target) -> str:
        """The same, for a device that may be named after the controller that it sits on."""
        return self.name_for(number, target)

    def plug(self, target: Target) -> Kinds | None:
        """What kind of PCI slot it needs, or None where it is no PCI device."""
        return None

    def fixed_address(self, target: Target) -> tuple[int, int, int] | None:
        """Bus, slot and function, where the machine itself puts this device there."""
        return None

    def chipset_spots(self, number: int, target: Target) -> tuple[Spot, ...]:
        """Where the chipset of this machine has such a device: the first of these spots on bus 0 that is in an unused
        slot is taken before any other device gets one.  ``number`` counts the devices of its element, from 0.

        Only asked of a device whose address is not given.  The primary video is such a device (slot 2 of pc, slot 1
        of q35), and an ICH9 sound card (slot 1b of q35).
        """
        return ()

    def is_placed_early(self, number: int, target: Target) -> bool:
        """Whether it gets the next slot at once, before all others, where its ``chipset_spots`` are taken: video."""
        return False

    @property
    def shared_slot(self) -> tuple[object, int] | None:
        """Where it shares a PCI slot with others: what names the slot among all, and its function there.

        The first of them gets the slot (a USB 2 controller and its companions).
        """
        return None

    @property
    def may_be_mmio(self) -> bool:
        """Whether it can sit on one of the machine's own transports of virtio, in place of PCI."""
        return False

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port.  It then has a field ``address``, and gets a :class:`UsbAddress` there."""
        return False

    @property
    def plugs_into(self) -> tuple[str, int] | None:
        """The type and index of the controller that its address leads to.

        Disks and SCSI host devices say it themselves, as an address of type ``drive`` does not tell the type.
        Controllers of other types than ``pci`` and ``usb`` are added where the XML has none.
        """
        address: Address | None = getattr(self, "address", None)
        return address.controller_key if address is not None else None

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """What a disk with this address says, plugged into this device: for controllers of disks."""
        return iter(())

    def argv_turn(self) -> tuple[int, int]:
        """Where it stands among the devices of its class; the order of the XML where all are equal."""
        return 0, 0

    def is_builtin(self, target: Target) -> bool:
        """Whether the machine brings it along, so that it is not on the command line."""
        return False

    def emit(self, target: Target) -> Iterator[Option]:
        """Its options.  Only a completed device can be emitted."""
        raise NotImplementedError

    @property
    def shares_alias(self) -> bool:
        """Whether another device may have the same alias, as it is not QEMU's id of this one."""
        return False

    def cpu_properties(self) -> Iterator[Property]:
        """What it adds to ``-cpu``: a device that is none of QEMU's, and shows in the CPU."""
        return iter(())

    @property
    def id(self) -> str:
        """The alias of a completed device."""
        assert self.alias is not None, f"<{self.element}> was not completed"
        return self.alias

    def address_properties(self, target: Target) -> list[Property]:
        """What a completed device says of where it sits, whatever the kind of address
        (libvirt, ``qemuBuildDeviceAddressProps``)."""
        address: Address | None = getattr(self, "address", None)
        if address is None:
            return []
        if isinstance(address, PciAddress):
            return self._on_pci(address, target)
        place = self.place("address")
        return [Property(name, value, place) for name, value in address.properties_on(self.parent)]

    def pci_properties(self, target: Target) -> list[Property]:
        """``bus`` and ``addr`` (and ``multifunction``) of a completed PCI device."""
        address: Address | None = getattr(self, "address", None)
        return self._on_pci(address, target) if isinstance(address, PciAddress) else []

    def _on_pci(self, address: PciAddress, target: Target) -> list[Property]:
        place = self.place("address")
        properties = [Property("bus", self.pci_bus(target), place)]
        if address.multifunction is not None:
            properties.append(Property("multifunction", address.multifunction, place))
        if self.acpi_index is not None:
            properties.append(Property("acpi-index", self.acpi_index, self.place("acpi_index")))
        function = f".{address.function:#x}" if address.function else ""
        properties.append(Property("addr", f"{address.slot:#x}{function}", place))
        return properties

    def pci_bus(self, target: Target) -> str:
        """The name of the PCI bus that it sits on: the id of the controller, but for the machine's own bus."""
        return target.root_bus if self.parent is None else self.parent.id


class Bootable(Device):
    """A device that a guest can boot from; ``boot_dev`` is what ``<os><boot dev>`` calls its kind."""

    boot_dev: ClassVar[str]

    boot_order: Annotated[PositiveCount | None, At("boot/@order", required=True), Becomes("`bootindex`")] = None
    loadparm: Annotated[str | None, At("boot/@loadparm"), Becomes("refused: only s390 machines have it")] = None
    #: Its turn in booting, filled in by completing.
    bootindex: int | None = None

    @property
    def boot_kind(self) -> str:
        """What ``<os><boot dev>`` calls it."""
        return self.boot_dev

    def boot_properties(self) -> list[Property]:
        """``bootindex``, where it has a turn."""
        return [] if self.bootindex is None else [Property("bootindex", self.bootindex, self.place("boot_order"))]
