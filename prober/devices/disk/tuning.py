"""What limits a disk, and what becomes of what its guest writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import JsonValue

from prober.commandline.deeds import SendCommands
from prober.commandline.options import Need
from prober.commandline.refusal import Broken
from prober.domain.shared.device import Device
from prober.domain.shared.limits import Limits
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import Amount, Line, PositiveCount, YesNo

#: ``block_set_io_throttle`` has other names for some of the limits than ``ThrottleLimits``.
_ON_MONITOR = {"total": "", "read": "_rd", "write": "_wr"}


class IoTune(Limits):
    """``<iotune>``: libvirt sets it on the monitor once QEMU runs (``qemuProcessSetupDiskThrottling``)."""

    group_name: Annotated[Line | None, At("group_name"), Becomes("`group` of `block_set_io_throttle`")] = None

    def command(self, device: str) -> dict[str, JsonValue]:
        """The QMP command for a device."""
        arguments: dict[str, Any] = {"id": device}
        for name, number in self.numbers.items():
            arguments[_monitor_name(name)] = number
        if self.group_name is not None:
            arguments["group"] = self.group_name
        return {"execute": "block_set_io_throttle", "arguments": arguments}


def _monitor_name(name: str) -> str:
    """``bps-read-max-length`` as ``bps_rd_max_length`` (QEMU, ``BlockIOThrottle``)."""
    if name == "iops-size":
        return "iops_size"
    unit, way, *rest = name.split("-")
    short = _ON_MONITOR[way]
    if not rest:
        return f"{unit}{short}"
    return f"{unit}{short}_{'_'.join(rest)}"


class ThrottleFilter(Element):
    """One group that the disk is in."""

    group: Annotated[Line, At("@group"), Becomes("a block node `throttle`")]


class Transient(Element):
    """``<transient>``: what the guest writes is forgotten when it stops."""

    share_backing: Annotated[
        YesNo | None, At("@shareBacking"), Becomes("a refusal: libvirt plugs such a disk in once QEMU runs")
    ] = None


class Statistic(Element):
    """Statistics over a span of time, in seconds."""

    interval: Annotated[PositiveCount, At("@interval"), Becomes("one of `stats-intervals` of the device")]


class Bin(Element):
    """Requests that take so many nanoseconds, or more."""

    start: Annotated[Amount, At("@start"), Becomes("one of the boundaries; 0 goes without saying")]


class Histogram(Checked):
    """``<latency-histogram>``: how long requests of one kind take, or all without a type."""

    type: Annotated[
        Literal["read", "write", "zone", "flush"] | None, At("@type"), Becomes("which boundaries the command has")
    ] = None
    bins: Annotated[tuple[Bin, ...], At("bin"), Becomes("boundaries of `block-latency-histogram-set`")] = ()

    def rules(self) -> Iterator[Broken]:
        """Bins in ascending order (libvirt 12.8, asked)."""
        if not self.bins:
            yield Broken("", "a <latency-histogram> has <bin>s")
        starts = [one.start for one in self.bins]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            yield Broken("bins", "each <bin> begins above the one before")


class Statistics(Checked):
    """``<statistics>``: what QEMU counts of a disk beside the sums of all time."""

    intervals: Annotated[tuple[Statistic, ...], At("statistic")] = ()
    histograms: Annotated[tuple[Histogram, ...], At("latency-histogram")] = ()

    def rules(self) -> Iterator[Broken]:
        """One histogram of a kind (libvirt 12.8, asked)."""
        for kind in given_twice(one.type or "all" for one in self.histograms):
            yield Broken("histograms", f"there are two <latency-histogram> for {kind} requests")

    def command(self, device: str) -> dict[str, JsonValue]:
        """The QMP command for the histograms of a device (``qapi/block-core.json``; an appended zone is ``zap``)."""
        arguments: dict[str, JsonValue] = {"id": device}
        for one in self.histograms:
            key = {None: "boundaries", "zone": "boundaries-zap"}.get(one.type, f"boundaries-{one.type}")
            arguments[key] = [item.start for item in one.bins if item.start]
        return {"execute": "block-latency-histogram-set", "arguments": arguments}


class TuningFields(Device):
    """What ``<disk>`` has of these."""

    io_tune: Annotated[IoTune | None, At("iotune"), Becomes("a resource with the monitor's command")] = None
    throttle_filters: Annotated[
        tuple[ThrottleFilter, ...], At("throttlefilters/throttlefilter"), Becomes("block nodes `throttle`")
    ] = ()
    transient: Annotated[Transient | None, At("transient"), Becomes("a resource with what to do on the monitor")] = None
    statistics: Annotated[
        Statistics | None,
        At("driver/statistics"),
        Becomes("`stats-intervals`, and a resource with the monitor's command"),
    ] = None

    @property
    def is_tuned_later(self) -> bool:
        """Whether there may be something to do on the monitor."""
        return self.io_tune is not None or self.transient is not None or self.has_histograms

    @property
    def has_histograms(self) -> bool:
        """Whether QEMU is to count how long requests take, for which it has no property."""
        return self.statistics is not None and bool(self.statistics.histograms)

    def on_monitor(self, device: str, path: str) -> Iterator[Need]:
        """What is to be done on the monitor, before the guest runs: ``device`` is QEMU's path of what the guest sees,
        ``path`` that of the image."""
        if self.io_tune is not None and self.io_tune.is_limiting:
            command = self.io_tune.command(device)
            todo = f"before the guest runs, send {json.dumps(command)}"
            yield Need("iotune", self.id, todo, SendCommands(commands=(command,)))
        if self.statistics is not None and self.has_histograms:
            command = self.statistics.command(device)
            todo = f"before the guest runs, send {json.dumps(command)}"
            yield Need("latency-histogram", self.id, todo, SendCommands(commands=(command,)))
        if self.transient is not None:
            todo = (
                f"before the guest runs, make an empty qcow2 image on top of {path}, open it with blockdev-add and "
                "backing null, and put it over the disk's node with blockdev-snapshot; delete it after QEMU has ended"
            )
            yield Need("transient", self.id, todo)
