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

from pydantic import JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.difference import GROUPS, Change, Difference, Group, Side
from prober.capabilities.explain import parents_of
from prober.capabilities.facts import is_not_found
from prober.capabilities.members import is_deprecated, readable_schema
from prober.capabilities.membersdiff import member_changes
from prober.capabilities.models import Accelerator, CpuModel, Machine, Property
from prober.capabilities.schema import QapiSchema
from prober.qemu.families import cpu_family

_MACHINE_SIDES = ("default_cpu_type", "default_ram_id", "cpu_max", "hotpluggable_cpus", "numa_mem_supported", "acpi")
_CPU_SIDES = ("typename", "migration_safe", "static")


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

    def _lists(self, group: str, a: Iterable[str] | None, b: Iterable[str] | None, prefix: str = "") -> list[str]:
        """Tell what is on one list alone; the names that are on both.  A list that was not asked is None."""
        if a is None or b is None:
            known = a if a is not None else b
            self.unknown[group] += len(list(known or ()))
            return []
        first, second = set(a), set(b)
        self.changes[group] += [Change(fact=prefix + name, kind="removed") for name in first - second]
        self.changes[group] += [Change(fact=prefix + name, kind="added") for name in second - first]
        return sorted(first & second)

    def _deprecation(self, group: str, fact: str, a: bool, b: bool) -> None:
        if a != b:
            self.changes[group].append(Change(fact=fact, kind="deprecated" if b else "undeprecated"))

    def _sides(self, group: str, fact: str, a: Machine | CpuModel, b: Machine | CpuModel, sides: Iterable[str]) -> None:
        """Compare fields; None means that this QEMU does not tell."""
        for side in sides:
            one, other = getattr(a, side), getattr(b, side)
            if one is not None and other is not None:
                self._changed(group, fact, side.replace("_", "-"), one, other)

    def _changed(self, group: str, fact: str, what: str, a: JsonValue, b: JsonValue) -> None:
        if a != b or type(a) is not type(b):
            self.changes[group].append(Change(fact=fact, kind="changed", what=what, a=a, b=b))

    def _under(self, caps: Capabilities) -> Accelerator:
        return caps.accelerators[self.accelerator] if self.accelerator is not None else caps.accelerator

    def _machines(self) -> None:
        a, b = self._under(self.a).machines or self.a.machines, self._under(self.b).machines or self.b.machines
        for name in self._lists("machines", a, b):
            assert a is not None and b is not None
            self._deprecation("machines", name, a[name].deprecated, b[name].deprecated)
            self._changed("machines", name, "alias", a[name].alias, b[name].alias)
            self._changed("machines", name, "is-default", a[name].is_default, b[name].is_default)
            self._sides("machines", name, a[name], b[name], _MACHINE_SIDES)

    def _cpu_models(self) -> None:
        a, b = self._under(self.a).cpu_models, self._under(self.b).cpu_models
        for name in self._lists("cpu-models", a, b):
            assert a is not None and b is not None
            self._deprecation("cpu-models", name, a[name].deprecated, b[name].deprecated)
            self._changed("cpu-models", name, "alias-of", a[name].alias_of, b[name].alias_of)
            self._sides("cpu-models", name, a[name], b[name], _CPU_SIDES)

    def _types(self) -> None:
        told_elsewhere = _types_of_others(self.a) | _types_of_others(self.b)
        a, b = _types_by_name(self.a), _types_by_name(self.b)
        for group, wanted in (("devices", True), ("types", False)):
            one, other = (
                None if types is None else [name for name in types if self._is_device(name) is wanted]
                for types in (a, b)
            )
            one, other = (
                None if names is None else [name for name in names if name not in told_elsewhere]
                for names in (one, other)
            )
            for name in self._lists(group, one, other):
                assert a is not None and b is not None
                was, now = a[name], b[name]
                self._changed(group, name, "abstract", was, now)
        if self.a.abstract_types is None or self.b.abstract_types is None:
            self.unknown["types"] += len(self.a.abstract_types or self.b.abstract_types or ())

    def _is_device(self, name: str) -> bool:
        return any("device" in parents_of(caps, name) for caps in (self.a, self.b))

    def _properties(self) -> None:
        for fact, typename in _compared_types(self.a, self.b):
            a, b = self.a.properties_of(typename), self.b.properties_of(typename)
            if a is None or b is None:
                self.unknown["properties"] += 1
                continue
            first, second = {item.name: item for item in a}, {item.name: item for item in b}
            common = self._lists("properties", first, second, f"{fact}.")
            self.properties_compared += len(common)
            for name in common:
                self._property(f"{fact}.{name}", first[name], second[name])

    def _property(self, fact: str, a: Property, b: Property) -> None:
        self._changed("properties", fact, "type", a.type, b.type)
        # Where one tells none, it may be that this QEMU tells no defaults at all.
        if a.default_value is not None and b.default_value is not None:
            self.defaults_compared += 1
            self._changed("properties", fact, "default", a.default_value, b.default_value)

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

    def _options(self) -> None:
        a, b = self.a.options, self.b.options
        for name in self._lists("options", a, b, "-"):
            assert a is not None and b is not None
            first = {key.name: key.type for key in a[name]}
            second = {key.name: key.type for key in b[name]}
            for key in self._lists("keys", first, second, f"-{name}."):
                self._changed("keys", f"-{name}.{key}", "type", first[key], second[key])


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


def _machine_names(caps: Capabilities) -> Mapping[str, str]:
    return {f"{name}-machine": name for name in caps.machines or ()}


def _order(change: Change) -> tuple[object, ...]:
    """Names in order, numbers in them by their value."""
    pieces = re.split(r"(\d+)", change.fact)
    natural = tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces)
    return natural, change.when, change.kind, change.what
