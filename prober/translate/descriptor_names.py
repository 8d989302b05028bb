"""Descriptors for a QEMU that runs: it knows each by the name that ``getfd`` gave it, and not by a number."""

from __future__ import annotations

from dataclasses import replace

from prober.commandline.options import DeviceOption, Keyval, Object, Option, Passed, Qapi, Value


def with_names(option: Option) -> Option:
    """The option with a name in the place of each descriptor's number: ``tap-net1``, the second of a kind
    ``tap-net1-2``."""
    match option:
        case DeviceOption() | Object():
            properties = tuple(one._replace(value=_named(one.value)) for one in option.properties)
            return replace(option, properties=properties)
        case Keyval():
            return replace(option, pairs=tuple(one._replace(value=_named(one.value)) for one in option.pairs))
        case Qapi():
            return replace(option, value={name: _named(value) for name, value in option.value.items()})
    return option


def _named(value: Value) -> Value:
    if isinstance(value, Passed):
        counts: dict[str, int] = {}
        names = []
        for need in value.needs:
            stem = f"{need.kind}-{need.name}"
            counts[stem] = counts.get(stem, 0) + 1
            names.append(stem if counts[stem] == 1 else f"{stem}-{counts[stem]}")
        return Passed(*value.needs, text=":".join(names))
    if isinstance(value, dict):
        return {name: _named(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    return value
