"""``type='hostdev'``: a network card of the host that becomes the guest's, and the host device of a network's pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.devices.interface.base import Interface, NetModel
from prober.devices.interface.hostside import HOST, VirtualPort, Vlan
from prober.domain.shared.address import PciAddress
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.vfio import IOMMUFD, ByteNumber, HostPci, SlotNumber, vfio_host
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import DeviceName, Line, MacAddress, PciDomain, PciFunction, Uuid, YesNo


class HostdevInterface(Interface):
    """The card is a PCI device of the host.  libvirt sets its MAC address, VLAN and port before it hands it over."""

    tag = ""
    # Before all <hostdev>, as libvirt lists it among those, first.

    type: Annotated[Literal["hostdev"], At("@type"), Becomes("`vfio-pci`")] = "hostdev"
    managed: Annotated[YesNo | None, At("@managed"), Neutral(HOST)] = None
    mac: Annotated[MacAddress | None, At("mac/@address"), Neutral(HOST)] = None
    model: Annotated[NetModel | None, At("model/@type"), Neutral("a card of the host is what it is")] = None
    driver_name: Annotated[
        Literal["vfio", "kvm", "xen"] | None, At("driver/@name"), Becomes("`vfio-pci`, which is the only way today")
    ] = None
    driver_model: Annotated[DeviceName | None, At("driver/@model"), Neutral(HOST)] = None
    iommufd: Annotated[
        YesNo | None, At("driver/@iommufd"), Becomes("`iommufd`; without it `<iommufd>` has the say")
    ] = None
    source_type: Annotated[Literal["pci"], At("source/address/@type"), Becomes("`host`")]
    source_domain: Annotated[PciDomain, At("source/address/@domain"), Becomes("`host`")] = 0
    source_bus: Annotated[ByteNumber, At("source/address/@bus"), Becomes("`host`")] = 0
    source_slot: Annotated[SlotNumber, At("source/address/@slot"), Becomes("`host`")] = 0
    source_function: Annotated[PciFunction, At("source/address/@function"), Becomes("`host`")] = 0
    source_network: Annotated[
        Line | None, At("source/@network"), Neutral("what libvirt shows beside the device of a network")
    ] = None
    portid: Annotated[Uuid | None, At("source/@portid"), Neutral("libvirt's name of a port while the guest runs")] = (
        None
    )
    virtualport: Annotated[VirtualPort | None, At("virtualport")] = None
    vlan: Annotated[Vlan | None, At("vlan")] = None

    def rules(self) -> Iterator[Broken]:
        """How host devices are handed over, and a virtual port that is whole."""
        yield from super().rules()
        if self.driver_name not in (None, "vfio"):
            yield Broken("driver_name", f"QEMU has no way of the name {self.driver_name} to hand a host device over")
        if self.virtualport is not None:
            yield from self.virtualport.missing()
        if self.teaming is not None and self.teaming.type == "persistent":
            yield Broken("teaming", "the persistent member of a team is a virtio card, not a host device")
        if self.address is not None and not isinstance(self.address, PciAddress):
            yield Broken("address", "a PCI device of the host has an address of type 'pci'")

    @property
    def is_hostdev(self) -> bool:
        """Always."""
        return True

    @property
    def source_key(self) -> tuple[object, ...]:
        """The device, as a ``<hostdev>`` of type pci says it."""
        return "pci", self.host_device

    @property
    def host_device(self) -> HostPci:
        """The device of the host."""
        return HostPci(self.source_domain, self.source_bus, self.source_slot, self.source_function)

    def plug(self, target: Target) -> Kinds | None:
        """Network cards that can be handed over are Express."""
        return Plug.pcie(target)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """It stands among the host devices."""
        return iter(())

    def emit_hostdev(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        driver, managed = self.driver_model, bool(self.managed)
        words, iommufd = list(self._words()), bool(self.iommufd)
        yield make_vfio(self, self.host_device, target, words, driver=driver, managed=managed, iommufd=iommufd)

    def _words(self) -> Iterator[str]:
        if self.mac is not None:
            yield f"set its MAC address to {self.mac}"
        if self.vlan is not None:
            yield f"put it into the VLANs {self.vlan}"
        if self.virtualport is not None:
            yield f"make it known as a virtual port of type {self.virtualport}"


def make_vfio(
    interface: Interface,
    device: HostPci,
    target: Target,
    words: list[str],
    *,
    driver: str | None = None,
    managed: bool,
    iommufd: bool = False,
) -> options.DeviceOption:
    """``vfio-pci`` for an interface (libvirt 11.3, ``qemuBuildPCIHostdevDevProps``)."""
    host = vfio_host(device, interface.id, words=words, driver=driver, managed=managed, iommufd=iommufd)
    properties = [
        Property("host", host, interface.place("source_bus")),
        Property("id", interface.id, interface.place()),
        *interface.boot_properties(),
    ]
    if iommufd:
        properties.append(Property("iommufd", IOMMUFD, interface.place()))
    team = interface.teaming
    if team is not None and team.type == "transient" and team.persistent is not None:
        properties.append(Property("failover_pair_id", team.persistent, interface.place("teaming")))
    properties += interface.address_properties(target)
    properties += interface.rom_properties()
    return options.DeviceOption("vfio-pci", tuple(properties), interface.place())
