"""``<graphics>``: the ways to see the guest's screen, one class per type."""

from prober.devices.graphics.base import Graphics
from prober.devices.graphics.local import Dbus, EglHeadless, Sdl
from prober.devices.graphics.rdp import Rdp
from prober.devices.graphics.spice import Spice
from prober.devices.graphics.vnc import Vnc

Graphics.choices = {
    "vnc": Vnc,
    "spice": Spice,
    "sdl": Sdl,
    "egl-headless": EglHeadless,
    "dbus": Dbus,
    "rdp": Rdp,
}

__all__ = ["Dbus", "EglHeadless", "Graphics", "Rdp", "Sdl", "Spice", "Vnc"]
