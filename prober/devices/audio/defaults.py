"""Which backend a domain gets that names none, and who speaks to which (libvirt 11.3, ``qemu_domain.c``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from prober.commandline.refusal import Broken, Refusal
from prober.devices.audio.model import Audio
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.twins import twins
from prober.host.target import Target
from prober.xml.binding import made

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
        """What stands against this backend, as (field, sentence)."""
        return iter(())


class Display(Audible):
    """A display, which also decides where sound goes to."""

    def default_audio(self, target: Target) -> DefaultAudio | None:
        """What it makes of sound; None where it has no part in that."""
        return None


def has_audiodev(target: Target) -> bool:
    """Whether the binary has ``-audiodev`` (QEMU 4.0).

    No QMP answer says it; ``query-audiodevs`` (8.0) and, before that, the types that came with 4.0 do.
    """
    return target.caps.has("query-audiodevs") or target.caps.has("virtio-blk-pci-transitional")


def add_audio(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The backend of a domain that names none; the last display decides (``qemuDomainDefSuggestDefaultAudioBackend``).

    Without a display sound is silenced, or QEMU would look for the host's.
    """
    given = domain.devices.of(Audio)
    if given or not has_audiodev(target):
        for audio in given if not has_audiodev(target) else ():
            refusals.append(Refusal(place=audio.place(), message="this QEMU has no -audiodev (QEMU 4.0)"))
        _refuse_twins(given, refusals)
        _refuse_silent(domain, target, given, refusals)
        return domain
    displays = domain.devices.of(Display)
    wanted = [default for display in displays if (default := display.default_audio(target)) is not None]
    if not displays:
        wanted = ["host" if target.settings.nographics_allow_host_audio else "none"]
    if not wanted or wanted[-1] == "host":
        return domain
    return domain.with_devices([*domain.devices.every, made(Audio, number=1, type=wanted[-1])])


def _refuse_twins(given: Sequence[Audio], refusals: list[Refusal]) -> None:
    for first, audio in twins(given, lambda audio: audio.number):
        message = f"two audio backends have the id {audio.number}, the first in line {first.place().line}"
        refusals.append(Refusal(place=audio.place("number"), message=message))


def _refuse_silent(domain: Domain, target: Target, given: Sequence[Audio], refusals: list[Refusal]) -> None:
    """Sound through a display that is not there (libvirt 11.3, ``qemuValidateDomainDeviceDefAudio``)."""
    displays = {getattr(device, "type", "") for device in domain.devices.of(Display)}
    for audio in given:
        if audio.type == "spice" and "spice" not in displays:
            message = "sound goes through SPICE, and the domain has no <graphics type='spice'>"
            refusals.append(Refusal(place=audio.place("type"), message=message))
        if audio.type == "dbus" and not _shows_on_dbus(target):
            message = f"QEMU {target.caps.version} has no display on D-Bus, and so no sound on it"
            refusals.append(Refusal(place=audio.place("type"), message=message))


def _shows_on_dbus(target: Target) -> bool:
    """Whether ``query-display-options`` knows a display on D-Bus (QEMU 7.0); true where it was never asked."""
    schema = target.caps.schema_
    command = schema.command("query-display-options") if schema is not None else None
    return schema is None or command is None or schema.variant(command["ret-type"], "dbus") is not None


def audio_of(domain: Domain, number: int | None) -> Audio | None:
    """The backend of this number; without one, the first."""
    backends = list(domain.devices.of(Audio))
    if number is None:
        return backends[0] if backends else None
    return next((audio for audio in backends if audio.number == number), None)


def connect_audio(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each sound card and display with the backend that it speaks to."""
    devices = list(domain.devices.every)
    for position, device in enumerate(devices):
        if not isinstance(device, Audible):
            continue
        number = device.audio_number
        audio = audio_of(domain, number)
        if audio is not None:
            refusals += (Refusal(place=device.place(field), message=text) for field, text in device.takes_audio(audio))
            devices[position] = device.replace(audiodev=f"audio{audio.number}")
        elif number is not None:
            message = f"there is no <audio id='{number}'>"
            refusals.append(Refusal(place=device.place("audio"), message=message))
        elif device.needs_audio and has_audiodev(target):
            message = f"<{device.element}> needs an audio backend, and this domain has none"
            hint = "add an <audio>, as <audio id='1' type='none'/>"
            refusals.append(Refusal(place=device.place(), message=message, hint=hint))
    return domain.with_devices(devices)
