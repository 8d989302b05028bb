"""From a domain as it was written to one with everything filled in: defaults, aliases, addresses.

The order of the steps is libvirt's, as each builds on the last.  What cannot be completed is a refusal;
all of them are gathered, and the steps after go on with what there is.
"""

from __future__ import annotations

from prober.commandline.refusal import Refusal
from prober.domain.addresses import assign_addresses
from prober.domain.aliases import assign_aliases
from prober.domain.binding import Places
from prober.domain.boot import assign_boot_order
from prober.domain.defaults import add_defaults
from prober.domain.devices import Device
from prober.domain.domain import Domain
from prober.domain.target import Target


def complete(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """A completed copy; ``refusals`` grows by what stands against it."""
    devices = add_defaults(domain, target, refusals)
    devices = assign_addresses(devices, target, refusals)
    devices = assign_boot_order(domain, devices, refusals)
    devices = assign_aliases(devices, target, refusals)
    devices = [_placed(device, target) for device in devices]
    return domain.replace(devices=domain.devices.replace(every=tuple(devices)))


def _placed(device: Device, target: Target) -> Device:
    """A device that was added stands for the domain as a whole."""
    return device if device.places.own.line else device.replace(places=Places(target.place))
