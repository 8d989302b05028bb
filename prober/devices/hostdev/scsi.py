"""SCSI devices of the host: one unit (``type='scsi'``), or all that a vhost-scsi target has (``scsi_host``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator

from prober.commandline import options
from prober.commandline.options import Need, Passed, Prepared, Property, Value
from prober.commandline.refusal import Broken, Unfit
from prober.devices.hostdev.base import Hostdev
from prober.domain.shared.address import Address, DriveAddress, PciAddress
from prober.domain.shared.secret import emit_secret, secret_id
from prober.domain.shared.slots import Kinds
from prober.domain.shared.source import Auth
from prober.domain.shared.virtio import VirtioModel, virtio_driver, virtio_plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Neutral
from prober.xml.values import Line, YesNo, number_in

_WWPN = re.compile(r"naa\.[0-9a-fA-F]{16}")
_ADAPTER = re.compile(r"scsi_host[0-9]{1,5}")


def _wwpn(text: str) -> str:
    if not _WWPN.fullmatch(text):
        raise Unfit("is not a name like naa.5123456789abcde0")
    return text


def _adapter(text: str) -> str:
    if not _ADAPTER.fullmatch(text):
        raise Unfit("is not an adapter like scsi_host0")
    return text


ScsiNumber = Annotated[int, number_in(0, 2**32 - 1)]
ScsiUnit = Annotated[int, number_in(0, 2**64 - 1)]


class IscsiHost(Checked):
    """``<host>``: who serves the unit."""

    name: Annotated[Line, At("@name"), Becomes("`portal`")]
    port: Annotated[Annotated[int, number_in(1, 65535)] | None, At("@port"), Becomes("`portal`")] = None

    def rules(self) -> Iterator[Broken]:
        """A name that cannot be read as something else."""
        if "/" in self.name or any(letter.isspace() for letter in self.name):
            yield Broken("name", "is not the name of a host")

    @property
    def portal(self) -> str:
        """Host and port; an IPv6 address stands in brackets."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


#: The fields of a unit of an adapter, and those of one over the network.
_OF_ADAPTERS = ("adapter", "source_bus", "source_target", "source_unit")
_OF_ISCSI = ("name", "initiator", "auth", "hosts")


