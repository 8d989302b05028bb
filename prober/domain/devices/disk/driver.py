"""``<driver>`` of a disk: how its images are opened, and how the device works them off."""

from __future__ import annotations

from typing import Annotated, Literal

from prober.domain.binding import At, Becomes, Neutral, Qemu
from prober.domain.shared.source import Access, Format
from prober.domain.shared.virtio import VirtioDevice
from prober.domain.values import OnOff, PositiveCount


class DriverFields(VirtioDevice):
    """What ``<driver>`` of a disk may say."""

    driver_name: Annotated[Literal["qemu"], At("driver/@name"), Neutral("there is no other here")] = "qemu"
    driver_type: Annotated[Format | None, At("driver/@type"), Becomes("`driver` of the image's block node")] = None
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
    discard: Annotated[
        Literal["unmap", "ignore"] | None, At("driver/@discard"), Becomes("`discard` of the topmost block node")
    ] = None
    detect_zeroes: Annotated[
        Literal["off", "on", "unmap"] | None,
        At("driver/@detect_zeroes"),
        Becomes("`detect-zeroes` of the topmost block node"),
    ] = None

    def access(self, cache: str | None) -> Access:
        """How the images are opened, with this mode of caching.

        Where nothing is discarded, zeroes cannot be unmapped, and are but written efficiently
        (libvirt 11.3, ``virDomainDiskGetDetectZeroesMode``).
        """
        zeroes = self.detect_zeroes
        if zeroes == "unmap" and self.discard != "unmap":
            zeroes = "on"
        return Access(
            cache=cache,
            io=self.io,
            discard=self.discard,
            detect_zeroes=zeroes,
            places={
                "cache": self.place("cache"),
                "aio": self.place("io"),
                "discard": self.place("discard"),
                "detect-zeroes": self.place("detect_zeroes"),
            },
        )

    def error_policies(self) -> tuple[str | None, str | None]:
        """For writing and for reading (``qemuBuildDiskGetErrorPolicy``)."""
        if self.error_policy == "enospace":
            return "enospc", self.rerror_policy
        return self.error_policy, self.rerror_policy or self.error_policy
