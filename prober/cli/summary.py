"""What a QEMU comes to in a few numbers."""

from __future__ import annotations

from typing import Any

from prober.capabilities.capabilities import Capabilities


def summarize(caps: Capabilities) -> dict[str, Any]:
    """The numbers, as JSON.  A number is None where the question was never asked.

    ``asked_types`` are types that were asked for their properties, or share the answer of one that was;
    ``properties`` counts what they answered, each type by itself.  ``displays`` and ``audio_drivers`` are those that
    the binary lists, None where that is unknown.
    """
    asked = [*caps.properties, *caps.families]
    return {
        "version": caps.version.model_dump(),
        "package": caps.version.package,
        "target": caps.target,
        "kvm": None if caps.kvm is None else caps.kvm.enabled,
        "accelerators": list(caps.accelerators),
        "commands": _count(caps.commands),
        "types": _count(caps.types),
        "asked_types": len(set(asked)),
        "properties": sum(len(caps.properties_of(name) or ()) for name in set(asked)),
        "machines": _count(caps.machines),
        "cpu_models": _count(caps.cpu_models),
        "displays": _names(caps, "display"),
        "audio_drivers": _names(caps, "audiodev"),
        "crashing_types": caps.crashing_types,
    }


def _names(caps: Capabilities, option: str) -> list[str] | None:
    names = caps.listed[option].names if option in caps.listed else None
    return None if names is None else list(names)


def _count(things: Any) -> int | None:
    return None if things is None else len(things)
