"""Which backend a domain gets that names none, and who speaks to which (libvirt 11.3, ``qemu_domain.c``)."""

from __future__ import annotations

from collections.abc import Sequence

from prober.commandline.refusal import Refusal
from prober.devices.audio.audible import Audible, Display
from prober.devices.audio.model import Audio, has_audiodev
from prober.domain.domain import Domain
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target
from prober.xml.binding import Places


def add_audio(domain: Domain, target: Target) -> Completion:
    """The backend of a domain that names none; the last display decides (``qemuDomainDefSuggestDefaultAudioBackend``).

    Without a display sound is silenced, or QEMU would look for the host's.
    """
    given = domain.devices.of(Audio)
    if given or not has_audiodev(target):
        yield from _check_given(given, domain.devices.of(Display), target)
        return domain
    displays = domain.devices.of(Display)
    wanted = [
        (default, display.place()) for display in displays if (default := display.default_audio(target)) is not None
    ]
    if not displays:
        wanted = [("host" if target.settings.nographics_allow_host_audio else "none", domain.place())]
    if not wanted:
        return domain
    driver, place = wanted[-1]
    if driver == "host":
        return domain
    return domain.with_devices([*domain.devices.every, Audio(number=1, type=driver, places=Places(place))])


def _check_given(given: Sequence[Audio], displays: Sequence[Display], target: Target) -> Check:
    """Backends that a domain names: whether the binary has any, each by a number of its own, none without a way out."""
    if not has_audiodev(target):
        for audio in given[1:]:
            message = "this QEMU has one audio backend, as it has no -audiodev (QEMU 4.0)"
            yield Refusal(place=audio.place(), message=message)
        for audio in given:
            for field in audio.beyond_variables():
                message = "this QEMU has no -audiodev (QEMU 4.0), and no variable of its environment says so"
                yield Refusal(place=audio.place(field), message=message)
    for first, audio in twins(given, lambda audio: audio.number):
        message = f"two audio backends have the id {audio.number}, the first in line {first.place().line}"
        yield Refusal(place=audio.place("number"), message=message)
    yield from _check_silent(given, displays, target)


def _check_silent(given: Sequence[Audio], displays: Sequence[Display], target: Target) -> Check:
    """Sound through a display that is not there (libvirt 11.3, ``qemuValidateDomainDeviceDefAudio``)."""
    kinds = {getattr(display, "type", "") for display in displays}
    for audio in given:
        if audio.type == "spice" and "spice" not in kinds:
            message = "sound goes through SPICE, and the domain has no <graphics type='spice'>"
            yield Refusal(place=audio.place("type"), message=message)
        if audio.type == "dbus" and not _shows_on_dbus(target):
            message = f"QEMU {target.caps.version} has no display on D-Bus, and so no sound on it"
            yield Refusal(place=audio.place("type"), message=message)


def _shows_on_dbus(target: Target) -> bool:
    """Whether ``query-display-options`` knows a display on D-Bus (QEMU 7.0); true where it was never asked."""
    schema = target.caps.schema_
    command = schema.command("query-display-options") if schema is not None else None
    return schema is None or command is None or schema.variant(command["ret-type"], "dbus") is not None


def _backend(given: Sequence[Audio], number: int | None) -> Audio | None:
    """The backend of this number; without one, the first."""
    return next((audio for audio in given if number in (None, audio.number)), None)


def complete_audio(domain: Domain, target: Target) -> Completion:
    """Each sound card and display with the backend that it speaks to."""
    backends = domain.devices.of(Audio)
    completed: list[Audible] = []
    for device in domain.devices.of(Audible):
        number = device.audio_number
        audio = _backend(backends, number)
        if audio is not None:
            for broken in device.takes_audio(audio):
                yield broken.at(device.place, device.element)
        elif number is not None:
            yield Refusal(place=device.place("audio"), message=f"there is no <audio id='{number}'>")
        elif device.needs_audio and has_audiodev(target):
            message = f"<{device.element}> needs an audio backend, and this domain has none"
            hint = "add an <audio>, as <audio id='1' type='none'/>"
            yield Refusal(place=device.place(), message=message, hint=hint)
        named = audio is not None and has_audiodev(target)
        completed.append(device.replace(audiodev=f"audio{audio.number}") if named and audio is not None else device)
    return domain.with_all(Audible, completed)
