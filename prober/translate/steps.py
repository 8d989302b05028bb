"""Every step from a domain as it was written to one with everything filled in, in libvirt's order.

:mod:`prober.domain.steps` says what a step is, and what the verbs mean.  Those of one device stand in its row.
"""

from __future__ import annotations

from functools import lru_cache

from prober.commandline.refusal import Note, Refusal
from prober.devices.channel import Channel
from prober.devices.console import Console
from prober.devices.memory import MemoryModule
from prober.devices.rows import ROWS
from prober.domain.clock.emit import check_clock
from prober.domain.domain import Domain
from prober.domain.features.hyperv import check_hyperv
from prober.domain.features.machine import (
    check_features,
)
from prober.domain.shared.device import Device
from prober.domain.shared.kinds import kinds_of
from prober.domain.steps import NOTHING, Completion, Step, devices_and_target, reading, the_devices, the_domain
from prober.guest.addresses.kinds import assign_mmio, check_addresses
from prober.guest.addresses.pci import assign_pci
from prober.guest.addresses.usb import assign_usb
from prober.guest.addresses.virtio_serial import assign_virtio_serial
from prober.guest.aliases import check_names, complete_devices
from prober.guest.cpu.check import check_host_cpu
from prober.guest.cpu.settle import settle_cpu
from prober.guest.cpu.tuning import check_cpu_tuning
from prober.guest.displays import check_unseen_characters
from prober.guest.firmware.choose import settle_firmware
from prober.guest.gic import settle_gic
from prober.guest.hotplug.options import check_hotplug
from prober.guest.hyperv import settle_hyperv
from prober.guest.identity import check_sysinfo, complete_uuid
from prober.guest.lifecycle import check_lifecycle
from prober.guest.machine import (
    check_pci,
)
from prober.guest.made_up import complete_made_up
from prober.guest.memory.check import check_memory
from prober.guest.memory.complete import complete_memory, settle_backends
from prober.guest.memory.modules import complete_modules, place_modules
from prober.guest.numa.complete import complete_numa
from prober.guest.numa.numatune import complete_numatune
from prober.guest.os import check_os
from prober.guest.overrides import check_capabilities
from prober.guest.security import check_security
from prober.guest.vcpu import check_vcpu
from prober.host.target import Target
from prober.translate.target import check_target

#: The steps of no single device.  What stands against a domain whatever it is completed to is looked for first; then
#: come libvirt's own steps (11.3, ``qemuDomainDefPostParse`` and ``qemuDomainAssignAddresses``), as each builds on the
#: last; what is asked of a completed domain comes at last.
_OWN: tuple[Step, ...] = (
    Step(10, reading(check_target, lambda domain, target: (domain.os.type, target))),
    Step(20, check_vcpu),
    Step(25, settle_hyperv, field="features.hyperv"),
    Step(
        30,
        reading(check_hyperv, lambda domain, target: (domain.features.hyperv, domain.clock, target)),
        field="features.hyperv",
    ),
    Step(40, check_lifecycle),
    Step(50, check_hotplug),
    Step(60, reading(check_features, lambda domain, target: (domain.features, target))),
    Step(70, reading(check_clock, lambda domain, target: (domain.clock, target))),
    Step(80, reading(check_sysinfo, the_domain), field="sysinfo"),
    Step(90, check_security, field="launch_security"),
    Step(100, reading(check_cpu_tuning, the_domain), field="cpu_tune"),
    Step(110, reading(check_capabilities, the_domain), field="qemu_capabilities"),
    Step(200, reading(complete_numa, the_domain)),
    Step(210, complete_memory),
    Step(220, complete_numatune),
    Step(230, settle_backends),
    Step(240, check_memory),
    Step(250, place_modules, about=(MemoryModule,)),
    Step(260, reading(complete_uuid, the_domain)),
    Step(265, complete_made_up),
    Step(270, settle_firmware),
    Step(275, settle_gic),
    Step(285, check_host_cpu),
    Step(290, settle_cpu),
    Step(580, assign_virtio_serial, about=(Channel, Console)),
    Step(600, reading(check_addresses, devices_and_target)),
    Step(605, assign_mmio),
    Step(610, assign_pci),
    Step(630, assign_usb),
    Step(640, complete_devices),
    Step(645, reading(check_names, the_devices), is_last_net=True),
    Step(670, complete_modules, about=(MemoryModule,)),
    Step(700, check_os),
    Step(710, reading(check_pci, devices_and_target)),
    Step(720, reading(check_unseen_characters, the_devices)),
)

#: All of them, in order.
STEPS: tuple[Step, ...] = tuple(
    sorted((*_OWN, *(step for row in ROWS for step in row.steps)), key=lambda step: step.turn)
)


def complete(domain: Domain, target: Target) -> Completion:
    """A completed copy; what stands against the domain is yielded, each with the rule that it breaks, and notes."""
    clean = not domain.not_understood
    # A step may add devices of another class, and with them steps that have something to do.
    kinds, done = domain.devices.kinds, 0
    while True:
        for position, step in _due(kinds, done):
            if step.needed is not None and step.needed(domain) in NOTHING:
                continue
            if step.is_last_net and not clean:
                continue
            outcome, completed = step.run(domain, target), None
            while True:
                try:
                    said = next(outcome)
                except StopIteration as end:
                    completed = end.value
                    break
                clean = clean and isinstance(said, Note)
                yield said.by(step.rule)
            if completed is None or completed is domain:
                continue  # as after most steps
            domain = completed
            if domain.devices.kinds is not kinds:
                kinds, done = domain.devices.kinds, position + 1
                break
        else:
            return domain


@lru_cache(maxsize=4096)
def _due(kinds: frozenset[type[Device]], done: int) -> tuple[tuple[int, Step], ...]:
    """The steps from ``done`` on that have anything to do in a domain with devices of these classes, with positions."""
    return tuple(
        (at, step) for at, step in enumerate(STEPS) if at >= done and (not step.about or kinds_of(step.about, kinds))
    )


def complete_into(refusals: list[Refusal], domain: Domain, target: Target, notes: list[Note] | None = None) -> Domain:
    """A completed copy; ``refusals`` grows by what stands against the domain, ``notes`` by what it asks for that is not
    done."""
    steps = complete(domain, target)
    while True:
        try:
            said = next(steps)
            if isinstance(said, Refusal):
                refusals.append(said)
            elif notes is not None:
                notes.append(said)
        except StopIteration as end:
            done: Domain = end.value
            return done
