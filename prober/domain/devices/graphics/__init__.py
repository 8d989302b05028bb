"""``<graphics>``: the ways to see the guest's screen, one class per type."""

from prober.domain.devices.graphics.base import Graphics
from prober.domain.devices.graphics.complete import settle_graphics
from prober.domain.devices.graphics.local import Dbus, EglHeadless, Sdl
from prober.domain.devices.graphics.rdp import Rdp
from prober.domain.devices.graphics.spice import Spice
from prober.domain.devices.graphics.vnc import Vnc

Graphics.choices = {
    "vnc": Vnc,
    "spice": Spice,
    "sdl": Sdl,
    "egl-headless": EglHeadless,
    "dbus": Dbus,
    "rdp": Rdp,
}

__all__ = ["Dbus", "EglHeadless", "Graphics", "Rdp", "Sdl", "Spice", "Vnc", "settle_graphics"]
