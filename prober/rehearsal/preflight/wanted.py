"""What a domain asks of its host: its options as named things with values, and what has to be prepared for them.

It starts from the same options as the argv, so nothing is forgotten that is on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prober.capabilities import Capabilities
from prober.commandline.block_trees import DEEPEST_NODE
from prober.commandline.drive_values import drive_values_of, file_of, is_read_only
from prober.commandline.images import Opening, find_openings, local_path
from prober.commandline.line import Line
from prober.commandline.options import (
    DeviceOption,
    Global,
    Keyval,
    Need,
    Object,
    Option,
    Plain,
    Qapi,
    Value,
    meant,
)
from prober.commandline.prepared import find_needs, number_descriptors
from prober.commandline.refusal import Place
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.host.host import Host
from prober.host.target import Target
from prober.translate.order import emit
from prober.translate.pipeline import translate
from prober.translate.places import place_in_xml, place_of_part, places_by_name
from prober.translate.steps import complete_into
from prober.translate.target import find_target

#: Block nodes that hand on what is below them as it is.
_FILTERS = frozenset({"throttle", "copy-on-read", "preallocate"})

#: Options of one disk image, by its file's name alone; the empty flag is a word by itself.
_SHORT = ("", "-hda", "-hdb", "-hdc", "-hdd", "-cdrom", "-fda", "-fdb", "-mtdblock", "-pflash", "-sd")

#: Options whose first word is the type of what they make, and what such are called.
_TYPED = {"-chardev": "chardev", "-fsdev": "fsdev", "-virtfs": "fsdev", "-tpmdev": "tpmdev"}
_TYPED_TREES = {"-netdev": "netdev", "-audiodev": "audiodev", "-display": "display", "-chardev": "chardev"}


@dataclass(frozen=True)
class HostItem:
    """One thing on the command line: what it is (``noun``: device, object, netdev, block driver, option …), of which
    type, and its values by name.

    ``needs`` is what somebody has to prepare for it.  ``above`` is, of a block node, the one that reads it.
    """

    noun: str
    name: str
    values: Mapping[str, Value]
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    above: HostItem | None = None

    def text(self, name: str) -> str:
        """A value that is a text; empty for anything else."""
        value = self.values.get(name)
        return str(value) if isinstance(value, str) else ""

    def where(self, name: str) -> Place:
        """The place of a value, or that of the whole."""
        return self.places.get(name, self.place)

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.values.get(name) is True or self.text(name) in ("on", "yes", "true", "y")


@dataclass(frozen=True)
class HostNeed:
    """Something that whoever starts QEMU prepares: the need, the value that stands for it, and where it is asked."""

    need: Need
    text: str
    place: Place


@dataclass(frozen=True)
class HostWishes:
    """All that one domain asks of its host.  ``openings`` are those of image files, by the file's name."""

    binary: str
    domain: Domain
    target: Target
    items: tuple[HostItem, ...]
    needs: tuple[HostNeed, ...]
    openings: Mapping[str, tuple[Opening, ...]]

    def device(self, alias: str) -> Device | None:
        """The device of this alias."""
        return next((device for device in self.domain.devices.every if device.alias == alias), None)

    def of(self, noun: str) -> Iterator[HostItem]:
        """The things of one kind, in the order of the argv."""
        return (item for item in self.items if item.noun == noun)


def find_wanted(
    domain: Domain, caps: Capabilities, *, binary: str, host: Host, is_here: bool, assume: bool
) -> HostWishes:
    """What a domain asks of its host, if this QEMU runs it.

    ``is_here`` and ``assume`` are as :func:`prober.translate.pipeline.translate` has them.

    :raise RefusedError: where it does not, with every reason.
    """
    translate(domain, caps, binary=binary, host=host, is_here=is_here, assume_unknown_present=assume)
    target = find_target(domain, caps, None, host, is_here=is_here)
    completed = complete_into([], domain, target)
    options, _ = number_descriptors(emit(completed, target))
    return wanted_of(meant(options), completed, target, binary)


def wanted_of(options: list[Option], completed: Domain, target: Target, binary: str) -> HostWishes:
    """What the options of a completed domain ask of the host."""
    openings: dict[str, list[Opening]] = {}
    for opening in find_openings(Line.of(options, target.caps)).files:
        openings.setdefault(opening.name, []).append(opening)
    return HostWishes(
        binary=binary,
        domain=completed,
        target=target,
        items=tuple(_items(options, target.place)),
        needs=tuple(
            HostNeed(found.need, found.text, place_of_part(option, found.key, target.place))
            for option in options
            for found in find_needs(option)
        ),
        openings={name: tuple(found) for name, found in openings.items()},
    )


