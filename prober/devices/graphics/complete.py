"""What of displays depends on one another, on the domain and on the host."""

from __future__ import annotations

from collections.abc import Sequence

from prober.commandline.refusal import Broken, Refusal
from prober.devices.graphics.base import Graphics
from prober.devices.graphics.local import Dbus, EglHeadless
from prober.devices.graphics.rdp import Rdp
from prober.devices.graphics.spice import Spice
from prober.devices.graphics.vnc import Vnc
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target


def settle_graphics(domain: Domain, target: Target) -> Completion:
    """Each display with what it takes from the domain and the host; what does not go together is refused."""
    devices: list[Device] = []
    for device in domain.devices.every:
        if not isinstance(device, Graphics):
            devices.append(device)
            continue
        try:
            devices.append(device.settle(domain.name, target))
        except Broken as broken:
            yield broken.at(device.place, device.element)
    domain = domain.with_devices(devices)
    displays = domain.devices.of(Graphics)
    yield from _check_twins(displays)
    yield from _check_mixtures(displays)
    return (yield from _serve_rdp(domain))


def _check_twins(displays: Sequence[Graphics]) -> Check:
    """QEMU has one display of each type."""
    for first, display in twins(displays, lambda display: display.type):
        message = f"a second display of type {display.type}, the first is in line {first.place().line}"
        yield Refusal(place=display.place("type"), message=message)


def _check_mixtures(displays: Sequence[Graphics]) -> Check:
    """``egl-headless`` draws for VNC or SPICE, and alone (``qemuValidateDomainDeviceDefGraphics``)."""
    if not any(isinstance(display, EglHeadless) for display in displays):
        return
    for display in displays:
        if not isinstance(display, EglHeadless | Vnc | Spice):
            message = f"egl-headless draws for vnc and spice, not for {display.type}"
            yield Refusal(place=display.place("type"), message=message)
        elif isinstance(display, Spice) and display.gl:
            message = "egl-headless and SPICE cannot both use OpenGL"
            yield Refusal(place=display.place("gl"), message=message, hint="leave <gl> out")


def _serve_rdp(domain: Domain) -> Completion:
    """What qemu-rdp shows is a display on the domain's own bus, which gets to know what is to be started for it."""
    rdps = domain.devices.of(Rdp)
    if not rdps:
        return domain
    bus = next((one for one in domain.devices.of(Dbus) if not one.p2p and one.bus_address is None), None)
    if bus is None:
        message = "qemu-rdp shows a display on the domain's own D-Bus, and there is none"
        hint = "add <graphics type='dbus'/>"
        yield Refusal(place=rdps[0].place("type"), message=message, hint=hint)
        return domain
    needs = tuple(rdp.need(bus.own_address) for rdp in rdps if rdp.endpoint is not None)
    return domain.with_each(Dbus, lambda display: display.replace(more=needs) if display is bus else display)
