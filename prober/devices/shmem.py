"""``<shmem>``: memory that guests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken, Unfit
from prober.domain.shared.address import Address, PciAddress
from prober.domain.shared.chardev.sockets import too_long, unix_socket
from prober.domain.shared.device import Device
from prober.domain.shared.slots import Kinds, Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import UNITS, AbsolutePath, Amount, Line, OnOff, Unit, number_in

#: Where the kernel keeps shared memory by name (``shm_open(3)``); no directory for temporary files.
_DIRECTORY = "/dev/shm"  # noqa: S108

_DEFAULT_SIZE = 4 * 1024**2
_LEAST_SIZE = 1024**2


def _name(text: str) -> str:
    if "/" in text or text in (".", ".."):
        raise Unfit("is not the name of a file")
    if len(text.encode()) > 200:
        raise Unfit("is longer than 200 bytes")
    return text


class ShmemSize(Element):
    """``<size>``; bytes where no unit is given."""

    value: Annotated[Amount, At("."), Becomes("`size` of the object")]
    unit: Annotated[Unit, At("@unit"), Becomes("`size` of the object")] = "bytes"

    @property
    def bytes(self) -> int:
        """In bytes."""
        return self.value * UNITS[self.unit]


class ShmemServer(Element):
    """``<server>``: where the server listens."""

    path: Annotated[AbsolutePath | None, At("@path"), Becomes("`path` of the `-chardev`")] = None


class ShmemMsi(Element):
    """``<msi>``: the interrupts."""

    vectors: Annotated[Annotated[int, number_in(0, 2**31)] | None, At("@vectors"), Becomes("`vectors`")] = None
    ioeventfd: Annotated[OnOff | None, At("@ioeventfd"), Becomes("`ioeventfd`")] = None


class Shmem(Device):
    """Plain memory, or with interrupts (``doorbell``), which a server deals out."""

    element = "shmem"
    alias_prefix = "shmem"

    name: Annotated[Annotated[Line, AfterValidator(_name)], At("@name"), Becomes("`mem-path`, in /dev/shm")]
    role: Annotated[Literal["master", "peer"] | None, At("@role"), Becomes("`master`")] = None
    model: Annotated[
        Literal["ivshmem-plain", "ivshmem-doorbell"],
        At("model/@type"),
        Becomes("the device; `ivshmem` itself, which stands for none given, QEMU no longer has"),
    ]
    size: Annotated[ShmemSize | None, At("size")] = None
    server: Annotated[ShmemServer | None, At("server")] = None
    msi: Annotated[ShmemMsi | None, At("msi")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """What belongs to which model (libvirt 11.3, ``qemuDomainShmemDefPostParse``)."""
        if self.size is not None and self.size.bytes:
            size = self.size.bytes
            if size < _LEAST_SIZE or size & (size - 1):
                yield Broken("size", "the size is a power of 2, and at least 1 MiB")
        if self.model == "ivshmem-plain":
            for field in ("server", "msi"):
                if getattr(self, field) is not None:
                    yield Broken(field, f"model='ivshmem-plain' has no <{field}>")
        else:
            if self.server is None:
                yield Broken("", "model='ivshmem-doorbell' needs a <server>")
            if self.size is not None and self.size.bytes:
                yield Broken("size", "the size is the server's to choose")
            if self.role is not None:
                yield Broken("role", "a role is for model='ivshmem-plain'")
            wrong = too_long(self.socket)
            if wrong:
                yield Broken("server", wrong)
        if not isinstance(self.address, PciAddress | None):
            yield Broken("address", "shared memory has an address of type 'pci'")

    @property
    def socket(self) -> str:
        """Where the server listens (libvirt 11.3, ``qemuDomainPrepareShmemChardev``)."""
        given = self.server.path if self.server is not None else None
        return given or f"/var/lib/libvirt/shmem-{self.name}-sock"

    def plug(self, target: Target) -> Kinds | None:
        """Conventional PCI."""
        return Plug.pci()

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildShmemCommandLine``."""
        if self.model == "ivshmem-plain":
            yield from self._plain(target)
        else:
            yield from self._doorbell(target)

    def _plain(self, target: Target) -> Iterator[options.Option]:
        memory, place = f"shmmem-{self.id}", self.place("name")
        size = self.size.bytes if self.size is not None else 0
        own = (
            Property("mem-path", f"{_DIRECTORY}/{self.name}", place),
            Property("size", size or _DEFAULT_SIZE, self.place("size")),
            Property("share", True, place),
        )
        yield options.Object("memory-backend-file", memory, own, place)
        properties = [Property("id", self.id, self.place()), Property("memdev", memory, place)]
        if self.role is not None:
            properties.append(Property("master", "on" if self.role == "master" else "off", self.place("role")))
        properties += self.address_properties(target)
        yield options.DeviceOption("ivshmem-plain", tuple(properties), self.place("model"))

    def _doorbell(self, target: Target) -> Iterator[options.Option]:
        chardev, msi = f"char{self.id}", self.msi or ShmemMsi()
        properties = [Property("id", self.id, self.place()), Property("chardev", chardev, self.place("server"))]
        if msi.vectors:
            properties.append(Property("vectors", msi.vectors, msi.place("vectors")))
        ioeventfd = msi.ioeventfd is not False
        properties.append(Property("ioeventfd", ioeventfd, self.place("msi")))
        properties += self.address_properties(target)
        yield options.DeviceOption("ivshmem-doorbell", tuple(properties), self.place("model"))
        need = Need("ivshmem-server", self.id, "start an ivshmem-server that listens on this socket")
        yield unix_socket(chardev, Prepared(self.socket, need), self.place("server"), target)
