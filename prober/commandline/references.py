"""What options say of one another: ids given once, and references that point at something on this command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from prober.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.aliases import DEVICE_ALIASES
from prober.commandline.finding import Finding, Kind
from prober.commandline.options import Device, Keyval, Object, Option, Property, Qapi, Value
from prober.commandline.refusal import Origin

#: What a namespace is called in a message.
_WORDS = {
    "device": "a device",
    "object": "an object",
    "block": "a block node or drive",
    "netdev": "a netdev",
    "chardev": "a chardev",
    "audiodev": "an audiodev",
    "tpmdev": "a tpmdev",
    "fsdev": "an fsdev",
}

#: Properties of devices that name something else, by what they name.  ``drive`` may be a node or a ``-drive``.
_DEVICE_REFERENCES = {
    "drive": "block",
    "netdev": "netdev",
    "chardev": "chardev",
    "audiodev": "audiodev",
    "tpmdev": "tpmdev",
    "fsdev": "fsdev",
    "memdev": "object",
    "iothread": "object",
    "rng": "object",
    "cryptodev": "object",
}

#: The same of objects.
_OBJECT_REFERENCES = {
    "chardev": "chardev",
    "iothread": "object",
    "netdev": "netdev",
    "keyid": "object",
    "passwordid": "object",
}

#: The same of block nodes, at any depth.
_BLOCK_REFERENCES = {
    "file": "block",
    "backing": "block",
    "data-file": "block",
    "throttle-group": "object",
    "key-secret": "object",
    "password-secret": "object",
    "cookie-secret": "object",
    "tls-creds": "object",
}

#: Deeper than any block node that QEMU takes.
_DEEPEST = 32

#: The same of options with keys.
_KEYVAL_REFERENCES = {
    "-mon": {"chardev": "chardev"},
    "-machine": {
        "memory-backend": "object",
        "confidential-guest-support": "object",
        "pcspk-audiodev": "audiodev",
        # ``hw/i386/pc_sysfw.c``, ``pc_system_flash_create``
        "pflash0": "block",
        "pflash1": "block",
    },
    "-spice": {"audiodev": "audiodev"},
    "-vnc": {"audiodev": "audiodev", "tls-creds": "object"},
    "-tpmdev": {"chardev": "chardev"},
    "-chardev": {"tls-creds": "object"},
    "-numa": {"memdev": "object"},
}


#: Options with keys that give a name, by its namespace.
_KEYVAL_NAMESPACES = {"-chardev": "chardev", "-drive": "block", "-tpmdev": "tpmdev", "-fsdev": "fsdev"}


def check_references(options: list[Option], caps: Capabilities) -> Iterator[Finding]:
    """Ids that are given twice, and references to what is not there."""
    names = _Names()
    # Of audiodevs QEMU 10.0 takes the first, and says nothing; 11.1 makes objects of them (``audio/audio.c``).
    yield from names.collect(options, unique_audio=caps.version.numbers >= (11, 1, 0))
    for option in options:
        match option:
            case Device():
                yield from _of_device(option, names, caps)
            case Object():
                yield from names.resolve(option.properties, _OBJECT_REFERENCES, option.place)
                if not _IDENTIFIER.fullmatch(option.id):
                    yield _no_identifier(option)
            case Keyval():
                references = _KEYVAL_REFERENCES.get(option.flag)
                if references is not None:
                    yield from names.resolve(option.pairs, references, option.place)
                if option.flag == "-mon" and option.first:
                    yield from names.find("chardev", "chardev", option.first, option.place)
            case Qapi() if option.flag == "-blockdev":
                if "node-name" not in option.value:
                    yield Finding(
                        kind=Kind.error,
                        place=option.place,
                        part="node-name",
                        message="a block node on a command line needs a node-name",
                        qemu_name="blockdev-add.node-name",
                    )
                yield from names.resolve_nodes(option.value, option.place)


def _of_device(option: Device, names: _Names, caps: Capabilities) -> Iterator[Finding]:
    typename = DEVICE_ALIASES.get(option.driver, option.driver)
    for name, value, _ in option.properties:
        namespace = _DEVICE_REFERENCES.get(name)
        if namespace is not None and caps.property_of(typename, name) is not None:
            yield from names.find(namespace, name, value, option.place)
        elif isinstance(value, list):
            yield from names.find_listed(name, value, option.place)


#: What an id may be (``util/id.c``, ``id_wellformed``).
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def _no_identifier(option: Object) -> Finding:
    return Finding(
        kind=Kind.error,
        place=option.place,
        part="id",
        message=f"{option.id[:64]!r} is no id: letters, digits, - . and _, beginning with a letter",
    )


def check_reserved(options: list[Option], machine: Machine | None) -> Iterator[Finding]:
    """An object with the name that the machine gives its own memory (``hw/core/machine.c``, ``default_ram_id``)."""
    keyed = [option for option in options if isinstance(option, Keyval) and option.flag in ("-machine", "-numa")]
    if machine is None or any(item.name in ("memory-backend", "memdev") for option in keyed for item in option.pairs):
        return
    for option in options:
        if isinstance(option, Object) and option.id == machine.default_ram_id:
            yield Finding(
                kind=Kind.error,
                place=option.place,
                part="id",
                message=f"{option.id} is the name of the memory that {machine.name} makes itself",
                hint=f"write -machine memory-backend={option.id}, or another id",
            )


class _Names:
    """What is there, by namespace, and who gave it its name."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Origin]] = {}
        self.hints_left = 20

    def collect(self, options: Iterable[Option], *, unique_audio: bool) -> Iterator[Finding]:
        """Every id; a second one of a name in one namespace is what QEMU calls a duplicate."""
        for option in options:
            for namespace, name in _given(option):
                place = _place(option)
                taken = self.known.setdefault(namespace, {})
                if name in taken and (namespace != "audiodev" or unique_audio):
                    yield Finding(
                        kind=Kind.error,
                        place=place,
                        part="node-name" if namespace == "block" else "id",
                        message=f"{_WORDS[namespace]} is called {name!r} already",
                        hint="give each a name of its own",
                    )
                taken.setdefault(name, place)

    def resolve(
        self, properties: Iterable[Property], references: Mapping[str, str], place: Origin
    ) -> Iterator[Finding]:
        """The references among these properties."""
        for name, value, _ in properties:
            namespace = references.get(name)
            if namespace is not None:
                yield from self.find(namespace, name, value, place)

    def resolve_nodes(self, tree: Mapping[str, Any], place: Origin, path: str = "") -> Iterator[Finding]:
        """What a block node names: nodes below it that are not described, and objects."""
        waiting: list[tuple[str, Any, int]] = [(path, tree, 0)]
        while waiting:
            path, here, depth = waiting.pop()
            items = enumerate(here) if isinstance(here, list) else here.items()
            for key, value in items:
                if isinstance(value, (dict, list)):
                    if depth < _DEEPEST:
                        waiting.append((f"{path}{key}.", value, depth + 1))
                else:
                    namespace = _BLOCK_REFERENCES.get(key) if isinstance(key, str) else None
                    if namespace is not None:
                        yield from self.find(namespace, f"{path}{key}", value, place)

    def find_listed(self, part: str, items: list[Value], place: Origin) -> Iterator[Finding]:
        """The threads that a list of them names (``iothread-vq-mapping``, QEMU 9.0)."""
        for number, item in enumerate(items):
            if isinstance(item, dict) and "iothread" in item:
                yield from self.find("object", f"{part}.{number}.iothread", item["iothread"], place)

    def find(self, namespace: str, part: str, name: Value, place: Origin) -> Iterator[Finding]:
        """A finding where nothing of this name is there; what is no name, or an empty one, names nothing."""
        known = self.known.get(namespace, {})
        if not isinstance(name, str) or not name or name in known:
            return
        self.hints_left -= 1
        names = [other for other in islice(known, 200) if len(other) <= 64] if self.hints_left >= 0 else []
        near = get_close_matches(name[:64], names, n=1, cutoff=0.6)
        yield Finding(
            kind=Kind.error,
            place=place,
            part=part,
            message=f"{part} names {_WORDS[namespace]} {name!r}, which is not on this command line",
            hint=f"did you mean {near[0]}?" if near else "",
        )


