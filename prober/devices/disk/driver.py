"""``<driver>`` of a disk: how its images are opened, and how the device works them off."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator

from prober.domain.shared.iothreads import IothreadMapping
from prober.domain.shared.source import CacheSize, ImageAccess
from prober.domain.shared.source.formats import FormatName
from prober.domain.shared.virtio import VirtioDevice
from prober.xml.binding import At, Becomes, Neutral, Qemu
from prober.xml.values import OnOff, PositiveCount


def _format(value: Any) -> Any:
    """``aio`` is what Xen's domains once called raw."""
    return "raw" if value == "aio" else value


DriverFormat: TypeAlias = Annotated[FormatName, BeforeValidator(_format)]


#: The field behind each member of a block node.
_BEHIND = {
    "cache": "cache",
    "aio": "io",
    "discard": "discard",
    "detect-zeroes": "detect_zeroes",
    "discard-no-unref": "discard_no_unref",
    "cache-size": "max_size",
}


class DriverFields(VirtioDevice):
    """What ``<driver>`` of a disk may say."""

    driver_name: Annotated[Literal["qemu"], At("driver/@name"), Neutral("there is no other here")] = "qemu"
    driver_type: Annotated[DriverFormat | None, At("driver/@type"), Becomes("`driver` of the image's block node")] = (
        None
    )
    cache: Annotated[
        Literal["default", "none", "writethrough", "writeback", "directsync", "unsafe"] | None,
        At("driver/@cache"),
        Becomes("`cache` of the block nodes, `write-cache` of the device"),
    ] = None
    error_policy: Annotated[
        Literal["stop", "report", "ignore", "enospace"] | None,
        At("driver/@error_policy"),
        Becomes("`werror` and `rerror`"),
    ] = None
    rerror_policy: Annotated[
        Literal["stop", "report", "ignore"] | None, At("driver/@rerror_policy"), Becomes("`rerror`")
    ] = None
    io: Annotated[
        Literal["native", "threads", "io_uring"] | None, At("driver/@io"), Becomes("`aio` of the storage node")
    ] = None
    ioeventfd: Annotated[OnOff | None, At("driver/@ioeventfd"), Qemu("ioeventfd")] = None
    event_idx: Annotated[OnOff | None, At("driver/@event_idx"), Qemu("event_idx")] = None
    queues: Annotated[PositiveCount | None, At("driver/@queues"), Qemu("num-queues")] = None
    queue_size: Annotated[PositiveCount | None, At("driver/@queue_size"), Qemu("queue-size")] = None
    copy_on_read: Annotated[OnOff | None, At("driver/@copy_on_read"), Becomes("a block node `copy-on-read`")] = None
    iothread: Annotated[PositiveCount | None, At("driver/@iothread"), Becomes("`iothread`")] = None
    iothreads: Annotated[
        tuple[IothreadMapping, ...], At("driver/iothreads/iothread"), Becomes("`iothread-vq-mapping`")
    ] = ()
    max_size: Annotated[CacheSize | None, At("driver/metadata_cache/max_size"), Becomes("`cache-size`")] = None
    discard_no_unref: Annotated[
        OnOff | None, At("driver/@discard_no_unref"), Becomes("`discard-no-unref` of the qcow2 nodes")
    ] = None
    discard: Annotated[
        Literal["unmap", "ignore"] | None, At("driver/@discard"), Becomes("`discard` of the topmost block node")
    ] = None
    detect_zeroes: Annotated[
        Literal["off", "on", "unmap"] | None,
        At("driver/@detect_zeroes"),
        Becomes("`detect-zeroes` of each image's topmost block node"),
    ] = None

    def access(self, cache: str | None, *, floppy: bool) -> ImageAccess:
        """How the images are opened, with this mode of caching.

        Where nothing is discarded, zeroes cannot be unmapped, and are but written efficiently
        (libvirt 11.3, ``virDomainDiskGetDetectZeroesMode``).
        """
        zeroes = self.detect_zeroes
        if zeroes == "unmap" and self.discard != "unmap":
            zeroes = "on"
        return ImageAccess(
            cache=cache,
            io=self.io,
            discard=self.discard,
            detect_zeroes=zeroes,
            discard_no_unref=self.discard_no_unref,
            floppy=floppy,
            places=self.places_of(_BEHIND),
        )

    def error_policies(self) -> tuple[str | None, str | None]:
        """For writing and for reading (``qemuBuildDiskGetErrorPolicy``)."""
        if self.error_policy == "enospace":
            return "enospc", self.rerror_policy
        return self.error_policy, self.rerror_policy or self.error_policy
