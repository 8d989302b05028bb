"""What all interfaces share, and the card of those that are no host device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, JsonValue

from prober.commandline import options
from prober.commandline.deeds import SendCommands
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken, Unfit
from prober.devices.interface.hostside import HOST, NetBandwidth
from prober.domain.shared.address import Address
from prober.domain.shared.device import Bootable
from prober.domain.shared.rom import RomDevice
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice, virtio_driver
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element, Neutral, Qemu
from prober.xml.values import DeviceName, MacAddress, NetDeviceName, OnOff, YesNo, number_in

VIRTIO_MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")

#: Cards that are PCI Express (libvirt 11.3, ``qemuDomainDeviceCalculatePCIConnectFlags``).
_EXPRESS_MODELS = ("e1000e", "igb")

#: Models that libvirt knows in any case of letters (11.3, ``virDomainNetModel``); others are QEMU's own names.
_KNOWN_MODELS = {
    name.lower(): name
    for name in (
        *VIRTIO_MODELS,
        *("netfront", "rtl8139", "e1000", "e1000e", "igb", "usb-net", "spapr-vlan", "lan9118", "scm91c111"),
        *("vlance", "vmxnet", "vmxnet2", "vmxnet3", "Am79C970A", "Am79C973", "82540EM", "82545EM", "82543GC"),
    )
}


def _model(text: str) -> str:
    if not text or len(text) > 64 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in text):
        raise Unfit("is not a model of letters, digits, dashes and underscores")
    if text.lower() == "unknown":
        raise Unfit("is no model")
    return _KNOWN_MODELS.get(text.lower(), text)


NetModel = Annotated[str, AfterValidator(_model)]
QueueSize = Annotated[int, number_in(1, 2**31)]
#: The field of the types that are not served by a tap; 0 is as if it were not there.
Queues: TypeAlias = Annotated[
    Annotated[int, number_in(0, 1024)] | None,
    At("driver/@queues"),
    Becomes("`queues` of the `-netdev`, `mq` and `vectors` of the card"),
]


class Teaming(Element):
    """``<teaming>``: two interfaces that are one to the guest, of which one goes away in a migration."""

    type: Annotated[
        Literal["persistent", "transient"],
        At("@type"),
        Becomes("`failover` of the virtio card, or `failover_pair_id` of the host device"),
    ]
    persistent: Annotated[
        DeviceName | None, At("@persistent"), Becomes("`failover_pair_id`: the id of the virtio card")
    ] = None


class Interface(Bootable, RomDevice):
    """A network card, and by its ``type`` what is behind it.  Without ``<mac>`` QEMU chooses an address, the same for
    every domain; libvirt makes one up.
    """

    element = "interface"
    tag = "type"
    alias_prefix = "net"
    numbered_by_names = True
    boot_dev = "network"

    type: Annotated[str, At("@type"), Becomes("the `-netdev`, or for hostdev a `vfio-pci`")]
    trust_guest_rx_filters: Annotated[
        YesNo | None, At("@trustGuestRxFilters"), Neutral("what the host does when the guest changes its addresses")
    ] = None
    mac_type: Annotated[Literal["generated", "static"] | None, At("mac/@type"), Neutral("for VMware's hypervisors")] = (
        None
    )
    mac_check: Annotated[YesNo | None, At("mac/@check"), Neutral("for VMware's hypervisors")] = None
    mac_current: Annotated[
        MacAddress | None, At("mac/@currentAddress"), Neutral("what libvirt reports of a running guest")
    ] = None
    link_state: Annotated[
        Literal["up", "down"] | None,
        At("link/@state"),
        Neutral("set over the monitor before the guest runs; a resource says it of a link that is down"),
    ] = None
    guest_dev: Annotated[NetDeviceName | None, At("guest/@dev"), Neutral("the name inside a container")] = None
    guest_actual: Annotated[NetDeviceName | None, At("guest/@actual"), Neutral("the name inside a container")] = None
    backend_domain: Annotated[DeviceName | None, At("backenddomain/@name"), Neutral("for Xen")] = None
    target_dev: Annotated[NetDeviceName | None, At("target/@dev"), Neutral(HOST)] = None
    target_managed: Annotated[YesNo | None, At("target/@managed"), Neutral(HOST)] = None
    teaming: Annotated[Teaming | None, At("teaming")] = None
    address: Annotated[Address | None, At("address")] = None

    #: Its number among the devices that share the first part of its alias, filled in by completing.
    number: int = 0

    def rules(self) -> Iterator[Broken]:
        """What holds for each type (libvirt 11.3, ``virDomainNetDefValidate``)."""
        yield from super().rules()
        if self.target_managed is False and self.type != "ethernet":
            yield Broken("target_managed", "a device that somebody else manages is for type='ethernet' alone")
        if self.teaming is not None:
            if self.teaming.type == "transient" and self.teaming.persistent is None:
                yield Broken("teaming", "a transient member of a team needs persistent=…, the alias of the other")
            if self.teaming.type == "persistent" and self.teaming.persistent is not None:
                yield Broken("teaming", "persistent=… belongs to the transient member of a team")
            if self.teaming.type == "transient" and self.type not in ("hostdev", "network"):
                yield Broken("teaming", "the transient member of a team is a host device: type='hostdev'")

    @property
    def is_hostdev(self) -> bool:
        """Whether the guest gets a device of the host, and stands among those."""
        return False

    @property
    def source_key(self) -> tuple[object, ...]:
        """What tells its host device from others, as that of a ``<hostdev>``; empty where it is none."""
        return ()

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias (``qemuAssignDeviceNetAlias``)."""
        return f"{'hostdev' if self.is_hostdev else 'net'}{self.number}"

    def emit_hostdev(self, target: Target) -> Iterator[options.Option]:
        """The host device, for those that are one."""
        return iter(())


