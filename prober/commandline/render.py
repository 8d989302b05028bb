"""From options to the words of an argv, each written as this binary reads it.

A value is quoted for QEMU's own parsers, where a comma ends a value and two commas are one.  JSON needs
no such care.  No word that comes from XML is ever a word of its own beginning with a dash, save as the
value that follows its flag.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from prober.capabilities import Capabilities
from prober.commandline.options import Device, Global, Keyval, Object, Option, Plain, Property, Qapi, Value

#: Made once, as ``json.dumps`` with options makes an encoder at every call.
_as_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def render(options: Iterable[Option], caps: Capabilities) -> list[str]:
    """The words, without the binary."""
    writer = _Writer(caps)
    return [word for option in options for word in writer.write(option)]


class _Writer:
    def __init__(self, caps: Capabilities) -> None:
        # When each option learned JSON, by what came with it (libvirt 11.3, qemu_capabilities.c):
        # -device in 6.2 and for good with json-cli-hotplug, -object in 6.0, -netdev proven by dgram in 7.2.
        self._json_device = _has_feature(caps, "device_add", "json-cli-hotplug")
        self._json_object = caps.has("object-add.qom-type.memory-backend-ram")
        self._json_netdev = caps.has("netdev_add.type.dgram")

    def write(self, option: Option) -> Iterator[str]:
        match option:
            case Device():
                yield from self._structured("-device", "driver", _tree(option), self._json_device)
            case Object():
                tree: dict[str, Value] = {"qom-type": option.qom_type, "id": option.id}
                tree |= {item.name: item.value for item in option.properties}
                yield from self._structured("-object", "qom-type", tree, self._json_object)
            case Qapi():
                as_json = option.flag != "-netdev" or self._json_netdev
                yield from self._structured(option.flag, option.implied, dict(option.value), as_json)
            case Global():
                yield "-global"
                yield _global(option)
            case Keyval():
                yield option.flag
                yield ",".join([*([escape(option.first)] if option.first else []), *map(_pair, option.pairs)])
            case Plain():
                yield option.flag
                if option.value is not None:
                    yield option.value

    def _structured(self, flag: str, implied: str, tree: dict[str, Value], as_json: bool) -> Iterator[str]:
        yield flag
        if as_json:
            yield _as_json(tree)
            return
        first = escape(_word(tree.pop(implied)))
        yield ",".join([first, *(f"{key}={escape(_word(value))}" for key, value in _flat(tree))])


def escape(text: str) -> str:
    """A value for QEMU's ``key=value`` syntax."""
    return text.replace(",", ",,")


def _tree(option: Device) -> dict[str, Value]:
    return {"driver": option.driver, **{item.name: item.value for item in option.properties}}


def _pair(item: Property) -> str:
    return f"{item.name}={escape(_word(item.value))}"


def _global(option: Global) -> str:
    """``driver.property=value``; the first dot and the first equals sign are QEMU's, what follows is free."""
    return f"{option.driver}.{option.setting.name}={_word(option.setting.value)}"


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    assert isinstance(value, int | str), f"not a scalar: {value!r}"
    return str(value)


def _flat(tree: dict[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """A tree as dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield from _flat({str(number): item for number, item in enumerate(value)}, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _has_feature(caps: Capabilities, command: str, feature: str) -> bool:
    entity = caps.schema_.command(command) if caps.schema_ is not None else None
    if entity is None:
        return False
    # A feature is a name, or since QEMU 9.x an object with one.
    return any((item if isinstance(item, str) else item.get("name")) == feature for item in entity.get("features", ()))
