"""From options to the words of an argv, each written as this binary reads it.

A value is quoted for QEMU's own parsers, where a comma ends a value and two commas are one.  JSON needs
no such care.  No word that comes from XML is ever a word of its own beginning with a dash, save as the
value that follows its flag, and those that a domain hands to QEMU as they are (``<qemu:commandline>``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic_core import to_json

from prober.capabilities import Capabilities
from prober.commandline.json_form import takes_json
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Qapi, Raw, Value


def render(options: Iterable[Option | Raw], caps: Capabilities) -> list[str]:
    """The words, without the binary."""
    return [word for words in render_each(options, caps) for word in words]


def render_each(options: Iterable[Option | Raw], caps: Capabilities) -> Iterator[list[str]]:
    """The words of each option."""
    writer = _Writer(caps)
    return map(writer.write, options)


class _Writer:
    def __init__(self, caps: Capabilities) -> None:
        # When each option learned JSON, by what came with it (libvirt 11.3, qemu_capabilities.c):
        # -device in 6.2 and for good with json-cli-hotplug, -object in 6.0, -netdev proven by dgram in 7.2.
        self._json_device = caps.has_feature("device_add", "json-cli-hotplug")
        self._json_object = takes_json("-object", caps)
        self._json_netdev = takes_json("-netdev", caps)

    def write(self, option: Option | Raw) -> list[str]:
        match option:
            case DeviceOption():
                tree: dict[str, Value] = {"driver": option.driver}
                for name, value, _ in option.properties:
                    tree[name] = value
                return self._structured("-device", "driver", tree, self._json_device)
            case Object():
                tree = {"qom-type": option.qom_type, "id": option.id}
                for name, value, _ in option.properties:
                    tree[name] = value
                return self._structured("-object", "qom-type", tree, self._json_object)
            case Qapi():
                # -display reads JSON from QEMU 4.0 on; libvirt writes key=value, which every version reads.
                as_json = self._json_netdev if option.flag == "-netdev" else option.flag != "-display"
                return self._structured(option.flag, option.implied, dict(option.value), as_json)
            case Global():
                return ["-global", _global(option)]
            case Keyval():
                words = [escape(option.first)] if option.first else []
                words += [f"{name}={escape(_word(value))}" for name, value, _ in option.pairs]
                return [option.flag, ",".join(words)]
            case Raw():
                return list(option.words)
            case Plain():
                return [option.flag] if option.value is None else [option.flag, option.value]

    def _structured(self, flag: str, implied: str, tree: dict[str, Value], as_json: bool) -> list[str]:
        if as_json:
            return [flag, to_json(tree).decode()]
        first = escape(_word(tree.pop(implied)))
        flat = _dotted(tree) if flag == "-display" else _repeated(tree)
        return [flag, ",".join([first, *(f"{key}={escape(_word(value))}" for key, value in flat)])]


def escape(text: str) -> str:
    """A value for QEMU's ``key=value`` syntax."""
    return text.replace(",", ",,")


def _global(option: Global) -> str:
    """``driver.property=value``; the first dot and the first equals sign are QEMU's, what follows is free.

    A type with a dot in its name (``cfi.pflash01``) needs the long form (QEMU, ``qemu_global_option``).
    """
    if "." in option.driver:
        value = escape(_word(option.setting.value))
        return f"driver={option.driver},property={option.setting.name},value={value}"
    return f"{option.driver}.{option.setting.name}={_word(option.setting.value)}"


def _word(value: Value) -> str:
    if value is True:
        return "on"
    if value is False:
        return "off"
    assert isinstance(value, (int, str)), f"not a scalar: {value!r}"
    return str(value)


def _dotted(tree: dict[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """A tree as dotted keys, lists by number (QEMU, ``util/keyval.c``)."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield from _dotted({str(number): item for number, item in enumerate(value)}, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _repeated(tree: dict[str, Value]) -> Iterator[tuple[str, Value]]:
    """What the options take that know neither trees nor numbered keys: ``-object``, ``-netdev`` and ``-device`` in
    key=value form.

    A list is its key again for each item (QEMU, ``qapi/opts-visitor.c``), numbers in a row as a range, as libvirt has
    them (11.3, ``virQEMUBuildCommandLineJSONArrayBitmap``); a text that QAPI wraps in an object of its own
    (``qapi/net.json``, ``String``) is the text alone.  All other trees stay in dotted keys, which the check refuses.
    """
    for key, value in tree.items():
        if not isinstance(value, list):
            yield from _dotted({key: value})
            continue
        for number, item in enumerate(_in_ranges(value)):
            if not isinstance(item, dict):
                yield key, item
            elif item.keys() == {"str"}:
                yield key, item["str"]
            else:
                yield from _dotted(item, f"{key}.{number}.")


def _in_ranges(items: list[Value]) -> Iterator[Value]:
    """The items; numbers that each follow the one before as ``0-3``."""
    first: int | None = None
    for place, item in enumerate(items):
        after = items[place + 1] if place + 1 < len(items) else None
        if type(item) is int and type(after) is int and after == item + 1:
            first = item if first is None else first
        elif first is not None:
            yield f"{first}-{item}"
            first = None
        else:
            yield item