def _items(options: list[Option], default: Place) -> Iterator[HostItem]:
    blocks = [option for option in options if isinstance(option, Qapi) and option.flag == "-blockdev"]
    # From the last to the first, as each names only those before it: what reads a node is known when that is met.
    readers: dict[str, HostItem] = {}
    nodes: list[list[HostItem]] = []
    for block in reversed(blocks):
        above = readers.get(str(block.value.get("node-name")))
        nodes.append(list(_nodes(block.value, block, default, above, readers, 0)))
    for found in reversed(nodes):
        yield from found
    for option in options:
        if option not in blocks:
            yield from _item(option, default)


def _nodes(
    values: Mapping[str, Value],
    option: Qapi,
    default: Place,
    above: HostItem | None,
    readers: dict[str, HostItem],
    depth: int,
) -> Iterator[HostItem]:
    """A block node, and those that are written inside of it."""
    places = {name: place_in_xml(place, default) for name, place in option.places.items()}
    # The file of a layer is named in the layer below, whose places are of the same element.
    item = HostItem(
        "block driver",
        str(values.get("driver", "")),
        values,
        place_in_xml(option.place, default),
        places,
        _needs_of(option),
        above,
    )
    yield item
    reader = item if item.name not in _FILTERS or above is None else above
    for name, value in values.items():
        # What is named as anything else is read by no format of ours: a base without a format node is raw.
        if name == "file" and isinstance(value, str):
            readers[str(value)] = reader
        elif isinstance(value, dict) and "driver" in value and depth < DEEPEST_NODE:
            yield from _nodes(value, option, default, reader if name == "file" else None, readers, depth + 1)


def _item(option: Option, default: Place) -> Iterator[HostItem]:
    place = place_in_xml(option.setting.place if isinstance(option, Global) else option.place, default)
    needs = _needs_of(option)
    match option:
        case DeviceOption():
            places = places_by_name(option.properties, default)
            yield HostItem("device", option.driver, option.values, place, places, needs)
        case Object():
            values = {item.name: item.value for item in option.properties}
            places = places_by_name(option.properties, default)
            yield HostItem("object", option.qom_type, {**values, "id": option.id}, place, places, needs)
        case Qapi():
            noun = _TYPED_TREES.get(option.flag, "option")
            kind = str(option.value.get(option.implied, "")) if noun != "option" else option.flag
            places = {name: place_in_xml(at, default) for name, at in option.places.items()}
            yield HostItem(noun, kind, option.value, place, places, needs)
        case Keyval():
            yield from _of_keys(option, place, needs, default)
        case Plain():
            yield from _of_word(option, place, needs)
        case Global():
            yield HostItem("option", "-global", {option.setting.name: option.setting.value}, place)


def _of_keys(option: Keyval, place: Place, needs: tuple[Need, ...], default: Place) -> Iterator[HostItem]:
    if option.flag == "-drive":
        yield from _drive(option, place)
        return
    values = {item.name: item.value for item in option.pairs}
    noun = _TYPED.get(option.flag, "option")
    name = option.first if noun != "option" else option.flag
    yield HostItem(noun, name, {"": option.first, **values}, place, places_by_name(option.pairs, default), needs)


def _of_word(option: Plain, place: Place, needs: tuple[Need, ...]) -> Iterator[HostItem]:
    if option.flag == "-display":
        yield HostItem("display", (option.value or "").partition(",")[0], {}, place, {}, needs)
    elif option.flag in _SHORT:
        yield from _file(option.value or "", None, place)
    else:
        yield HostItem("option", option.flag, {"": option.value}, place, {}, needs)


def _drive(option: Keyval, place: Place) -> Iterator[HostItem]:
    """A drive as the node that its file is, under one of its format."""
    values = drive_values_of(option)
    name = file_of(values) or str(values.get("file.filename") or "")
    kind = values.get("format", values.get("driver"))
    if name:
        yield from _file(name, str(kind) if isinstance(kind, str) else None, place, is_read_only(values))
    elif "file.driver" in values:
        yield HostItem("block driver", str(values["file.driver"]), values, place)


def _file(name: str, kind: str | None, place: Place, read_only: bool = False) -> Iterator[HostItem]:
    path = local_path(name)
    above = HostItem("block driver", kind or "", {"read-only": read_only}, place)
    if path:
        yield HostItem("block driver", "file", {"filename": path, "read-only": read_only}, place, above=above)
    else:
        yield HostItem("block driver", name.partition(":")[0], {"filename": name}, place, above=above)


def _needs_of(option: Option) -> tuple[Need, ...]:
    return tuple(found.need for found in find_needs(option))
