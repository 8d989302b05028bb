"""The devices that make sound or show where it goes to: what audio needs to know of them, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from prober.commandline.refusal import Broken
from prober.devices.audio.model import Audio
from prober.domain.shared.device import Device
from prober.host.target import Target

#: What a display makes of sound where no ``<audio>`` says it: a backend, or ``host``: whatever the variable
#: QEMU_AUDIO_DRV of libvirt's daemon says, which translating does not look at, so that there is no backend at all.
DefaultAudio = Literal["none", "spice", "host"]


class Audible(Device):
    """A device that may speak to an audio backend; completing tells it which."""

    #: The id of ``-audiodev``, once completed.
    audiodev: str | None = None

    #: Whether there must be a backend.
    needs_audio: ClassVar[bool] = True

    @property
    def audio_number(self) -> int | None:
        """The backend that the XML asks for."""
        return None

    def takes_audio(self, audio: Audio) -> Iterator[Broken]:
        """What stands against this backend."""
        return iter(())


class Display(Audible):
    """A display, which also decides where sound goes to."""

    def default_audio(self, target: Target) -> DefaultAudio | None:
        """What it makes of sound; None where it has no part in that."""
        return None
