"""Making what a page is told of capabilities and domains.  Pure: nothing is read, asked or written here."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import drivers_of
from prober.capabilities.facts import is_not_found
from prober.capabilities.members import MemberNode, is_deprecated, readable_schema, unfold
from prober.capabilities.models import Accelerator, QomProperty
from prober.pages.models import (
    NONE,
    AcceleratorRow,
    CommandRow,
    CpuRow,
    DomainCell,
    DomainRow,
    MemberRow,
    OptionRow,
    PageBook,
    Pools,
    PropertyTold,
    QemuRow,
    TypeMark,
    TypeRow,
    UsedRow,
    machine_row,
)
from prober.qemu.families import cpu_family
from prober.translate.uses import Uses

R = TypeVar("R")


class _Pool(Generic[R]):
    """Rows, each once, and the number of each."""

    def __init__(self) -> None:
        self.rows: list[R] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, row: R, key: Hashable = None) -> int:
        """The number of a row; ``key`` tells it from others where it cannot be hashed itself, or is equal to others."""
        known = row if key is None else key
        found = self._numbers.setdefault(known, len(self.rows))
        if found == len(self.rows):
            self.rows.append(row)
        return found


class BookMaker:
    """Makes a :class:`~prober.pages.models.PageBook`, a QEMU and a domain at a time."""

    def __init__(self) -> None:
        self._properties = _Pool[PropertyTold]()
        self._property_lists = _Pool[tuple[int, ...]]()
        self._types = _Pool[TypeRow]()
        self._machines = _Pool[tuple[Any, ...]]()
        self._cpus = _Pool[CpuRow]()
        self._members = _Pool[MemberRow]()
        self._member_lists = _Pool[tuple[int, ...]]()
        self._commands = _Pool[CommandRow]()
        self._options = _Pool[OptionRow]()
        self._used = _Pool[UsedRow]()
        self._outcomes = _Pool[DomainCell]()
        self._qemus: list[QemuRow] = []
        self._domains: list[DomainRow] = []
        self._cells: list[tuple[int, ...]] = []

    def add_qemu(self, label: str, caps: Capabilities, ident: str = "") -> None:
        """All that is known of one QEMU; ``label`` is what it was named by.

        :raise RecordingError: where its schema has not the form that QEMU gives it.
        """
        kvm = None if caps.kvm is None else (caps.kvm.present, caps.kvm.enabled)
        schema = caps.schema_
        listed = (caps.listed[name].names if name in caps.listed else None for name in ("display", "audiodev"))
        with readable_schema():
            commands = self._commands_of(caps)
            events = None if schema is None else tuple(sorted(schema.events()))
        self._qemus.append(
            QemuRow(
                label=label,
                ident=ident,
                version=str(caps.version),
                package=caps.version.package,
                target=caps.target,
                kvm=kvm,
                accelerators=tuple(self._accelerator(name, one) for name, one in caps.accelerators.items()),
                has_types=caps.types is not None,
                has_abstract=caps.abstract_types is not None,
                types=tuple(self._types.number(row) for row in self._type_rows(caps)),
                commands=commands,
                events=events,
                options=self._options_of(caps),
                backends=(*(None if names is None else tuple(names) for names in listed), _tuple(drivers_of(caps))),
            )
        )

    def add_domain(self, name: str, xml: str, outcomes: Sequence[tuple[DomainCell, Uses | None]]) -> None:
        """One domain, and what each QEMU makes of it, in the order in which they were added."""
        self._domains.append(DomainRow(name, xml))
        cells = (cell if uses is None else cell._replace(used=self._uses(uses)) for cell, uses in outcomes)
        self._cells.append(tuple(self._outcomes.number(cell) for cell in cells))

    def make(self, title: str, made: str) -> PageBook:
        """The book of what was added."""
        return PageBook(
            title=title,
            made=made,
            pools=Pools(
                properties=self._properties.rows,
                property_lists=self._property_lists.rows,
                types=self._types.rows,
                machines=self._machines.rows,
                cpus=self._cpus.rows,
                members=self._members.rows,
                member_lists=self._member_lists.rows,
                commands=self._commands.rows,
                options=self._options.rows,
                used=self._used.rows,
            ),
            qemus=tuple(self._qemus),
            domains=tuple(self._domains),
            outcomes=tuple(self._outcomes.rows),
            cells=tuple(self._cells),
        )

    def _uses(self, uses: Uses) -> int:
        row = UsedRow(tuple(sorted(uses.facts)), tuple(sorted(uses.types)), tuple(sorted(uses.members)))
        return self._used.number(row)

    def _accelerator(self, name: str, of: Accelerator) -> AcceleratorRow:
        machines, cpus = of.machines, of.cpu_models
        return AcceleratorRow(
            name,
            None if machines is None else tuple(self._machines.number(machine_row(one)) for one in machines.values()),
            None
            if cpus is None
            else tuple(
                self._cpus.number(
                    CpuRow(one.name, one.deprecated, one.alias_of, one.typename, one.migration_safe, one.static)
                )
                for one in cpus.values()
            ),
        )

    def _type_rows(self, caps: Capabilities) -> Iterator[TypeRow]:
        """Each type that is listed, or was asked for its properties."""
        for name in sorted({*caps.parents, *caps.properties}):
            answer = caps.properties.get(caps.families.get(name, name))
            own = caps.properties.get(name)
            error = None if answer is None else answer.error
            yield TypeRow(
                name=name,
                parent=caps.parents.get(name),
                marks=int(_marks(caps, name)),
                properties=self._property_list(caps.properties_of(name)),
                question="" if answer is None else answer.command,
                family=cpu_family(name, (caps.types or {}).get(name)),
                said=(own.error.desc if own is not None and own.error is not None else error.desc if error else ""),
            )

    def _property_list(self, properties: Sequence[QomProperty] | None) -> int:
        if properties is None:
            return NONE
        return self._property_lists.number(tuple(self._property(one) for one in properties))

    def _property(self, of: QomProperty) -> int:
        row = PropertyTold(of.name, of.type, of.default_value, of.description or "")
        # True is equal to 1, and a default may be a list.
        return self._properties.number(row, (of.name, of.type, repr(of.default_value), of.description))

    def _commands_of(self, caps: Capabilities) -> tuple[int, ...] | None:
        schema = caps.schema_
        if caps.commands is None:
            return None
        rows = []
        for name in sorted(caps.commands):
            entity = None if schema is None else schema.command(name)
            members = NONE if schema is None or entity is None else self._member_list(unfold(schema, name))
            rows.append(CommandRow(name, is_deprecated(entity), members))
        return tuple(map(self._commands.number, rows))

    def _member_list(self, nodes: Iterable[MemberNode]) -> int:
        return self._member_lists.number(tuple(self._member(node) for node in nodes))

    def _member(self, node: MemberNode) -> int:
        is_object = node.same_as is None and (bool(node.members) or "object" in node.type)
        row = MemberRow(
            name=node.name,
            type=node.type,
            optional=node.optional,
            deprecated=node.deprecated,
            when=node.when,
            values=tuple((value.name, value.deprecated) for value in node.values),
            below=self._member_list(node.members) if is_object else NONE,
        )
        return self._members.number(row)

    def _options_of(self, caps: Capabilities) -> tuple[int, ...] | None:
        if caps.options is None:
            return None
        rows = (OptionRow(name, tuple((key.name, key.type) for key in keys)) for name, keys in caps.options.items())
        return tuple(map(self._options.number, rows))


def _marks(caps: Capabilities, name: str) -> TypeMark:
    own = caps.properties.get(name)
    error = None if own is None else own.error
    is_concrete = name in (caps.types or {})
    said = (
        (TypeMark.CONCRETE, is_concrete),
        (TypeMark.ABSTRACT, not is_concrete and name in (caps.abstract_types or {})),
        (TypeMark.UNLOADABLE, error is not None and is_not_found(error)),
        (TypeMark.CRASHED, error is not None and error.crashed),
        (TypeMark.DEVICE, "device" in caps.ancestors(name)),
        (TypeMark.ASKED, own is not None),
    )
    marks = TypeMark(0)
    for mark, holds in said:
        marks |= mark if holds else TypeMark(0)
    return marks


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
