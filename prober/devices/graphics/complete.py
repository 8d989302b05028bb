"""What of displays depends on one another, on the domain and on the host."""

from __future__ import annotations

from prober.commandline.refusal import Broken, Refusal
from prober.devices.graphics.base import Graphics
from prober.devices.graphics.local import Dbus, EglHeadless
from prober.devices.graphics.rdp import Rdp
from prober.devices.graphics.spice import Spice
from prober.devices.graphics.vnc import Vnc
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.twins import twins
from prober.host.target import Target


def settle_graphics(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each display with what it takes from the domain and the host; what does not go together is refused."""
    devices: list[Device] = []
    for device in domain.devices.every:
        if not isinstance(device, Graphics):
            devices.append(device)
            continue
        try:
            devices.append(device.settle(domain, target))
        except Broken as broken:
            refusals.append(broken.at(device.place, device.element))
    displays = [device for device in devices if isinstance(device, Graphics)]
    _refuse_twins(displays, refusals)
    _refuse_mixtures(displays, refusals)
    settled = domain.with_devices(devices)
    return _serve_rdp(settled, target, refusals)


def _refuse_twins(displays: list[Graphics], refusals: list[Refusal]) -> None:
    """QEMU has one display of each type."""
    for first, display in twins(displays, lambda display: display.type):
        message = f"a second display of type {display.type}, the first is in line {first.place().line}"
        refusals.append(Refusal(place=display.place("type"), message=message))


def _refuse_mixtures(displays: list[Graphics], refusals: list[Refusal]) -> None:
    """``egl-headless`` draws for VNC or SPICE, and alone (``qemuValidateDomainDeviceDefGraphics``)."""
    if not any(isinstance(display, EglHeadless) for display in displays):
        return
    for display in displays:
        if not isinstance(display, EglHeadless | Vnc | Spice):
            message = f"egl-headless draws for vnc and spice, not for {display.type}"
            refusals.append(Refusal(place=display.place("type"), message=message))
        elif isinstance(display, Spice) and display.gl:
            message = "egl-headless and SPICE cannot both use OpenGL"
            refusals.append(Refusal(place=display.place("gl"), message=message, hint="leave <gl> out"))


def _serve_rdp(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """What qemu-rdp shows is a display on the domain's own bus."""
    rdps = list(domain.devices.of(Rdp))
    if not rdps:
        return domain
    buses = [display for display in domain.devices.of(Dbus) if not display.p2p and display.bus_address is None]
    if not buses:
        message = "qemu-rdp shows a display on the domain's own D-Bus, and there is none"
        hint = "add <graphics type='dbus'/>"
        refusals.append(Refusal(place=rdps[0].place("type"), message=message, hint=hint))
        return domain
    needs = tuple(rdp.need(target, buses[0].own_address) for rdp in rdps if rdp.endpoint is not None)
    devices = [
        device.replace(more=needs) if isinstance(device, Dbus) and device is buses[0] else device
        for device in domain.devices.every
    ]
    return domain.with_devices(devices)
