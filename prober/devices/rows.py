"""The devices, one row each: all that the lists of the pipeline ask of one.

A new device is a file (or folder) of this room and a row here; ``tests/architecture`` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from prober.devices.audio import Audio
from prober.devices.audio.audible import Audible
from prober.devices.audio.complete import add_audio, complete_audio
from prober.devices.channel import Channel, complete_channels
from prober.devices.console import Console, add_consoles
from prober.devices.controller import CcidController, Controller, NvmeController, PciController
from prober.devices.controller.complete import add_controllers, check_controllers, number_buses, number_controllers
from prober.devices.controller.pci.expanders import Expander
from prober.devices.controller.pci.roots import Root, emit_pci_holes
from prober.devices.crypto import Crypto
from prober.devices.disk import Disk
from prober.devices.disk.check import check_disks
from prober.devices.disk.complete import place_disks
from prober.devices.disk.floppy import emit_floppy_controllers
from prober.devices.disk.nvme import settle_nvme
from prober.devices.disk.reservations import emit_reservations
from prober.devices.disk.throttling import check_throttling
from prober.devices.disk.volumes import settle_volumes
from prober.devices.filesystem import Filesystem
from prober.devices.filesystem.complete import complete_filesystems
from prober.devices.graphics import Graphics
from prober.devices.graphics.complete import settle_graphics
from prober.devices.hostdev import Hostdev, PciHostdev, ScsiHostdev
from prober.devices.hostdev.complete import check_hostdevs, complete_hostdevs, place_scsi_hostdevs
from prober.devices.hostdev.iommufd import complete_iommufd, emit_iommufd
from prober.devices.hub import Hub
from prober.devices.input import Input, settle_inputs
from prober.devices.interface import HostdevInterface, Interface, NetworkInterface
from prober.devices.interface.complete import complete_interfaces, emit_hostdev_interfaces, emit_pooled_interfaces
from prober.devices.iommu import Iommu, complete_iommu
from prober.devices.memballoon import Memballoon, add_memballoon
from prober.devices.memory import MemoryModule
from prober.devices.panic import Panic, settle_panics
from prober.devices.parallel import Parallel, check_parallels
from prober.devices.pstore import Pstore, complete_pstore
from prober.devices.redirdev import Redirdev, complete_redirdevs
from prober.devices.rng import Rng
from prober.devices.serial import Serial, number_serials
from prober.devices.shmem import Shmem
from prober.devices.smartcard import Smartcard, place_smartcards
from prober.devices.sound import Sound, check_sounds
from prober.devices.tpm import Tpm, settle_tpms
from prober.devices.video import Video
from prober.devices.video.complete import check_videos, complete_videos
from prober.devices.vsock import Vsock, check_vsock
from prober.devices.watchdog import Watchdog, add_watchdog, emit_watchdog_action
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.steps import Emission, Step, devices_and_target, reading, the_devices, the_domain
from prober.xml.binding import per_class

#: The turns of devices that are no PCI device of their own, and of those that libvirt does not go through.
_NO_SLOT, _UNSCANNED = 190, 300


class Row(NamedTuple):
    """One device.

    ``argv`` is its turn on the command line, among those of all devices and of :data:`prober.translate.order.EMISSIONS`
    (libvirt 11.3, ``qemuBuildCommandLine``; QEMU makes devices as they are listed, so the order is part of what a guest
    sees).  ``scan`` is its turn where libvirt goes through all devices (``virDomainDeviceInfoIterateFlags``): so given
    addresses are taken, and USB ports dealt out.  ``slot`` is its turn in getting a PCI slot
    (``qemuDomainAssignDevicePCISlots``); devices of one turn follow in the order of the XML.  Lower is earlier.

    ``steps`` are those that it completes or checks a domain by, ``emissions`` what is emitted for all of its kind.

    A row of a class that is derived from that of another row is for that class, and the other for the rest; only a row
    whose class says so itself (``element``) is an element of ``<devices>``.
    """

    device: type[Device]
    argv: int
    scan: int = _UNSCANNED
    slot: int = _NO_SLOT
    steps: tuple[Step, ...] = ()
    emissions: tuple[Emission, ...] = ()


#: Every device, in the order of their XML names.
ROWS: tuple[Row, ...] = (
    Row(Audio, 440, steps=(Step(490, add_audio), Step(500, complete_audio, about=(Audible,)))),
    Row(Channel, 400, scan=90, steps=(Step(590, complete_channels, about=(Channel,)),)),
    Row(
        Console,
        410,
        scan=100,
        steps=(Step(340, add_consoles, about=(Console,)),),
    ),
    Row(
        Controller,
        290,
        scan=50,
        slot=40,
        steps=(
            Step(280, reading(number_controllers, the_domain)),
            Step(380, add_controllers),
            Step(390, check_controllers),
            Step(620, reading(number_buses, the_domain), about=(Expander,)),
        ),
        emissions=(Emission(270, lambda domain, target: emit_pci_holes(domain.devices, target), about=(Root,)),),
    ),
    Row(PciController, 290, scan=50, slot=0),
    Row(CcidController, 320, scan=50, slot=40),
    Row(Crypto, 640, scan=240, slot=170),
    Row(
        Disk,
        340,
        scan=0,
        slot=50,
        steps=(
            Step(300, settle_volumes, about=(Disk,)),
            Step(310, place_disks, about=(Disk,)),
            Step(385, reading(settle_nvme, the_domain), about=(NvmeController,)),
            Step(650, check_disks, about=(Disk,)),
            Step(660, reading(check_throttling, lambda domain, _: (domain.throttle_groups, domain.devices))),
        ),
        emissions=(
            Emission(20, emit_reservations, about=(Disk,)),
            Emission(330, lambda domain, target: emit_floppy_controllers(domain.devices, target), about=(Disk,)),
        ),
    ),
    Row(Filesystem, 350, scan=120, slot=10, steps=(Step(560, complete_filesystems, about=(Filesystem,)),)),
    Row(Graphics, 450, steps=(Step(450, settle_graphics, about=(Graphics,)),)),
    Row(
        Hostdev,
        520,
        scan=30,
        slot=60,
        steps=(
            Step(320, reading(place_scsi_hostdevs, the_domain), about=(ScsiHostdev,)),
            Step(440, reading(complete_hostdevs, the_domain), about=(Hostdev,)),
            Step(445, complete_iommufd, about=(PciHostdev, HostdevInterface)),
            Step(
                460,
                reading(check_hostdevs, devices_and_target),
                about=(Hostdev, HostdevInterface, NetworkInterface),
            ),
        ),
        emissions=(
            Emission(
                505,
                lambda domain, target: emit_iommufd(domain.devices, target),
                about=(PciHostdev, HostdevInterface),
            ),
        ),
    ),
    Row(Hub, 310, scan=160),
    Row(
        Input,
        430,
        scan=110,
        slot=120,
        steps=(Step(510, settle_inputs, about=(Input,)),),
    ),
    Row(
        Interface,
        360,
        scan=10,
        slot=20,
        steps=(Step(430, complete_interfaces, about=(Interface,)),),
        emissions=(
            Emission(
                510,
                lambda domain, target: emit_hostdev_interfaces(domain.devices, target),
                about=(HostdevInterface,),
            ),
            Emission(
                530,
                lambda domain, target: emit_pooled_interfaces(domain.devices, target),
                about=(NetworkInterface,),
            ),
        ),
    ),
    Row(HostdevInterface, 360, scan=10, slot=59),
    Row(Iommu, 260, scan=220, slot=140, steps=(Step(420, complete_iommu),)),
    Row(
        Memballoon,
        550,
        scan=140,
        slot=70,
        steps=(Step(400, add_memballoon),),
    ),
    Row(MemoryModule, 300, scan=200, slot=160),
    Row(
        Panic,
        610,
        scan=190,
        slot=180,
        steps=(Step(530, settle_panics, about=(Panic,)),),
    ),
    Row(
        Parallel,
        390,
        scan=80,
        steps=(Step(350, reading(check_parallels, the_devices), about=(Parallel,)),),
    ),
    Row(Pstore, 650, scan=250, slot=190, steps=(Step(550, complete_pstore, about=(Pstore,)),)),
    Row(
        Redirdev,
        500,
        scan=210,
        steps=(Step(370, reading(complete_redirdevs, the_domain), field="devices.redirfilter"),),
    ),
    Row(Rng, 560, scan=150, slot=80),
    Row(
        Serial,
        380,
        scan=70,
        slot=130,
        steps=(Step(330, number_serials, about=(Serial,)),),
    ),
    Row(Shmem, 620, scan=170, slot=110),
    Row(
        Smartcard,
        370,
        scan=60,
        steps=(Step(360, reading(place_smartcards, the_domain), about=(Smartcard,)),),
    ),
    Row(
        Sound,
        470,
        scan=20,
        slot=30,
        steps=(Step(520, reading(check_sounds, the_devices), about=(Sound,)),),
    ),
    Row(Tpm, 420, scan=180, steps=(Step(570, settle_tpms, about=(Tpm,)),)),
    Row(
        Video,
        460,
        scan=40,
        slot=100,
        steps=(
            Step(470, complete_videos, about=(Video, Graphics)),
            Step(
                480,
                reading(check_videos, lambda domain, target: (domain.devices, domain.memory_backing, target)),
                about=(Video,),
            ),
        ),
    ),
    Row(
        Vsock,
        630,
        scan=230,
        slot=150,
        steps=(Step(540, reading(check_vsock, the_devices), about=(Vsock,)),),
    ),
    Row(
        Watchdog,
        480,
        scan=130,
        slot=90,
        steps=(Step(410, add_watchdog),),
        emissions=(Emission(490, lambda domain, _: emit_watchdog_action(domain.devices), about=(Watchdog,)),),
    ),
)

_BY_CLASS: Mapping[type, Row] = MappingProxyType({row.device: row for row in ROWS})

#: What ``<devices>`` reads each element as.
ELEMENTS: Mapping[str, type[Device]] = MappingProxyType(
    {row.device.element: row.device for row in ROWS if "element" in row.device.__dict__}
)
Device.choices = ELEMENTS

#: What a document is read as.  Whoever reads one takes it from here, where ``<devices>`` knows what it may hold.
READ_AS: type[Domain] = Domain


@per_class
def row_of(kind: type[Device]) -> Row:
    """The row of a device's class: its own, or that of the nearest class that it is derived from."""
    return next(_BY_CLASS[base] for base in kind.__mro__ if base in _BY_CLASS)