class CardInterface(Interface, VirtioDevice):
    """An interface with a card of QEMU's, on some ``-netdev``."""

    #: The card where the XML names none; empty for the first that the binary has.
    default_model: ClassVar[str] = ""

    mac: Annotated[MacAddress | None, At("mac/@address"), Becomes("`mac`")] = None
    model: Annotated[NetModel | None, At("model/@type"), Becomes("the driver of the `-device`")] = None
    driver_name: Annotated[
        Literal["qemu", "vhost"] | None, At("driver/@name"), Neutral("tells how a tap is served; here is none")
    ] = None
    txmode: Annotated[
        Literal["iothread", "timer"] | None, At("driver/@txmode"), Becomes("`tx`: `bh` for iothread, or `timer`")
    ] = None
    ioeventfd: Annotated[OnOff | None, At("driver/@ioeventfd"), Qemu("ioeventfd")] = None
    event_idx: Annotated[OnOff | None, At("driver/@event_idx"), Qemu("event_idx")] = None
    rx_queue_size: Annotated[QueueSize | None, At("driver/@rx_queue_size"), Qemu("rx_queue_size")] = None
    tx_queue_size: Annotated[QueueSize | None, At("driver/@tx_queue_size"), Qemu("tx_queue_size")] = None
    rss: Annotated[OnOff | None, At("driver/@rss"), Qemu("rss")] = None
    rss_hash_report: Annotated[OnOff | None, At("driver/@rss_hash_report"), Qemu("hash")] = None
    host_csum: Annotated[OnOff | None, At("driver/host/@csum"), Qemu("csum")] = None
    host_gso: Annotated[OnOff | None, At("driver/host/@gso"), Qemu("gso")] = None
    host_tso4: Annotated[OnOff | None, At("driver/host/@tso4"), Qemu("host_tso4")] = None
    host_tso6: Annotated[OnOff | None, At("driver/host/@tso6"), Qemu("host_tso6")] = None
    host_ecn: Annotated[OnOff | None, At("driver/host/@ecn"), Qemu("host_ecn")] = None
    host_ufo: Annotated[OnOff | None, At("driver/host/@ufo"), Qemu("host_ufo")] = None
    host_mrg_rxbuf: Annotated[OnOff | None, At("driver/host/@mrg_rxbuf"), Qemu("mrg_rxbuf")] = None
    guest_csum: Annotated[OnOff | None, At("driver/guest/@csum"), Qemu("guest_csum")] = None
    guest_tso4: Annotated[OnOff | None, At("driver/guest/@tso4"), Qemu("guest_tso4")] = None
    guest_tso6: Annotated[OnOff | None, At("driver/guest/@tso6"), Qemu("guest_tso6")] = None
    guest_ecn: Annotated[OnOff | None, At("driver/guest/@ecn"), Qemu("guest_ecn")] = None
    guest_ufo: Annotated[OnOff | None, At("driver/guest/@ufo"), Qemu("guest_ufo")] = None
    backend_type: Annotated[
        Literal["default", "passt"] | None,
        At("backend/@type"),
        Becomes("`stream` or `vhost-user` to passt"),
    ] = None

    #: Of a tap; libvirt sets none on interfaces of other types, and warns (11.3, ``qemuBuildInterfaceCommandLine``).
    bandwidth: Annotated[NetBandwidth | None, At("bandwidth")] = None

    #: What has no meaning without virtio, beside the options of ``<driver>`` that all virtio devices have.
    virtio_only: ClassVar[tuple[str, ...]] = (
        *("virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq"),
        *("txmode", "ioeventfd", "event_idx", "rx_queue_size", "tx_queue_size", "rss", "rss_hash_report"),
        *("host_csum", "host_gso", "host_tso4", "host_tso6", "host_ecn", "host_ufo", "host_mrg_rxbuf"),
        *("guest_csum", "guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo"),
    )

    @property
    def may_be_mmio(self) -> bool:
        """Where it is virtio's."""
        return self.model in (None, "virtio")

    def rules(self) -> Iterator[Broken]:
        """What only a virtio card has, and the kinds of addresses."""
        yield from super().rules()
        if not self.is_virtio:
            for name in self.virtio_only:
                if getattr(self, name) is not None:
                    yield Broken(name, "this is for <model type='virtio'/> alone")
            if self.teaming is not None and self.teaming.type == "persistent":
                yield Broken("teaming", "the persistent member of a team needs <model type='virtio'/>")
        for name in ("rx_queue_size", "tx_queue_size"):
            size = getattr(self, name)
            if size is not None and size & (size - 1):
                yield Broken(name, f"{name} is a power of two, not {size}")
        inbound = self.bandwidth.inbound if self.bandwidth is not None else None
        if inbound is not None and inbound.floor is not None and self.type != "network":
            yield Broken("bandwidth", "a floor is for type='network' alone")
        if self.backend_type == "passt" and self.type not in ("user", "vhostuser"):
            yield Broken("backend_type", "passt serves interfaces of type user and vhostuser alone")
        yield from self._address_rules()

    def _address_rules(self) -> Iterator[Broken]:
        if self.address is None:
            return
        wanted = "usb" if self.model == "usb-net" else "pci"
        kind: str = getattr(self.address, "type", "")
        if kind != wanted and not (self.may_be_mmio and kind == "virtio-mmio"):
            yield Broken("address", f"this card has an address of type '{wanted}', not '{kind}'")

    @property
    def is_virtio(self) -> bool:
        """Whether the card is a virtio card, as far as the XML tells."""
        return (self.model or self.default_model) in VIRTIO_MODELS

    @property
    def is_usb(self) -> bool:
        """Whether the card sits on a USB port."""
        return self.model == "usb-net"

    @property
    def queue_count(self) -> int:
        """How many pairs of queues the card has; one for the types that cannot have more."""
        return getattr(self, "queues", None) or 1

    @property
    def host_mtu(self) -> int | None:
        """The MTU that the guest is told, for the types that have one."""
        return None

    def plug(self, target: Target) -> Kinds | None:
        """virtio and the newer cards of Intel are Express, the older ones are not."""
        if self.model == "usb-net":
            return None
        if self.model in ("virtio", "virtio-non-transitional"):
            return Plug.virtio(target)
        # libvirt takes a card that it does not know by name for a new one.
        if self.model in _EXPRESS_MODELS or self.model not in _KNOWN_MODELS.values():
            return Plug.pcie(target)
        return Plug.pci()

    def emit(self, target: Target) -> Iterator[options.Option]:
        """What the ``-netdev`` needs, it, and the card on it."""
        yield from self.emit_netdev(target)
        yield self.card(target)

    def emit_netdev(self, target: Target) -> Iterator[options.Option]:
        """The network's end."""
        raise NotImplementedError

    @property
    def netdev(self) -> str:
        """The id of the ``-netdev``."""
        return f"host{self.id}"

    def card(self, target: Target) -> options.DeviceOption:
        """The guest's end (libvirt 11.3, ``qemuBuildNicDevProps``)."""
        assert self.model is not None, "<interface> was not completed"
        properties = [*self.properties()]
        if self.is_virtio:
            properties += self._virtio_properties()
        properties.append(Property("netdev", self.netdev, self.place()))
        properties.append(Property("id", self._identity(), self.place()))
        if self.mac is not None:
            properties.append(Property("mac", self.mac, self.place("mac")))
        properties += self.boot_properties()
        properties += self.address_properties(target)
        properties += self.rom_properties()
        driver = virtio_driver("virtio-net-pci", self.model) if self.is_virtio else self.model
        return options.DeviceOption(driver, tuple(properties), self.place("model"))

    def _identity(self) -> str:
        needs = []
        if self.link_state == "down":
            todo = f"before the guest runs, take its link down over the monitor: set_link name={self.id} up=false"
            down: dict[str, JsonValue] = {"execute": "set_link", "arguments": {"name": self.id, "up": False}}
            needs.append(Need("link", self.id, todo, SendCommands(commands=(down,))))
        if self.mac is None:
            todo = "add mac= with an address of its own, as QEMU gives every guest the same, or use --make-up"
            needs.append(Need("made-up", self.id, todo))
        return Prepared(self.id, *needs) if needs else self.id

    def _virtio_properties(self) -> Iterator[Property]:
        if self.txmode is not None:
            yield Property("tx", "bh" if self.txmode == "iothread" else "timer", self.place("txmode"))
        if self.queue_count > 1:
            yield Property("mq", True, self.place("queues"))
            # Two vectors for each pair of queues, and two for configuration and control.
            yield Property("vectors", 2 * self.queue_count + 2, self.place("queues"))
        if self.host_mtu:
            yield Property("host_mtu", self.host_mtu, self.place("mtu"))
        if self.teaming is not None and self.teaming.type == "persistent":
            yield Property("failover", True, self.place("teaming"))

    def make_netdev(self, **value: options.Value) -> options.Qapi:
        """The ``-netdev`` with these members."""
        places = {"type": self.place("type")}
        return options.Qapi("-netdev", "netdev_add", "type", {**value, "id": self.netdev}, self.place(), places)


def default_card(target: Target) -> str:
    """The machine's usual card, or the first that the binary has, oldest first (``qemuDomainDefaultNetModel``)."""
    usual = target.family.defaults.card
    if usual:
        return usual
    for model in ("rtl8139", "e1000", "virtio-net-pci"):
        if target.caps.has(model):
            return "virtio" if model.startswith("virtio") else model
    return "rtl8139"
