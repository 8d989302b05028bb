"""What one QEMU has and another has not, or has otherwise.  Pure.

Nothing is told twice.  A machine's or a CPU model's own QOM type is not among the types.  CPU models of one family
have one set of properties (:mod:`prober.qemu.families`), so the family is compared once, under its first common
member.  What belongs to something that is new or gone (the members of a new command, of a new block driver) is not
told besides.

*Unknown* on one side is neither added nor removed: it is counted apart, for each group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.difference import GROUPS, Change, Difference, Group, Side
from prober.capabilities.facts import is_not_found
from prober.capabilities.members import is_deprecated, readable_schema
from prober.capabilities.membersdiff import member_changes
from prober.capabilities.models import Accelerator, CpuModel, Machine, QomProperty
from prober.capabilities.schema import QapiSchema
from prober.qemu.families import cpu_family

_MACHINE_SIDES = (
    "alias", "is_default", "default_cpu_type", "default_ram_id", "cpu_max", "hotpluggable_cpus",
    "numa_mem_supported", "acpi",
)  # fmt: skip
_CPU_SIDES = ("alias_of", "typename", "migration_safe", "static")
#: Where None says "none", and not "not told".
_MAY_BE_NONE = frozenset({"alias", "alias_of"})


def diff(a: Capabilities, b: Capabilities) -> Difference:
    """What differs from A to B.

    :raise RecordingError: where a schema has not the form that QEMU gives it.
    """
    return _Comparison(a, b).compare()


class _Comparison:
    def __init__(self, a: Capabilities, b: Capabilities) -> None:
        self.a = a
        self.b = b
        self.changes: dict[str, list[Change]] = {name: [] for name in GROUPS}
        self.unknown: dict[str, int] = dict.fromkeys(GROUPS, 0)
        self._told: dict[tuple[str, str], bool] = {}
        self.properties_compared = 0
        self.defaults_compared = 0
        self.accelerator = next(
            (name for name in ("kvm", "tcg") if name in a.accelerators and name in b.accelerators), None
        )

    def compare(self) -> Difference:
        self._machines()
        self._cpu_models()
        self._types()
        self._properties()
        with readable_schema():
            self._schema()
        self._options()
        self._backends()
        return Difference(
            a=Side(version=self.a.version, target=self.a.target),
            b=Side(version=self.b.version, target=self.b.target),
            accelerator=self.accelerator,
            groups=tuple(
                Group(name=name, changes=tuple(sorted(self.changes[name], key=_order)), unknown=self.unknown[name])
                for name in GROUPS
            ),
            properties_compared=self.properties_compared,
            defaults_compared=self.defaults_compared,
        )

    def _lists(
        self, group: str, a: Iterable[str] | None, b: Iterable[str] | None, prefix: str = "", of: str = ""
    ) -> list[str]:
        """Tell what is on one list alone; the names that are on both.  A list that was not asked is None."""
        if a is None or b is None:
            known = a if a is not None else b
            self.unknown[group] += len(list(known or ()))
            return []
        first, second = set(filter(None, a)), set(filter(None, b))  # QEMU has options without a name
        self.changes[group] += [Change(fact=prefix + name, kind="removed", of=of) for name in first - second]
        self.changes[group] += [Change(fact=prefix + name, kind="added", of=of) for name in second - first]
        return sorted(first & second)

    def _deprecation(self, group: str, fact: str, a: bool, b: bool) -> None:
        if a != b:
            self.changes[group].append(Change(fact=fact, kind="deprecated" if b else "undeprecated"))

    def _sides(
        self, group: str, a: Mapping[str, Machine] | Mapping[str, CpuModel], b: Any, name: str, sides: Iterable[str]
    ) -> None:
        """Compare fields that both QEMUs tell."""
        for side in sides:
            if (told := self._told.get((group, side))) is None:
                told = self._told[group, side] = _tells(a, side) and _tells(b, side)
            one, other = getattr(a[name], side), getattr(b[name], side)
            if told and (side in _MAY_BE_NONE or (one is not None and other is not None)):
                self._changed(group, name, side.replace("_", "-"), one, other)

    def _changed(self, group: str, fact: str, what: str, a: JsonValue, b: JsonValue, of: str = "") -> None:
        if a != b or type(a) is not type(b):
            self.changes[group].append(Change(fact=fact, kind="changed", what=what, a=a, b=b, of=of))

    def _under(self, caps: Capabilities) -> Accelerator:
        return caps.accelerators[self.accelerator] if self.accelerator is not None else caps.accelerator

    def _machines(self) -> None:
        a, b = self._under(self.a).machines or self.a.machines, self._under(self.b).machines or self.b.machines
        for name in self._lists("machines", a, b):
            assert a is not None and b is not None
            self._deprecation("machines", name, a[name].deprecated, b[name].deprecated)
            self._sides("machines", a, b, name, _MACHINE_SIDES)

    def _cpu_models(self) -> None:
        a, b = self._under(self.a).cpu_models, self._under(self.b).cpu_models
        for name in self._lists("cpu-models", a, b):
            assert a is not None and b is not None
            self._deprecation("cpu-models", name, a[name].deprecated, b[name].deprecated)
            self._sides("cpu-models", a, b, name, _CPU_SIDES)

    def _types(self) -> None:
        a, b = _types_by_name(self.a), _types_by_name(self.b)
        untold = set()
        if self.a.abstract_types is None or self.b.abstract_types is None:
            # One was asked for concrete types alone: what is abstract in the other may be there as well.
            every = {**(a or {}), **(b or {})}
            untold = {name for name in every if not (name in (a or {}) and name in (b or {})) and every[name]}
            self.unknown["types"] += len(untold)
        left_out = untold | _types_of_others(self.a) | _types_of_others(self.b)
        for group, wanted in (("devices", True), ("types", False)):
            for name in self._lists(group, self._wanted(a, wanted, left_out), self._wanted(b, wanted, left_out)):
                assert a is not None and b is not None
                self._changed(group, name, "abstract", a[name], b[name])

    def _wanted(self, types: dict[str, bool] | None, devices: bool, left_out: set[str]) -> list[str] | None:
        if types is None:
            return None
        return [name for name in types if name not in left_out and self._is_device(name) is devices]

    def _is_device(self, name: str) -> bool:
        return any("device" in caps.ancestors(name) for caps in (self.a, self.b))

    def _properties(self) -> None:
        for fact, typename in _compared_types(self.a, self.b):
            a, b = self.a.properties_of(typename), self.b.properties_of(typename)
            if a is None or b is None:
                self.unknown["properties"] += 1
                continue
            same_question = self._question(self.a, typename) == self._question(self.b, typename)
            first, second = _by_name(a, same_question), _by_name(b, same_question)
            common = self._lists("properties", first, second, f"{fact}.", fact)
            self.properties_compared += len(common)
            for name in common:
                self._property(fact, first[name], second[name])

    def _question(self, caps: Capabilities, typename: str) -> str:
        return caps.properties[caps.families.get(typename, typename)].command

    def _property(self, of: str, a: QomProperty, b: QomProperty) -> None:
        fact = f"{of}.{a.name}"
        self._changed("properties", fact, "type", a.type, b.type, of)
        # Where one tells none, it may be that this QEMU tells no defaults at all.
        if a.default_value is not None and b.default_value is not None:
            self.defaults_compared += 1
            self._changed("properties", fact, "default", a.default_value, b.default_value, of)

    def _schema(self) -> None:
        common = self._lists("commands", self.a.commands, self.b.commands)
        a, b = self.a.schema_, self.b.schema_
        self._lists("events", _events(a), _events(b))
        if a is None or b is None:
            self.unknown["members"] += len(common)
            return
        for name in common:
            was, now = a.command(name), b.command(name)
            assert was is not None and now is not None
            self._deprecation("commands", name, is_deprecated(was), is_deprecated(now))
            self.changes["members"] += member_changes(a, b, name)

    def _backends(self) -> None:
        """The displays and audio drivers that each lists, and the block drivers of modules that each has; character
        devices are told as types."""
        for option in ("display", "audiodev"):
            a, b = (caps.listed[option].names if option in caps.listed else None for caps in (self.a, self.b))
            self._lists("options", a, b, f"-{option} ")
        self._lists("options", drivers_of(self.a), drivers_of(self.b), "-blockdev ")

    def _options(self) -> None:
        a, b = self.a.options, self.b.options
        for name in self._lists("options", a, b, "-"):
            assert a is not None and b is not None
            first = {key.name: key.type for key in a[name]}
            second = {key.name: key.type for key in b[name]}
            for key in self._lists("keys", first, second, f"-{name}."):
                self._changed("keys", f"-{name}.{key}", "type", first[key], second[key])


#: What ``device-list-properties`` leaves out and ``qom-list-properties`` does not (QEMU, ``qom/qom-qmp-cmds.c``).
_QOM_ALONE = frozenset({"type", "realized", "hotpluggable", "hotplugged", "parent_bus"})
#: Properties that are "just string versions of properties that we already list" (the same file).
_LEGACY = "legacy-"


def _by_name(properties: Iterable[QomProperty], same_question: bool) -> dict[str, QomProperty]:
    return {
        item.name: item
        for item in properties
        if not item.name.startswith(_LEGACY) and (same_question or item.name not in _QOM_ALONE)
    }


def _tells(items: Mapping[str, Machine] | Mapping[str, CpuModel], side: str) -> bool:
    """Whether this QEMU tells it at all: of one item at least.  An older one leaves it out of its answer."""
    return any(getattr(item, side) for item in items.values())


def drivers_of(caps: Capabilities) -> list[str] | None:
    """Those that it has of the block drivers that it was asked for, None where it was asked for none."""
    return [driver for driver, words in caps.drivers.items() if not words] if caps.drivers else None


def _events(schema: QapiSchema | None) -> list[str] | None:
    return None if schema is None else list(schema.events())


def _types_by_name(caps: Capabilities) -> dict[str, bool] | None:
    """Each type that can be had, and whether it is abstract; a listed type that cannot be loaded is not there."""
    if caps.types is None:
        return None
    known = dict.fromkeys(caps.abstract_types or (), True) | dict.fromkeys(caps.types, False)
    return {name: abstract for name, abstract in known.items() if not _cannot_load(caps, name)}


def _cannot_load(caps: Capabilities, name: str) -> bool:
    answer = caps.properties.get(name)
    return answer is not None and answer.error is not None and is_not_found(answer.error)


def _types_of_others(caps: Capabilities) -> set[str]:
    """The QOM types of machines and CPU models, which are told as these."""
    names: set[str] = set()
    for accelerator in caps.accelerators.values():
        names.update(f"{name}-machine" for name in accelerator.machines or ())
        names.update(
            model.typename or f"{model.name}-{caps.target}-cpu" for model in (accelerator.cpu_models or {}).values()
        )
    return names


def _compared_types(a: Capabilities, b: Capabilities) -> Iterator[tuple[str, str]]:
    """Each type whose properties can be compared, with the name that stands in the fact."""
    machines = _machine_names(a) | _machine_names(b)
    told: set[str] = set()
    for name in sorted(_known_types(a) & _known_types(b)):
        family = cpu_family(name, (a.types or {}).get(name)) and cpu_family(name, (b.types or {}).get(name))
        if family is not None:
            if family in told:
                continue
            told.add(family)
        yield machines.get(name, name), name


def _known_types(caps: Capabilities) -> set[str]:
    """Concrete types that are there; abstract ones are asked for nothing."""
    known = set(caps.types or ()) | set(caps.properties)
    return {name for name in known if not _cannot_load(caps, name)}


def _machine_names(caps: Capabilities) -> dict[str, str]:
    return {f"{name}-machine": name for name in caps.machines or ()}


def _order(change: Change) -> tuple[object, ...]:
    """Names in order, numbers in them by their value."""
    pieces = re.split(r"(\d+)", change.fact)
    natural = tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces)
    return natural, change.when, change.kind, change.what
