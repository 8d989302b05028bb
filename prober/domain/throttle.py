"""``<throttlegroups>``: limits that several disks share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from prober.commandline.options import Object, Option, Property
from prober.domain.shared.limits import Limits
from prober.xml.binding import At, Becomes
from prober.xml.values import Line


class ThrottleGroup(Limits):
    """One group, which ``<throttlefilter>`` of a disk refers to by its name."""

    group_name: Annotated[Line, At("group_name"), Becomes("`id` of an object `throttle-group`")]


def emit_throttle_groups(groups: Iterable[ThrottleGroup]) -> Iterator[Option]:
    """An object for each group that limits anything (libvirt 11.3, ``qemuBuildThrottleGroupCommandLine``)."""
    for group in groups:
        if group.is_limiting:
            limits = Property("limits", group.numbers, group.place())
            yield Object("throttle-group", f"throttle-{group.group_name}", (limits,), group.place())
