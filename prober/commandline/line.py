"""A command line as its devices, objects and other options are looked up by what checks several of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, TypeVar

from prober.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.aliases import DEVICE_ALIASES
from prober.commandline.block_trees import BlockTree
from prober.commandline.device_types import DeviceType, device_type, known_types
from prober.commandline.json_form import takes_json
from prober.commandline.keys import pairs_of
from prober.commandline.machines.family import MachineFamily, MachineKind
from prober.commandline.machines.find import machine_family, machine_of
from prober.commandline.machines.other import OTHER
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Property, Qapi, Value
from prober.commandline.refusal import Origin
from prober.commandline.text import Text, as_number, as_size, as_switch, first_item, last_item
from prober.errors import FactError

T = TypeVar("T")

#: More accelerators than these nobody names.
_MOST_TRIED = 64


@dataclass(slots=True)  # Not frozen, which takes twice as long; nothing changes one all the same.
class Made:
    """A device that ``-device`` makes: its type (aliases resolved), and its properties by name.

    ``id`` is an empty text where it has none, and ``bus`` where it asks for none: QEMU takes what is no text for no bus
    (``system/qdev-monitor.c``, ``qdev_device_add_from_qdict``).
    """

    type: DeviceType
    values: Mapping[str, Value]
    place: Origin
    id: str
    bus: str
    #: Whether it is written in JSON, and so none of QEMU's lists of options holds it.
    is_json: bool = False

    @classmethod
    def of(cls, option: DeviceOption, kind: DeviceType, *, is_json: bool) -> Made:
        """What an option makes of a type."""
        values = option.values
        ident, bus = values.get("id"), values.get("bus")
        return cls(
            kind,
            values,
            option.place,
            ident if isinstance(ident, str) else "",
            bus if isinstance(bus, str) else "",
            is_json,
        )

    @property
    def typename(self) -> str:
        """The name of its type."""
        return self.type.name


@dataclass
class Line:
    """All options of a command line, in its order and by kind; devices stand in the order in which QEMU makes them.

    ``is_open`` is whether a file or ``-set`` has further options or properties, so nothing can be said to be missing.
    """

    caps: Capabilities
    #: In the order of the command line, each device as what it makes.
    options: list[Made | Global | Object | Qapi | Keyval | Plain] = field(default_factory=list)
    machine: Machine | None = None
    family: MachineFamily = OTHER
    devices: list[Made] = field(default_factory=list)
    by_type: dict[str, list[Made]] = field(default_factory=dict)
    objects: list[Object] = field(default_factory=list)
    qapi: dict[str, list[Qapi]] = field(default_factory=dict)
    keyval: dict[str, list[Keyval]] = field(default_factory=dict)
    plain: dict[str, list[Plain]] = field(default_factory=dict)
    settings: list[Global] = field(default_factory=list)
    #: The names of the properties that these set.
    globals: set[str] = field(default_factory=set)
    #: The properties that some device is given.
    properties: set[str] = field(default_factory=set)
    is_open: bool = False
    #: The name by which the binary is run, empty where it is not known.
    program: str = ""
    #: What was worked out of the line, by what worked it out (see :func:`kept_by_line`).
    kept: dict[Callable[[Line], Any], Any] = field(default_factory=dict)
    _merged: dict[str, dict[str, Value]] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Iterable[Option], caps: Capabilities, program: str = "") -> Line:
        """The options of one command line, in its order, for a binary that is run by this name."""
        line = cls(caps, program=program)
        first: list[Made] = []
        later: list[Made] = []
        reads_json = takes_json("-device", caps)
        known = known_types(caps)
        for option in options:
            match option:
                case DeviceOption():
                    typename = DEVICE_ALIASES.get(option.driver, option.driver)
                    # Those that are written as key=value are made before those in JSON (``system/vl.c``,
                    # ``qemu_create_cli_devices``).
                    keyed = not reads_json or isinstance(option.driver, Text)
                    made = Made.of(option, known.get(typename) or device_type(typename, caps), is_json=not keyed)
                    (first if keyed else later).append(made)
                    line.options.append(made)
                    continue
                case Qapi():
                    line.qapi.setdefault(option.flag, []).append(option)
                case Keyval():
                    line.keyval.setdefault(option.flag, []).append(option)
                case Object():
                    line.objects.append(option)
                case Plain():
                    line.plain.setdefault(option.flag, []).append(option)
                case Global():
                    line.settings.append(option)
                    line.globals.add(option.setting.name)
            line.options.append(option)
        line.devices = [*first, *later]
        for device in line.devices:
            line.by_type.setdefault(device.type.name, []).append(device)
            line.properties.update(device.values)
        line.is_open = "-readconfig" in line.plain or "-set" in line.plain
        line.machine = machine_of(line.keyval.get("-machine", ()), caps)
        if line.machine is not None:
            line.family = machine_family(line.machine.name, caps.target)
        return line

    @property
    def kind(self) -> MachineKind:
        """The kind of the machine's family."""
        return self.family.kind

    @property
    def has_pci(self) -> bool | None:
        """Whether the machine has a PCI bus, of itself or because it is asked for; None where that is not known: of a
        machine of no known family, or where a file may ask for it."""
        if self.family.kind == "other":
            return None
        if self.family.has_pci or not self.family.pci_switch:
            return self.family.has_pci
        wish = switch(self.machine_value(self.family.pci_switch))
        return True if wish else None if self.is_open else False

    @cached_property
    def words(self) -> Set[str]:
        """What the line has, by QEMU's names, for a rule to tell whether there is anything for it to look at.

        These are the flags of options, and their keys (with dashes, however they are written); the types of devices,
        those that they are derived from, and the properties of devices and of globals; the types of objects, and their
        properties; the types of netdevs, block nodes and character devices, and the members of all that is described in
        a tree, and of the block nodes inside of it.
        """
        words = {*self.qapi, *self.keyval, *self.plain, *self.properties, *self.globals}
        words.update([item.qom_type for item in self.objects])
        for devices in self.by_type.values():
            words |= devices[0].type.lineage
        self._add_words_of_trees(words)
        keyed = (option.pairs for options in self.keyval.values() for option in options)
        words.update([name.replace("_", "-") for pairs in keyed for name, _, _ in pairs])
        words.update([name for item in self.objects for name, _, _ in item.properties])
        words.update([option.first for option in self.keyval.get("-chardev", ())])
        if self.settings:
            words.add("-global")
        return words

    def _add_words_of_trees(self, words: set[str]) -> None:
        for options in self.qapi.values():
            for option in options:
                words.update(option.value)
                kind = option.value.get(option.implied)
                if isinstance(kind, str):
                    words.add(kind)
        for tree in self.block_trees:
            for _, node in tree.nodes[1:]:
                words.update(node)

    def of_type(self, *typenames: str) -> Iterator[Made]:
        """The devices of these types (not of derived ones), in the order in which QEMU makes them."""
        for typename in typenames:
            yield from self.by_type.get(typename, ())

    def derived_from(self, base: str) -> Iterator[Made]:
        """The devices of types that are derived from this one, in the order in which QEMU makes them."""
        return iter([device for device in self.devices if base in device.type.lineage])

    def values(self, flag: str, key: str) -> Iterator[Value]:
        """What all options of this name say for a key, a first word that stands for one included."""
        for option in self.keyval.get(flag, ()):
            for item in pairs_of(option):
                if item.name == key:
                    yield item.value

    def merged(self, flag: str) -> dict[str, Value]:
        """What counts for each key: options of one name are merged, and the last word is QEMU's."""
        found = self._merged.get(flag)
        if found is None:
            found = {item.name: item.value for option in self.keyval.get(flag, ()) for item in pairs_of(option)}
            self._merged[flag] = found
        return found

    def value(self, flag: str, key: str) -> Value:
        """What counts: options of one name are merged, and the last word is QEMU's."""
        return self.merged(flag).get(key)

    def machine_value(self, key: str) -> Value:
        """A key of ``-machine``, however its dashes are written."""
        other = self.value("-machine", key.replace("-", "_")) if "-" in key else None
        return self.value("-machine", key) if other is None else other

    def device(self, ident: str) -> Made | None:
        """The first device of this id."""
        return self._by_id.get(ident)

    @cached_property
    def _by_id(self) -> dict[str, Made]:
        return {device.id: device for device in reversed(self.devices)}

    @cached_property
    def block_trees(self) -> list[BlockTree]:
        """What each ``-blockdev`` describes, in the order of the line."""
        return [BlockTree.of(option) for option in self.qapi.get("-blockdev", ())]

    @cached_property
    def netdevs(self) -> dict[str, Qapi]:
        """The first netdev of each id."""
        return {str(option.value.get("id")): option for option in reversed(self.qapi.get("-netdev", ()))}

    @cached_property
    def accelerator(self) -> str:
        """The accelerator that the line ends up with; empty where the host decides, or the name of the binary.

        Of ``-accel`` the first that works counts, and ``tcg`` always does; ``-enable-kvm`` is ``-machine accel=kvm``.
        Without any it is ``tcg``, unless the binary's name ends in ``kvm`` (``system/vl.c``,
        ``configure_accelerators``).
        """
        if self.is_open or "-qtest" in self.plain:
            return ""
        names = [option.first or str(value_of(option.pairs, "accel", "")) for option in self.keyval.get("-accel", ())]
        if not names:
            names = self._accelerators_of_machine()
        if not names and self.program.endswith("kvm"):
            names = ["kvm", "tcg"]
        known = list(filter(self.has_accelerator, names)) if len(names) <= _MOST_TRIED else []
        return known[0] if known and (len(known) == 1 or known[0] == "tcg") else "" if names else "tcg"

    def has_accelerator(self, name: str) -> bool:
        """Whether the binary has an accelerator that anybody may have named; what can be no name it has not."""
        try:
            return bool(name) and self.caps.has(f"{name}-accel")
        except FactError:
            return False

    def _accelerators_of_machine(self) -> list[str]:
        """What the last ``accel=`` of ``-machine`` names, or ``-enable-kvm`` after it."""
        found = ""
        for option in self.options:
            if isinstance(option, Keyval) and option.flag == "-machine":
                found = str(value_of(option.pairs, "accel", found))
            elif isinstance(option, Plain) and option.flag == "-enable-kvm":
                found = "kvm"
        return found.split(":") if found else []

    @property
    def has_usb(self) -> bool:
        """Whether the machine may have a USB controller of its own."""
        wish = self.machine_value("usb")
        return bool(self.plain.keys() & {"-usb", "-usbdevice"}) or (wish is not None and switch(wish) is not False)

    @property
    def has_acpi(self) -> bool:
        """Whether ACPI is not turned off."""
        return "-no-acpi" not in self.plain and switch(self.machine_value("acpi")) is not False


