"""Sound cards without a backend."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, Made
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule


def _without(line: Line) -> Iterator[Fault]:
    """A card that names no audiodev, where there is no default: 7.2 looked for one all the same, 10.0 does not."""
    if line.is_open or "-audio" in line.qapi:
        return
    if "-nodefaults" not in line.plain and "-audiodev" not in line.qapi:
        return
    for device in cards_without_audiodev(line):
        message = f"{device.typename} needs audiodev, as there is no default one here"
        yield Fault(device.place, "audiodev", message)


def cards_without_audiodev(line: Line) -> Iterator[Made]:
    """Sound cards that name no audiodev."""
    for devices in line.by_type.values():
        if "audiodev" in devices[0].type.refers:
            yield from (device for device in devices if not device.values.get("audiodev"))


RULES = (
    Rule(
        "line/sound-audiodev",
        "a sound card has an audiodev where there is no default",
        "audio/audio.c, audio_init; system/vl.c, default_audio",
        _without,
        wrong="-display none -M pc -nodefaults -device AC97",
        right="-display none -M pc -nodefaults -audiodev none,id=a -device AC97,audiodev=a",
        since=(10, 0, 0),
    ),
)
