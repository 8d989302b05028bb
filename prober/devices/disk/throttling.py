"""The throttle groups that disks refer to."""

from __future__ import annotations

from collections.abc import Sequence

from prober.commandline.refusal import Refusal
from prober.devices.disk.disk import Disk
from prober.domain.shared.devices import Devices
from prober.domain.shared.twins import twins
from prober.domain.steps import Check
from prober.domain.throttle import ThrottleGroup


def check_throttling(groups: Sequence[ThrottleGroup], devices: Devices) -> Check:
    """Each group once, and each filter with its group."""
    for _, group in twins(groups, lambda group: group.group_name):
        message = f"two throttle groups are called '{group.group_name}'"
        yield Refusal(place=group.place("group_name"), message=message)
    by_name = {group.group_name: group for group in reversed(groups)}
    for disk in devices.of(Disk):
        for item in disk.throttle_filters:
            if item.group not in by_name:
                yield Refusal(place=item.place("group"), message=f"there is no throttle group '{item.group}'")
            elif not by_name[item.group].is_limiting:
                message = f"the throttle group '{item.group}' limits nothing, and is not made"
                yield Refusal(place=item.place("group"), message=message)