def _given(option: Option) -> Iterable[tuple[str, str]]:
    """The names that an option gives, with their namespaces."""
    match option:
        case Device():
            return [
                ("device", value) for name, value, _ in option.properties if name == "id" and isinstance(value, str)
            ]
        case Object():
            return (("object", option.id),)
        case Qapi():
            return _given_by_tree(option.flag, option.value)
        case Keyval() if option.flag in _KEYVAL_NAMESPACES:
            namespace = _KEYVAL_NAMESPACES[option.flag]
            return [
                (namespace, str(value))
                for name, value, _ in option.pairs
                if name in ("id", "node-name") and isinstance(value, str)
            ]
    return ()


def _given_by_tree(flag: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if flag in ("-netdev", "-audiodev", "-chardev"):
        if isinstance(tree.get("id"), str):
            yield flag[1:], str(tree["id"])
    elif flag == "-blockdev":
        if isinstance(tree.get("node-name"), str):
            yield "block", str(tree["node-name"])
        yield from _given_below(tree)


def _given_below(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of the nodes that are described inside of a node."""
    waiting: list[tuple[Any, int]] = [(inner, 1) for inner in tree.values() if isinstance(inner, (dict, list))]
    while waiting:
        here, depth = waiting.pop()
        if not isinstance(here, (dict, list)) or depth > _DEEPEST:
            continue
        if isinstance(here, dict) and isinstance(here.get("node-name"), str):
            yield "block", here["node-name"]
        waiting += [(inner, depth + 1) for inner in (here.values() if isinstance(here, dict) else here)]


def _place(option: Option) -> Origin:
    return option.setting.place if not hasattr(option, "place") else option.place
