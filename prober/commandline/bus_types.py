"""Which bus a device sits on, and which buses it makes: facts of QEMU's source that no answer tells.

A device is made on the first bus of its type that has room, unless it names one (QEMU, ``system/qdev-monitor.c``,
``qbus_find_recursive``).  Buses are called ``ID.0``, ``ID.1`` … after the device that makes them
(``hw/core/bus.c``, ``qbus_init_internal``), but for those that are given a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

#: The bus of a type of device, by what it is derived from (``bus_type`` of the class).
SITS_ON: Mapping[str, str] = MappingProxyType(
    {
        "ccid-card": "ccid-bus",
        "floppy": "floppy-bus",
        "hda-codec": "HDA",
        "ide-device": "IDE",
        "ipack-device": "IndustryPack",
        "isa-device": "ISA",
        "nvme-ns": "nvme-bus",
        "pci-device": "PCI",
        "scsi-device": "SCSI",
        "sd-card": "sd-bus",
        "sdmmc-common": "sd-bus",
        "usb-device": "usb-bus",
        "virtio-device": "virtio-bus",
        "virtio-serial-port": "virtio-serial-bus",
        "vmbus-dev": "vmbus",
        "xen-device": "xen-bus",
    }
)

#: Buses that no machine of pc or q35 has by itself, but for USB and floppies where they are asked for.  A
#: ``virtio-bus`` is made by each virtio device on PCI, which is then the only one that has room there.
OF_DEVICES = frozenset(
    {"ccid-bus", "floppy-bus", "HDA", "IndustryPack", "nvme-bus", "SCSI", "sd-bus", "usb-bus", "virtio-bus",
     "virtio-serial-bus", "vmbus", "xen-bus"}
)  # fmt: skip


class Makes(NamedTuple):
    """The buses that a device makes: their type and ``number``, and how many devices each has room for (0: any)."""

    bus: str
    number: int = 1
    room: int = 0


#: The buses of a type of device, by its name or that of what it is derived from.
MAKES: Mapping[str, Makes] = MappingProxyType(
    {
        # ``hw/usb/hcd-*.c``
        **dict.fromkeys(("pci-xhci", "pci-ehci-usb", "pci-uhci-usb", "pci-ohci"), Makes("usb-bus")),
        # ``hw/usb/dev-smartcard-reader.c``; ``ccid_bus_class_init`` has room for one
        "usb-ccid": Makes("ccid-bus", room=1),
        # ``hw/usb/dev-storage*.c``, ``dev-uas.c``
        **dict.fromkeys(("usb-storage", "usb-bot", "usb-uas"), Makes("SCSI")),
        # ``hw/scsi/*.c``
        **dict.fromkeys(
            ("virtio-scsi-pci", "virtio-scsi-pci-base", "lsi53c895a", "lsi53c810", "megasas-base", "mptsas1068",
             "am53c974", "pvscsi"),
            Makes("SCSI"),
        ),
        # ``hw/char/virtio-serial-bus.c``
        **dict.fromkeys(("virtio-serial-pci", "virtio-serial-pci-base"), Makes("virtio-serial-bus")),
        # ``hw/audio/intel-hda.c``
        "intel-hda-generic": Makes("HDA"),
        # ``hw/ide/*.c``; how many devices a bus has room for is given to ``ide_bus_init``
        "ich9-ahci": Makes("IDE", 6, 1),
        **dict.fromkeys(("piix3-ide", "piix4-ide", "via-ide", "cmd646-ide"), Makes("IDE", 2, 2)),
        "sii3112": Makes("IDE", 2, 1),
        "isa-ide": Makes("IDE", 1, 2),
        # ``hw/ipack/tpci200.c``
        "tpci200": Makes("IndustryPack"),
        # ``hw/hyperv/vmbus.c``
        "vmbus-bridge": Makes("vmbus"),
        # ``hw/block/fdc.c``
        "isa-fdc": Makes("floppy-bus", room=2),
    }
)  # fmt: skip

#: Families of devices of which :data:`MAKES` has all that make a bus called ``ID.NUMBER``.
COMPLETE = frozenset(
    {"ccid-card", "floppy", "hda-codec", "ide-device", "isa-device", "scsi-device", "usb-device", "virtio-serial-port"}
)

#: The same for PCI, but for these (``hw/sd/sdhci-pci.c``, ``hw/ufs/ufs.c``, ``hw/nvme/ctrl.c``).
OTHERS_OF_PCI = frozenset({"nvme", "sdhci-pci", "ufs"})

#: Devices with a bus that has their id for a name, without a number (``hw/nvme/ctrl.c``, ``hw/ufs/ufs.c``).
CALLED_BY_ID = frozenset({"nvme", "ufs"})
