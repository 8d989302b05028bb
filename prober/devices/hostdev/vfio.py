"""Host devices through VFIO: PCI devices, and mediated devices, which are parts of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken
from prober.devices.hostdev.base import Displayed
from prober.domain.shared.address import Address, PciAddress, UnassignedAddress
from prober.domain.shared.rom import RomDevice
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.vfio import IOMMUFD, ByteNumber, HostPci, SlotNumber, vfio_host
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Neutral
from prober.xml.values import DeviceName, NumberSet, PciDomain, PciFunction, Uuid, YesNo


class HostdevTeaming(Checked):
    """``<teaming>``: the virtio card that stands in for the device during a migration."""

    type: Annotated[Literal["transient"], At("@type"), Neutral("a host device is no other member of a team")]
    persistent: Annotated[DeviceName, At("@persistent"), Becomes("`failover_pair_id`")]


class PciHostdev(Displayed, RomDevice):
    """``type='pci'``: a PCI device of the host."""

    tag = ""

    type: Annotated[Literal["pci"], At("@type"), Becomes("`vfio-pci`")] = "pci"
    driver_name: Annotated[
        Literal["vfio", "kvm", "xen"] | None, At("driver/@name"), Becomes("`vfio-pci`, which is the only way today")
    ] = None
    driver_model: Annotated[
        DeviceName | None, At("driver/@model"), Neutral("the host's driver to bind it to; its resource says it")
    ] = None
    iommufd: Annotated[
        YesNo | None, At("driver/@iommufd"), Becomes("`iommufd`; without it `<iommufd>` has the say")
    ] = None
    nodes: Annotated[
        NumberSet | None, At("acpi/@nodeset"), Becomes("an `-object acpi-generic-initiator` for each NUMA node")
    ] = None
    source_domain: Annotated[PciDomain, At("source/address/@domain"), Becomes("`host`")] = 0
    source_bus: Annotated[ByteNumber, At("source/address/@bus"), Becomes("`host`")] = 0
    source_slot: Annotated[SlotNumber, At("source/address/@slot"), Becomes("`host`")] = 0
    source_function: Annotated[PciFunction, At("source/address/@function"), Becomes("`host`")] = 0
    teaming: Annotated[HostdevTeaming | None, At("teaming")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`, or no device if unassigned")] = None

    #: The number of its first ``acpi-generic-initiator`` in the domain; filled in by completing.
    first_initiator: int = 0

    #: The devices that are taken from the host along with it, as they are of its group; filled in by completing.
    companions: tuple[str, ...] = ()

    def rules(self) -> Iterator[Broken]:
        """How it is handed over, and where to."""
        yield from super().rules()
        if self.driver_name not in (None, "vfio"):
            yield Broken("driver_name", f"QEMU has no way of the name {self.driver_name} to hand a host device over")
        if not any(self.given(f"source_{part}") for part in ("domain", "bus", "slot", "function")):
            yield Broken("", "a PCI device of the host needs <source><address …>")
        if not isinstance(self.address, PciAddress | UnassignedAddress | None):
            yield Broken("address", "a PCI device of the host has an address of type 'pci' or 'unassigned'")

    @property
    def host_device(self) -> HostPci:
        """The device of the host."""
        return HostPci(self.source_domain, self.source_bus, self.source_slot, self.source_function)

    @property
    def source_key(self) -> tuple[object, ...]:
        """The device."""
        return "pci", self.host_device

    @property
    def is_unassigned(self) -> bool:
        """Whether the guest does not get it: it is taken from the host for the others of its group."""
        return isinstance(self.address, UnassignedAddress)

    def plug(self, target: Target) -> Kinds | None:
        """Nearly all devices that can be handed over are Express, and libvirt takes one for it that is not there to be
        looked at (11.3, ``qemuDomainDeviceCalculatePCIConnectFlags``)."""
        return None if self.is_unassigned else Plug.pcie(target)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildPCIHostdevDevProps``."""
        if self.is_unassigned:
            return
        host = vfio_host(
            self.host_device,
            self.id,
            driver=self.driver_model,
            managed=bool(self.managed),
            companions=self.companions,
            iommufd=bool(self.iommufd),
        )
        properties = [Property("host", host, self.place("source_bus")), self.identity(), *self.boot_properties()]
        if self.iommufd:
            properties.append(Property("iommufd", IOMMUFD, self.place("iommufd")))
        if self.teaming is not None:
            properties.append(Property("failover_pair_id", self.teaming.persistent, self.place("teaming")))
        if self.display is not None:
            properties.append(Property("display", self.display, self.place("display")))
        properties += self.ramfb_properties()
        properties += self.address_properties(target)
        properties += self.rom_properties()
        yield options.DeviceOption(self.driver, tuple(properties), self.place())
        for number, node in enumerate(self.nodes or (), self.first_initiator):
            place = self.place("nodes")
            own = (Property("pci-dev", self.id, place), Property("node", node, place))
            yield options.Object("acpi-generic-initiator", f"gi{number}", own, place)


class MdevHostdev(Displayed):
    """``type='mdev'``: a part of a device that its driver has made, as a vGPU."""

    tag = ""

    type: Annotated[Literal["mdev"], At("@type"), Becomes("`vfio-pci`")] = "mdev"
    model: Annotated[Literal["vfio-pci"], At("@model"), Becomes("`vfio-pci`; the other models are of s390")]
    uuid: Annotated[Uuid, At("source/address/@uuid"), Becomes("`sysfsdev`")]
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """A guest cannot boot from one."""
        yield from super().rules()
        if self.boot_order is not None:
            yield Broken("boot_order", "a guest cannot boot from a mediated device")

    @property
    def source_key(self) -> tuple[object, ...]:
        """The part."""
        return "mdev", self.uuid

    def plug(self, target: Target) -> Kinds | None:
        """All of them are Express."""
        return Plug.pcie(target)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildHostdevMediatedDevProps``."""
        todo = f"the mediated device {self.uuid} must be there, and QEMU may open its group in /dev/vfio"
        path = Prepared(f"/sys/bus/mdev/devices/{self.uuid}", Need("mdev", self.id, todo))
        properties = [
            self.identity(),
            Property("sysfsdev", path, self.place("uuid")),
            Property("display", self.display or "off", self.place("display")),
            *self.ramfb_properties(),
            *self.address_properties(target),
        ]
        yield options.DeviceOption(self.driver, tuple(properties), self.place("model"))
