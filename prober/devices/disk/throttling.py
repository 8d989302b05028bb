"""The throttle groups that disks refer to."""

from __future__ import annotations

from prober.commandline.refusal import Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.throttle import ThrottleGroup
from prober.host.target import Target


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
