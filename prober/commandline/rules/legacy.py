"""Old options with the name of a device: ``-usbdevice``, ``-soundhw``, ``-watchdog``, and ``-audio`` with its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prober.capabilities.facts import did_you_mean, nearest
from prober.commandline.line import Line, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Names of ``-usbdevice``, and the first version without them (``hw/usb/dev-*.c``, ``usb_legacy_register``).
_USB: Mapping[str, tuple[int, int, int] | None] = MappingProxyType(
    {
        **dict.fromkeys(("braille", "keyboard", "mouse", "tablet", "wacom-tablet"), None),
        **dict.fromkeys(("audio", "ccid"), (6, 0, 0)),
    }
)

#: Models of sound cards, and from which version on they are there (``hw/audio/*.c``, ``*_register_soundhw``); of those
#: in the second, none is of PCI.
_OF_PCI = MappingProxyType({"ac97": (0, 0, 0), "es1370": (0, 0, 0), "hda": (0, 0, 0), "virtio": (8, 2, 0)})
_OF_ISA = ("adlib", "cs4231a", "gus", "sb16")

_WATCHDOGS = ("i6300esb", "ib700")

_HELP = ("help", "?")


def _usb(line: Line) -> Iterator[Fault]:
    for option in line.plain.get("-usbdevice", ()):
        name = option.value or ""
        gone = _USB.get(name, (0, 0, 0))
        if gone is not None and line.caps.version.numbers >= gone:
            known = [one for one, end in _USB.items() if end is None or line.caps.version.numbers < end]
            hint = did_you_mean(nearest(name[:64], known)) or "write -device usb-…"
            yield Fault(option.place, "", f"-usbdevice is one of {', '.join(known)}, not {name[:64]!r}", hint)
        elif line.kind in ("isapc", "none"):
            yield Fault(option.place, "", f"machine {line.machine.name if line.machine else ''} has no USB")


def _soundhw(line: Line) -> Iterator[Fault]:
    known = (*(name for name in _OF_PCI if name != "virtio"), *_OF_ISA, "pcspk", "all")
    for option in line.plain.get("-soundhw", ()):
        text = option.value or ""
        if text in _HELP:
            yield Fault(option.place, "", f"-soundhw {text} lists the cards, and QEMU ends")
            continue
        for name in text.split(",") if text else ():
            if name not in known:
                hint = did_you_mean(nearest(name[:64], known))
                yield Fault(option.place, "", f"there is no sound card {name[:64]!r}", hint)
            elif name in _OF_PCI and line.has_pci is False:
                yield Fault(option.place, "", f"sound card {name} needs a PCI bus, which this machine has not")


def _watchdog(line: Line) -> Iterator[Fault]:
    for at, option in enumerate(line.plain.get("-watchdog", ())):
        name = option.value or ""
        if name in _HELP:
            yield Fault(option.place, "", f"-watchdog {name} lists the cards, and QEMU ends")
        elif name not in _WATCHDOGS:
            hint = did_you_mean(nearest(name[:64], _WATCHDOGS))
            yield Fault(option.place, "", f"-watchdog is one of {', '.join(_WATCHDOGS)}, not {name[:64]!r}", hint)
        elif at:
            yield Fault(option.place, "", "-watchdog is given once")


def _models(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-audio", ()):
        model = option.value.get("model")
        if not isinstance(model, str):
            continue
        since = _OF_PCI.get(model)
        if model in _HELP:
            yield Fault(option.place, "model", f"-audio with model={model} lists the models, and QEMU ends")
        elif model not in _OF_ISA and (since is None or line.caps.version.numbers < since):
            known = [
                name for name in (*_OF_PCI, *_OF_ISA) if name != "virtio" or line.caps.version.numbers >= (8, 2, 0)
            ]
            message = f"the model of -audio is one of {', '.join(known)}, not {str(model)[:64]!r}"
            yield Fault(option.place, "model", message, did_you_mean(nearest(str(model)[:64], known)))
        elif since is not None and line.has_pci is False:
            yield Fault(option.place, "model", f"sound card {model} needs a PCI bus, which this machine has not")


def _model_missing(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-audio", ()):
        if "model" not in option.value and option.value.get("driver") not in _HELP:
            yield Fault(option.place, "model", "-audio needs model=, and QEMU 8.2 is the first that does not")


def _once(line: Line) -> Iterator[Fault]:
    cards = [option for option in line.qapi.get("-audio", ()) if "model" in option.value]
    for option in cards[1:2]:
        yield Fault(option.place, "model", "one -audio has a model, and this is a second")


def _settings(line: Line) -> Iterator[Fault]:
    for flag in ("-audio", "-audiodev"):
        for option in line.qapi.get(flag, ()):
            for side in ("in", "out"):
                members = option.value.get(side)
                if not isinstance(members, Mapping) or switch(members.get("fixed-settings")) is not False:
                    continue
                for key in ("frequency", "channels", "format"):
                    if key in members:
                        yield Fault(option.place, f"{side}.{key}", f"{key} goes without fixed-settings=off")


RULES = (
    Rule(
        "line/audio-settings",
        "`frequency`, `channels` and `format` of sound go without `fixed-settings=off`",
        "audio/audio.c, audio_validate_per_direction_opts",
        _settings,
        about=("in", "out"),
        wrong="-display none -machine pc -audiodev none,id=a,out.fixed-settings=off,out.frequency=44100",
        right="-display none -machine pc -audiodev none,id=a,out.fixed-settings=on,out.frequency=44100",
    ),
    Rule(
        "line/audio-once",
        "one `-audio` has a model",
        "hw/audio/soundhw.c, select_soundhw",
        _once,
        about=("-audio",),
        wrong="-display none -machine pc -audio none,model=hda,id=a -audio none,model=ac97,id=b",
        right="-display none -machine pc -audio none,model=hda,id=a",
        since=(7, 1, 0),
    ),
    Rule(
        "line/usbdevice",
        "`-usbdevice` is one that there is, on a machine with USB",
        "hw/usb/bus.c, usbdevice_create; hw/usb/dev-*.c, usb_legacy_register",
        _usb,
        about=("-usbdevice",),
        wrong="-display none -machine pc -usbdevice usb-tablet",
        right="-display none -machine pc -usbdevice tablet",
    ),
    Rule(
        "line/soundhw",
        "the cards of `-soundhw` are there",
        "hw/audio/soundhw.c, select_soundhw",
        _soundhw,
        about=("-soundhw",),
        wrong="-display none -machine isapc -soundhw ac98",
        right="-display none -machine isapc -soundhw cs4231a",
        until=(7, 1, 0),
    ),
    Rule(
        "line/watchdog",
        "`-watchdog` is one that there is, and given once",
        "hw/watchdog/watchdog.c, select_watchdog; softmmu/vl.c",
        _watchdog,
        about=("-watchdog",),
        wrong="-display none -machine pc -watchdog itco",
        right="-display none -machine pc -watchdog i6300esb",
        until=(7, 2, 0),
    ),
    Rule(
        "line/audio-model",
        "the model of `-audio` is a card that the machine makes",
        "hw/audio/soundhw.c, select_soundhw and audio_register_model",
        _models,
        about=("-audio",),
        wrong="-display none -machine pc -audio none,model=usb-audio",
        right="-display none -machine pc -audio none,model=ac97",
        since=(7, 1, 0),
    ),
    Rule(
        "line/audio-without-model",
        "`-audio` has a model (before 8.2)",
        "softmmu/vl.c, qemu_init: QEMU_OPTION_audio",
        _model_missing,
        about=("-audio",),
        wrong="-display none -machine pc -audio none",
        right="-display none -machine pc -audio none,model=ac97",
        since=(7, 1, 0),
        until=(8, 2, 0),
    ),
)
