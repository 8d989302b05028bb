"""Character devices that lead through the guest's screen: SPICE, D-Bus, and QEMU's own vdagent."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Property
from prober.domain.shared.chardev.backend import Backend, Ends
from prober.host.target import Target


class SpiceVmc(Backend):
    """One of SPICE's own channels; what for depends on the device."""

    qemu = "spicevmc"
    graphics = "spice"

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Which."""
        yield Property("name", ends.use, ends.place)


class _Named(Backend):
    takes = frozenset({"channel"})
    needs = ("channel",)

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """Its name."""
        yield Property("name", ends.source.channel or "", ends.at("channel"))


class SpicePort(_Named):
    """A channel of SPICE by any name."""

    qemu = "spiceport"
    graphics = "spice"


class DBus(_Named):
    """A channel of the D-Bus display by any name."""

    qemu = "dbus"
    graphics = "dbus"


class QemuVdagent(Backend):
    """QEMU's own half of the SPICE agent: clipboard and mouse of VNC and others."""

    qemu = "qemu-vdagent"
    takes = frozenset({"clipboard", "mouse"})

    def pairs(self, ends: Ends, target: Target) -> Iterator[Property]:
        """What it shares with the guest."""
        source = ends.source
        yield Property("name", "vdagent", ends.place)
        if source.clipboard is not None:
            yield Property("clipboard", source.clipboard, ends.at("clipboard"))
        if source.mouse is not None:
            yield Property("mouse", source.mouse == "client", ends.at("mouse"))
