"""A command line as its devices, objects and other options are looked up by what checks several of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prober.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.aliases import DEVICE_ALIASES, MachineKind
from prober.commandline.json_form import takes_json
from prober.commandline.keys import pairs_of
from prober.commandline.options import Device, Global, Keyval, Object, Option, Plain, Property, Qapi, Value
from prober.commandline.refusal import Origin
from prober.commandline.text import Text, as_number, as_size, as_switch
from prober.commandline.unused import machine_kind, machine_of


@dataclass(slots=True)  # Not frozen, which takes twice as long; nothing changes one all the same.
class Made:
    """A device that ``-device`` makes: its type (aliases resolved), and its properties by name."""

    typename: str
    values: Mapping[str, Value]
    place: Origin

    @property
    def id(self) -> str:
        """Its id, or an empty text."""
        ident = self.values.get("id")
        return ident if isinstance(ident, str) else ""

    @property
    def bus(self) -> str:
        """The bus that it asks for, or an empty text: QEMU takes what is no text for no bus
        (``system/qdev-monitor.c``, ``qdev_device_add_from_qdict``)."""
        bus = self.values.get("bus")
        return bus if isinstance(bus, str) else ""


@dataclass
class Line:
    """All options of a command line by kind; devices stand in the order in which QEMU makes them.

    ``is_open`` is whether a file or ``-set`` has further options or properties, so nothing can be said to be missing.
    """

    caps: Capabilities
    machine: Machine | None = None
    kind: MachineKind = "other"
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
    _lineages: dict[str, frozenset[str]] = field(default_factory=dict)
    _merged: dict[str, dict[str, Value]] = field(default_factory=dict)

    @classmethod
    def of(cls, options: list[Option], caps: Capabilities) -> Line:
        """The options of one command line, in its order."""
        machine = machine_of(options, caps)
        line = cls(caps, machine, machine_kind(machine.name) if machine is not None else "other")
        first: list[Made] = []
        later: list[Made] = []
        reads_json = takes_json("-device", caps)
        for option in options:
            match option:
                case Device():
                    made = Made(
                        DEVICE_ALIASES.get(option.driver, option.driver),
                        {name: value for name, value, _ in option.properties},
                        option.place,
                    )
                    # Those that are written as key=value are made before those in JSON (``system/vl.c``,
                    # ``qemu_create_cli_devices``).
                    keyed = not reads_json or isinstance(option.driver, Text)
                    (first if keyed else later).append(made)
                case Object():
                    line.objects.append(option)
                case Qapi():
                    line.qapi.setdefault(option.flag, []).append(option)
                case Keyval():
                    line.keyval.setdefault(option.flag, []).append(option)
                case Plain():
                    line.plain.setdefault(option.flag, []).append(option)
                case Global():
                    line.settings.append(option)
                    line.globals.add(option.setting.name)
        line.devices = [*first, *later]
        for device in line.devices:
            line.by_type.setdefault(device.typename, []).append(device)
            line.properties.update(device.values)
        line.is_open = "-readconfig" in line.plain or "-set" in line.plain
        return line

    def lineage(self, typename: str) -> frozenset[str]:
        """A type and those that it is derived from, as far as that was told."""
        found = self._lineages.get(typename)
        if found is None:
            found = self._lineages[typename] = frozenset((typename, *self.caps.ancestors(typename)))
        return found

    def of_type(self, *typenames: str) -> Iterator[Made]:
        """The devices of these types (not of derived ones), in the order in which QEMU makes them."""
        for typename in typenames:
            yield from self.by_type.get(typename, ())

    def derived_from(self, base: str) -> Iterator[Made]:
        """The devices of types that are derived from this one, in the order in which QEMU makes them."""
        types = {typename for typename in self.by_type if base in self.lineage(typename)}
        return iter([device for device in self.devices if device.typename in types] if types else ())

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
        return next((device for device in self.devices if device.id == ident), None)

    @property
    def has_acpi(self) -> bool:
        """Whether ACPI is not turned off."""
        return "-no-acpi" not in self.plain and switch(self.machine_value("acpi")) is not False


def value_of(properties: Iterable[Property], name: str, default: Value = None) -> Value:
    """What the first property of this name says, or the default."""
    return next((item.value for item in properties if item.name == name), default)


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
    """A size in bytes as QEMU reads it, or None."""
    found = number(value)
    return as_size(str(value)) if found is None and isinstance(value, str) else found
