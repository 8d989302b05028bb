"""``<throttlegroups>``: limits that several disks share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from prober.commandline.options import Object, Option, Property
from prober.commandline.refusal import Refusal
from prober.domain.binding import At, Becomes
from prober.domain.devices.disk.model import Disk
from prober.domain.shared.limits import Limits
from prober.domain.target import Target
from prober.domain.values import Line

if TYPE_CHECKING:
    from prober.domain.domain import Domain


class ThrottleGroup(Limits):
    """One group, which ``<throttlefilter>`` of a disk refers to by its name."""

    group_name: Annotated[Line, At("group_name"), Becomes("`id` of an object `throttle-group`")]


def emit_throttle_groups(domain: Domain, target: Target) -> Iterator[Option]:
    """An object for each group that limits anything (libvirt 11.3, ``qemuBuildThrottleGroupCommandLine``)."""
    for group in domain.throttle_groups:
        if group.is_limiting:
            limits = Property("limits", group.numbers, group.place())
            yield Object("throttle-group", f"throttle-{group.group_name}", (limits,), group.place())


def check_throttling(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each group once, and each filter with its group."""
    groups: dict[str, ThrottleGroup] = {}
    for group in domain.throttle_groups:
        if groups.setdefault(group.group_name, group) is not group:
            message = f"two throttle groups are called '{group.group_name}'"
            refusals.append(Refusal(place=group.place("group_name"), message=message))
    for disk in domain.devices.of(Disk):
        for item in disk.throttle_filters:
            if item.group not in groups:
                message = f"there is no throttle group '{item.group}'"
                refusals.append(Refusal(place=item.place("group"), message=message))
            elif not groups[item.group].is_limiting:
                message = f"the throttle group '{item.group}' limits nothing, and is not made"
                refusals.append(Refusal(place=item.place("group"), message=message))
    return domain
