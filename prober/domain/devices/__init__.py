"""The devices of a domain, one file or folder per XML element.

Their order in the argv is policy, and stands in :data:`prober.domain.translate.ORDER`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeVar

from prober.domain.binding import At, Becomes, Element
from prober.domain.devices.audio import Audio
from prober.domain.devices.channel import Channel
from prober.domain.devices.console import Console
from prober.domain.devices.controller import Controller
from prober.domain.devices.crypto import Crypto
from prober.domain.devices.disk import Disk
from prober.domain.devices.filesystem import Filesystem
from prober.domain.devices.graphics import Graphics
from prober.domain.devices.hostdev import Hostdev
from prober.domain.devices.hub import Hub
from prober.domain.devices.input import Input
from prober.domain.devices.interface import Interface
from prober.domain.devices.iommu import Iommu
from prober.domain.devices.memballoon import Memballoon
from prober.domain.devices.memory import MemoryModule
from prober.domain.devices.panic import Panic
from prober.domain.devices.parallel import Parallel
from prober.domain.devices.pstore import Pstore
from prober.domain.devices.redirdev import Redirdev, Redirfilter
from prober.domain.devices.rng import Rng
from prober.domain.devices.serial import Serial
from prober.domain.devices.shmem import Shmem
from prober.domain.devices.smartcard import Smartcard
from prober.domain.devices.sound import Sound
from prober.domain.devices.tpm import Tpm
from prober.domain.devices.video import Video
from prober.domain.devices.vsock import Vsock
from prober.domain.devices.watchdog import Watchdog
from prober.domain.lease import Lease
from prober.domain.shared.device import Device
from prober.domain.values import AbsolutePath

D = TypeVar("D", bound=Device)


class Devices(Element):
    """``<devices>``: in the order of the XML, until completing adds what libvirt adds."""

    emulator: Annotated[AbsolutePath | None, At("emulator"), Becomes("which binary is taken")] = None
    redirfilter: Annotated[Redirfilter | None, At("redirfilter")] = None
    leases: Annotated[tuple[Lease, ...], At("lease")] = ()
    every: Annotated[tuple[Device, ...], At("*")] = ()

    def of(self, cls: type[D]) -> Iterator[D]:
        """The devices of one class, in order."""
        wanted = {kind for kind in {type(device) for device in self.every} if issubclass(kind, cls)}
        return (device for device in self.every if isinstance(device, cls)) if wanted else iter(())


__all__ = [
    "Audio",
    "Channel",
    "Console",
    "Controller",
    "Crypto",
    "Device",
    "Devices",
    "Disk",
    "Filesystem",
    "Graphics",
    "Hostdev",
    "Hub",
    "Input",
    "Interface",
    "Iommu",
    "Memballoon",
    "MemoryModule",
    "Panic",
    "Parallel",
    "Pstore",
    "Redirdev",
    "Redirfilter",
    "Rng",
    "Serial",
    "Shmem",
    "Smartcard",
    "Sound",
    "Tpm",
    "Video",
    "Vsock",
    "Watchdog",
]
