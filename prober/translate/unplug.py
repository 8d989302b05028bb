"""What is taken out of a guest that runs: a device, and what it alone has."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Raw
from prober.commandline.qmp import QmpCommand, command_of
from prober.commandline.refusal import Refusal
from prober.errors import RefusedError
from prober.translate.plug import RunningGuest
from prober.translate.plug_models import PlugCommands

#: So much of a list is told, in characters.
_MOST = 400


def find_unplug(guest: RunningGuest, alias: str) -> PlugCommands:
    """What would plug in a device that the guest has: ``out`` of it takes it out.

    :raise RefusedError: where the guest has no device of this alias.
    """
    commands = [command for option in guest.options if not isinstance(option, Raw) and (command := command_of(option))]
    devices = {one.name: one for one in commands if one.execute == "device_add"}
    if alias not in devices:
        message, hint = f"the guest has no device {alias[:64]!r}", f"it has {', '.join(devices)[:_MOST]}"
        raise RefusedError(
            [Refusal(place=guest.domain.place(), message=message, hint=hint, rule="domain/unplug-alias")]
        )
    parts = [devices[alias]]
    for part in parts:  # which grows meanwhile
        named = {*_texts(part.arguments)} - {part.name}
        parts += _backends(named, parts, commands)
    return PlugCommands.of(one for one in commands if one in parts)


def _backends(named: set[str], parts: list[QmpCommand], commands: list[QmpCommand]) -> list[QmpCommand]:
    """What of these names is no device, and is named by nobody else."""
    found = (one for one in commands if one.execute != "device_add" and one.name in named and one not in parts)
    return [one for one in found if _is_alone(one, parts, commands)]


def _is_alone(backend: QmpCommand, parts: list[QmpCommand], commands: list[QmpCommand]) -> bool:
    """Whether nothing but these parts names it."""
    others = (one for one in commands if one not in parts and one is not backend)
    return not any(backend.name in _texts(one.arguments) for one in others)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