class ScsiHostdev(Hostdev):
    """One unit of an adapter of the host, or of an iSCSI target."""

    tag = ""
    copies_controller = True

    type: Annotated[Literal["scsi"], At("@type"), Becomes("`scsi-generic` on a `-blockdev`")] = "scsi"
    sgio: Annotated[Literal["filtered"] | None, At("@sgio"), Neutral("a setting of the host's kernel")] = None
    rawio: Annotated[YesNo | None, At("@rawio"), Neutral("a capability of the process, given by libvirt")] = None
    protocol: Annotated[
        Literal["adapter", "iscsi"] | None, At("source/@protocol"), Becomes("the `driver` of the `-blockdev`")
    ] = None
    adapter: Annotated[
        Annotated[str, AfterValidator(_adapter)] | None, At("source/adapter/@name"), Becomes("`filename`")
    ] = None
    source_bus: Annotated[ScsiNumber | None, At("source/address/@bus"), Becomes("`filename`")] = None
    source_target: Annotated[ScsiNumber | None, At("source/address/@target"), Becomes("`filename`")] = None
    source_unit: Annotated[ScsiUnit | None, At("source/address/@unit"), Becomes("`filename`")] = None
    name: Annotated[Line | None, At("source/@name"), Becomes("`target` and `lun`")] = None
    hosts: Annotated[tuple[IscsiHost, ...], At("source/host"), Becomes("`portal`")] = ()
    initiator: Annotated[Line | None, At("source/initiator/iqn/@name"), Becomes("`initiator-name`")] = None
    auth: Annotated[Auth | None, At("source/auth"), Becomes("`user` and `password-secret`")] = None
    readonly: Annotated[bool, At("readonly"), Becomes("`read-only`")] = False
    shareable: Annotated[bool, At("shareable"), Neutral("libvirt's own check that no two guests have it")] = False
    address: Annotated[Address | None, At("address"), Becomes("`bus`, `channel`, `scsi-id` and `lun`")] = None

    #: libvirt's number of its block node, filled in by completing.
    node: int = 0

    def rules(self) -> Iterator[Broken]:
        """What belongs to which protocol (libvirt 11.3, ``virDomainHostdevSubsysSCSIDefParseXML``)."""
        yield from super().rules()
        yield from self._iscsi_rules() if self.is_iscsi else self._adapter_rules()
        if self.auth is not None and self.auth.secret.type != "iscsi":
            yield Broken("auth", f"the secret of an iSCSI unit has type='iscsi', not '{self.auth.secret.type}'")
        if self.address is not None and not isinstance(self.address, DriveAddress):
            yield Broken("address", "a SCSI device of the host has an address of type 'drive'")

    def _iscsi_rules(self) -> Iterator[Broken]:
        for name in _OF_ADAPTERS:
            if getattr(self, name) is not None:
                yield Broken(name, "protocol='iscsi' has a name and a host, and no adapter")
        if self.name is None:
            yield Broken("", "protocol='iscsi' needs a name")
        elif not self._lun.isdecimal():
            yield Broken("name", "what follows the slash of an iSCSI name is the number of a unit")
        if len(self.hosts) != 1:
            yield Broken("hosts", f"protocol='iscsi' has one <host>, not {len(self.hosts)}")
        # For disks libvirt knows the port; here it has QEMU ask at port 0, where nobody answers.
        elif self.hosts[0].port is None:
            yield Broken("hosts", "the <host> of protocol='iscsi' needs a port (iSCSI's own is 3260)")

    def _adapter_rules(self) -> Iterator[Broken]:
        if None in (getattr(self, name) for name in _OF_ADAPTERS):
            yield Broken("", "a SCSI device of the host needs <adapter name=…> and <address bus=… target=… unit=…>")
        for name in _OF_ISCSI:
            if getattr(self, name):
                yield Broken(name, "this is for protocol='iscsi' alone")

    @property
    def is_iscsi(self) -> bool:
        """Whether it is over the network."""
        return self.protocol == "iscsi"

    @property
    def _target_name(self) -> str:
        return (self.name or "").partition("/")[0]

    @property
    def _lun(self) -> str:
        return (self.name or "").partition("/")[2] or "0"

    @property
    def source_key(self) -> tuple[object, ...]:
        """The unit."""
        if self.is_iscsi:
            return "iscsi", self.hosts[0].portal if self.hosts else "", self._target_name, self._lun
        return "scsi", self.adapter, self.source_bus, self.source_target, self.source_unit

    @property
    def plugs_into(self) -> tuple[str, int] | None:
        """A SCSI controller."""
        return ("scsi", self.address.controller) if isinstance(self.address, DriveAddress) else None

    @property
    def node_name(self) -> str:
        """The name of its block node (libvirt 11.3, ``qemuDomainPrepareHostdevSCSI``)."""
        return f"libvirt-{self.node}-backend"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """The block node, and the device on it."""
        if self.auth is not None:
            what = f"the secret of type iscsi with {self.auth.secret}"
            yield from emit_secret(secret_id(self.node_name), what, self.auth.place())
        value: dict[str, Value] = {**self._backend(), "node-name": self.node_name, "read-only": self.readonly}
        places = {"driver": self.place("protocol"), "filename": self.place("adapter"), "target": self.place("name")}
        yield options.Qapi("-blockdev", "blockdev-add", "driver", value, self.place(), places)
        properties = [Property("drive", self.node_name, self.place()), self.identity(), *self.boot_properties()]
        properties += self.address_properties(target)
        yield options.DeviceOption("scsi-generic", tuple(properties), self.place())

    def _backend(self) -> dict[str, Value]:
        if not self.is_iscsi:
            where = f"bus {self.source_bus}, target {self.source_target}, unit {self.source_unit} of {self.adapter}"
            number = (self.adapter or "").removeprefix("scsi_host")
            place = f"{number}:{self.source_bus}:{self.source_target}:{self.source_unit}"
            todo = f"put the generic SCSI device of {where} here: see /sys/bus/scsi/devices/{place}/scsi_generic"
            return {"driver": "host_device", "filename": Prepared("/dev/sg0", Need("scsi", self.id, todo))}
        value: dict[str, Value] = {
            "driver": "iscsi",
            "portal": self.hosts[0].portal if self.hosts else "",
            "target": self._target_name,
            "lun": int(self._lun) if self._lun.isdecimal() else 0,
            "transport": "tcp",
        }
        if self.auth is not None:
            value["user"] = self.auth.username
            value["password-secret"] = secret_id(self.node_name)
        if self.initiator is not None:
            value["initiator-name"] = self.initiator
        return value


class VhostScsiHostdev(Hostdev):
    """``type='scsi_host'``: a target that the host's kernel serves."""

    tag = ""

    type: Annotated[Literal["scsi_host"], At("@type"), Becomes("`vhost-scsi-pci`")] = "scsi_host"
    model: Annotated[VirtioModel | None, At("@model"), Becomes("the kind of virtio device")] = None
    protocol: Annotated[Literal["vhost"], At("source/@protocol"), Becomes("`vhost-scsi-pci`")]
    wwpn: Annotated[Annotated[str, AfterValidator(_wwpn)], At("source/@wwpn"), Becomes("`wwpn`")]
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """A guest cannot boot from one."""
        yield from super().rules()
        if self.boot_order is not None:
            yield Broken("boot_order", "a guest cannot boot from a vhost-scsi target")

    @property
    def source_key(self) -> tuple[object, ...]:
        """The target."""
        return "vhost", self.wwpn

    def plug(self, target: Target) -> Kinds | None:
        """As virtio devices."""
        return virtio_plug(target, self.model or "virtio")

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildSCSIVHostHostdevDevProps``."""
        need = Need("vhost-scsi", self.id, "open /dev/vhost-scsi for reading and writing", "/dev/vhost-scsi")
        properties = (
            Property("wwpn", self.wwpn, self.place("wwpn")),
            Property("vhostfd", Passed(need), self.place()),
            self.identity(),
            *self.address_properties(target),
        )
        yield options.DeviceOption(
            virtio_driver("vhost-scsi-pci", self.model or "virtio"), properties, self.place("model")
        )
