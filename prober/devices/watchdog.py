"""``<watchdog>``: what acts where the guest no longer says that it is well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Global, Need, Plain, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes


class Watchdog(Device):
    """An i6300esb on PCI, an ib700 on ISA, or q35's own, which every q35 has."""

    element = "watchdog"
    alias_prefix = "watchdog"

    model: Annotated[
        Literal["i6300esb", "ib700", "itco"],
        At("@model"),
        Becomes("the `-device`, or for itco `-global ICH9-LPC.noreboot=off`"),
    ]
    action: Annotated[
        Literal["reset", "shutdown", "poweroff", "pause", "dump", "none", "inject-nmi"],
        At("@action"),
        Becomes("`-watchdog-action`; for dump `pause`, as the host dumps it then"),
    ] = "reset"
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """Only one of them is on PCI (libvirt 11.3, ``qemuValidateDomainWatchdogDef``)."""
        if self.address is not None and self.model != "i6300esb":
            yield Broken("address", f"model='{self.model}' has no address")
        elif not isinstance(self.address, PciAddress | None):
            yield Broken("address", "model='i6300esb' has an address of type 'pci'")

    def plug(self, target: Target) -> Kinds | None:
        """Conventional PCI."""
        return Plug.pci() if self.model == "i6300esb" else None

    def is_builtin(self, target: Target) -> bool:
        """q35's own."""
        return self.model == "itco"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        properties = (Property("id", self.id, self.place()), *self.address_properties(target))
        yield options.DeviceOption(self.model, properties, self.place("model"))


def add_watchdog(domain: Domain, target: Target) -> Completion:
    """q35's own, which libvirt lets act (since 9.1); QEMU leaves it off by default."""
    watchdogs = domain.devices.of(Watchdog)
    yield from _check_watchdogs(watchdogs, target)
    if "itco" not in target.family.watchdogs or any(watchdog.model == "itco" for watchdog in watchdogs):
        return domain
    if not target.caps.has("ICH9-LPC.noreboot"):
        return domain
    action = watchdogs[0].action if watchdogs else "reset"
    return domain.with_devices([*domain.devices.every, Watchdog(model="itco", action=action)])


def _check_watchdogs(watchdogs: Sequence[Watchdog], target: Target) -> Check:
    """What this machine can have, with one action for all; of those that are no PCI device one of each model."""
    for watchdog in watchdogs:
        place = watchdog.place("model")
        if watchdog.model == "ib700" and "ib700" not in target.family.watchdogs:
            yield Refusal(place=place, message="model='ib700' is for machines of the kind pc")
        if watchdog.model == "itco" and "itco" not in target.family.watchdogs:
            yield Refusal(place=place, message="model='itco' is part of q35 machines alone")
        if watchdog.action != watchdogs[0].action:
            line = watchdogs[0].place("action").line
            message = f"all watchdogs have one action, that of the first in line {line}"
            yield Refusal(place=watchdog.place("action"), message=message)
    for first, twin in twins([one for one in watchdogs if one.model != "i6300esb"], lambda one: one.model):
        message = f"a machine has one watchdog '{twin.model}', and it is in line {first.place().line}"
        yield Refusal(place=twin.place("model"), message=message)


def emit_watchdog_action(devices: Devices) -> Iterator[options.Option]:
    """q35's own is let loose, and all are told what to do."""
    watchdogs = devices.of(Watchdog)
    for watchdog in watchdogs:
        if watchdog.model == "itco":
            yield Global("ICH9-LPC", Property("noreboot", False, watchdog.place("model")))
            break
    if watchdogs:
        first = watchdogs[0]
        todo = "at each event WATCHDOG dump the guest's memory over the monitor, and let it go on"
        needs = (Need("event", first.id, todo),) if first.action == "dump" else ()
        yield Plain("-watchdog-action", "pause" if needs else first.action, first.place("action"), needs)