def kept_by_line(work_out: Callable[[Line], T]) -> Callable[[Line], T]:
    """What several rules look at: it is worked out when the first asks for it, and the line keeps it for the others."""

    @wraps(work_out)
    def look_up(line: Line) -> T:
        if work_out not in line.kept:
            line.kept[work_out] = work_out(line)
        found: T = line.kept[work_out]
        return found

    return look_up


def value_of(properties: Iterable[Property], name: str, default: Value = None) -> Value:
    """What counts of a property that may be given again, or the default: the last, but of an id the first.

    So do ``util/qemu-option.c`` (``qemu_opt_find``, ``opts_parse_id``) and ``util/keyval.c``.
    """
    found = [item.value for item in properties if item.name == name]
    if not found:
        return default
    counts: Value = first_item(found[0]) if name == "id" else last_item(found[-1])
    return counts


def switch(value: Value) -> bool | None:
    """A switch as QEMU reads it, or None for what is not given or none."""
    if isinstance(value, bool):
        return value
    return as_switch(str(value)) if isinstance(value, str) else None


def number(value: Value) -> int | None:
    """A whole number as QEMU reads it, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return as_number(str(value)) if isinstance(value, str) else None


def size(value: Value) -> int | None:
    """A size in bytes as QEMU reads it, in tens also where a zero stands before it (``qemu_strtosz``), or None."""
    found = as_size(str(value)) if isinstance(value, str) else None
    return number(value) if found is None else found
