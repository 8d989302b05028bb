"""What options say of one another: ids given once, and references that point at something on this command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from prober.capabilities.facts import did_you_mean
from prober.commandline.block_trees import BlockTree
from prober.commandline.device_types import DEVICE_REFERENCES
from prober.commandline.line import Line, Made
from prober.commandline.options import Keyval, Object, Property, Qapi, Value
from prober.commandline.refusal import Finding, Kind, Origin
from prober.commandline.text import is_identifier

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

#: Properties of objects that name something else, by what they name.
_OBJECT_REFERENCES = {
    "chardev": "chardev",
    "iothread": "object",
    "netdev": "netdev",
    "keyid": "object",
    "passwordid": "object",
    "prealloc-context": "object",
    "canbus": "object",
    # What the filters of a netdev read and write (``net/filter-mirror.c``, ``net/colo-compare.c``).
    "indev": "chardev",
    "outdev": "chardev",
    "primary_in": "chardev",
    "secondary_in": "chardev",
    "notify_dev": "chardev",
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
    # ``chardev`` is what a ``mux`` lies over (``chardev/char-mux.c``), ``chardevs`` are those of a ``hub`` (QEMU 10.0,
    # ``chardev/char-hub.c``, which has room for four).
    "-chardev": {
        "tls-creds": "object",
        "chardev": "chardev",
        **{f"chardevs.{number}": "chardev" for number in range(4)},
    },
    "-numa": {"memdev": "object"},
}


#: The same of netdevs: a hub's port, and what a vhost-user netdev talks over.
_NETDEV_REFERENCES = {"netdev": "netdev", "chardev": "chardev"}

#: Options with a tree that give a name besides ``-blockdev``, by its namespace.
_TREE_NAMESPACES = {"-netdev": "netdev", "-audiodev": "audiodev", "-chardev": "chardev"}

#: The id of what ``-audio`` makes beside a card, where it gives none (``system/vl.c``).
_AUDIO_ID = "audiodev0"

#: Options with keys that give a name, by its namespace.
_KEYVAL_NAMESPACES = {"-chardev": "chardev", "-drive": "block", "-tpmdev": "tpmdev", "-fsdev": "fsdev"}


#: All options with keys that give a name or refer to one.
_KEYVALS = frozenset({*_KEYVAL_NAMESPACES, *_KEYVAL_REFERENCES})


def check_references(line: Line) -> list[Finding]:
    """Ids that are given twice, and references to what is not there."""
    # Of audiodevs QEMU 10.0 takes the first, and says nothing; 11.1 makes objects of them (``audio/audio.c``).
    names = _Names(unique_audio=line.caps.version.numbers >= (11, 1, 0))
    trees = iter(line.block_trees)
    for option in line.options:
        match option:
            case Made():
                _of_device(option, names)
            case Qapi(flag="-blockdev"):
                if "node-name" not in option.value:
                    names.open.append(_no_node_name(option))
                names.look_at_nodes(next(trees))
            case Qapi():
                _of_tree(option, names)
            case Keyval() if option.flag in _KEYVALS:
                _of_pairs(option, names)
            case Object():
                names.give("object", option.id, option.place)
                names.resolve(option.properties, _OBJECT_REFERENCES, option.place)
                if not is_identifier(option.id):
                    names.open.append(_no_identifier(option))
    return names.close()


def _of_device(device: Made, names: _Names) -> None:
    refers = device.type.refers
    names.give("device", device.values.get("id"), device.place)
    for name, value in device.values.items():
        if name in refers:
            names.find(refers[name], name, value, device.place)
        elif value.__class__ is list and name not in DEVICE_REFERENCES:
            names.find_listed(name, value, device.place)


def _of_tree(option: Qapi, names: _Names) -> None:
    if option.flag == "-audio":
        if "model" in option.value:
            names.give("audiodev", option.value.get("id", _AUDIO_ID), option.place)
    elif option.flag in _TREE_NAMESPACES:
        names.give(_TREE_NAMESPACES[option.flag], option.value.get("id"), option.place)
        if option.flag == "-netdev":
            for name, namespace in _NETDEV_REFERENCES.items():
                if name in option.value:
                    names.find(namespace, name, option.value[name], option.place)


def _of_pairs(option: Keyval, names: _Names) -> None:
    namespace, references = _KEYVAL_NAMESPACES.get(option.flag), _KEYVAL_REFERENCES.get(option.flag)
    if namespace is not None:
        for name, value, _ in option.pairs:
            if name in ("id", "node-name"):
                names.give(namespace, value, option.place)
    if references is not None:
        names.resolve(option.pairs, references, option.place)
    if option.flag == "-mon" and option.first:
        names.find("chardev", "chardev", option.first, option.place)


def _no_node_name(option: Qapi) -> Finding:
    return Finding(
        kind=Kind.error,
        place=option.place,
        part="node-name",
        message="a block node on a command line needs a node-name",
        qemu_name="blockdev-add.node-name",
        rule="line/node-name",
    )


def _no_identifier(option: Object) -> Finding:
    return Finding(
        kind=Kind.error,
        place=option.place,
        part="id",
        message=f"{option.id[:64]!r} is no id: letters, digits, - . and _, beginning with a letter",
        rule="line/id",
    )


def check_reserved(line: Line) -> Iterator[Finding]:
    """An object with the name that the machine gives its own memory (``hw/core/machine.c``, ``default_ram_id``)."""
    machine = line.machine
    if machine is None:
        return
    for option in line.objects:
        if option.id == machine.default_ram_id and not _has_own_memory(line):
            yield Finding(
                kind=Kind.error,
                place=option.place,
                part="id",
                message=f"{option.id} is the name of the memory that {machine.name} makes itself",
                hint=f"write -machine memory-backend={option.id}, or another id",
                rule="line/memory-id",
            )


def _has_own_memory(line: Line) -> bool:
    """Whether the command line says what memory the machine has, so that it makes none itself."""
    keyed = [*line.keyval.get("-machine", ()), *line.keyval.get("-numa", ())]
    return any(item.name in ("memory-backend", "memdev") for option in keyed for item in option.pairs)


class _Reference(NamedTuple):
    """A part of an option that names something."""

    namespace: str
    part: str
    name: str
    place: Origin


class _Names:
    """What is there, by namespace, and what names something that is not there yet.

    Options are looked at once, in their order: most name only what stands before them.
    """

    def __init__(self, *, unique_audio: bool) -> None:
        self.unique_audio = unique_audio
        self.known: dict[str, dict[str, None]] = {namespace: {} for namespace in _WORDS}
        self.twice: list[Finding] = []
        #: What is to be said once all names are known: of references only if they still lead nowhere.
        self.open: list[Finding | _Reference] = []
        self.hints_left = 20

    def give(self, namespace: str, name: Value, place: Origin) -> None:
        """One name; a second one of a name in one namespace is what QEMU calls a duplicate."""
        if not isinstance(name, str):
            return
        known = self.known[namespace]
        if name not in known:
            known[name] = None
        elif namespace != "audiodev" or self.unique_audio:
            self.twice.append(
                Finding(
                    kind=Kind.error,
                    place=place,
                    part="node-name" if namespace == "block" else "id",
                    message=f"{_WORDS[namespace]} is called {name!r} already",
                    hint="give each a name of its own",
                    rule="line/id-twice",
                )
            )

    def resolve(self, properties: Iterable[Property], references: Mapping[str, str], place: Origin) -> None:
        """The references among these properties."""
        for name, value, _ in properties:
            namespace = references.get(name)
            if namespace is not None:
                self.find(namespace, name, value, place)

    def look_at_nodes(self, tree: BlockTree) -> None:
        """What a block node and those that are described inside of it are called, and what they name: nodes that are
        not described there, and objects."""
        for path, node in tree.nodes:
            self.give("block", node.get("node-name"), tree.place)
            for key, value in node.items():
                if key in _BLOCK_REFERENCES:
                    self.find(_BLOCK_REFERENCES[key], f"{path}{key}", value, tree.place)

    def find_listed(self, part: str, items: list[Value], place: Origin) -> None:
        """The threads that a list of them names (``iothread-vq-mapping``, QEMU 9.0)."""
        for number, item in enumerate(items):
            if isinstance(item, dict) and "iothread" in item:
                self.find("object", f"{part}.{number}.iothread", item["iothread"], place)

    def find(self, namespace: str, part: str, name: Value, place: Origin) -> None:
        """Whether something of this name is there; what is no name, or an empty one, names nothing."""
        if isinstance(name, str) and name and name not in self.known[namespace]:
            self.open.append(_Reference(namespace, part, name, place))

    def close(self) -> list[Finding]:
        """All that is wrong, now that no more names are given."""
        found = self.twice
        for item in self.open:
            if isinstance(item, Finding):
                found.append(item)
            elif item.name not in self.known[item.namespace]:
                found.append(self._dangling(item))
        return found

    def _dangling(self, item: _Reference) -> Finding:
        namespace, part, name, place = item
        self.hints_left -= 1
        known = islice(self.known[namespace], 200)
        names = [other for other in known if len(other) <= 64] if self.hints_left >= 0 else []
        near = get_close_matches(name[:64], names, n=1, cutoff=0.6)
        return Finding(
            kind=Kind.error,
            place=place,
            part=part,
            message=f"{part} names {_WORDS[namespace]} {name!r}, which is not on this command line",
            hint=did_you_mean(near),
            rule="line/reference",
        )
