"""All that one recording proves of a QEMU binary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from prober.capabilities.derive import derive
from prober.capabilities.evidence import Evidence
from prober.capabilities.facts import resolve
from prober.capabilities.models import (
    Accelerator,
    CpuModel,
    Kvm,
    Machine,
    OptionKey,
    QomProperty,
    TypeProperties,
    Version,
)
from prober.capabilities.schema import QapiSchema
from prober.errors import RecordingError
from prober.qemu.recording import Recording

#: More levels than QEMU's tree of types has.
_DEEPEST = 32


class Capabilities(BaseModel):
    """What a binary can do.  Frozen, without I/O, the same for a live interview and a replayed one.

    ``types`` maps each concrete QOM type to its parent (None where QEMU does not tell), ``abstract_types``
    the abstract ones.  ``properties`` holds what each asked type answered, by reference into ``pool``,
    since most properties of one type stand in many others; ``families`` maps a CPU model's type to the one
    that was asked for its whole family.  ``schema_text`` is the compact JSON of ``query-qmp-schema``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version
    target: str
    kvm: Kvm | None = None
    commands: frozenset[str] | None = None
    options: dict[str, tuple[OptionKey, ...]] | None = None
    types: dict[str, str | None] | None = None
    abstract_types: dict[str, str | None] | None = None
    pool: tuple[QomProperty, ...] = ()
    properties: dict[str, TypeProperties] = {}
    families: dict[str, str] = {}
    accelerators: dict[str, Accelerator] = {}
    tpm_models: tuple[str, ...] | None = None
    tpm_types: tuple[str, ...] | None = None
    migration_capabilities: tuple[str, ...] | None = None
    sev: JsonValue = None
    sgx: JsonValue = None
    schema_text: str | None = None

    @classmethod
    def from_recording(cls, recording: Recording) -> Self:
        """Derive all that the recording proves.

        :raise RecordingError: where a reply has not the form that QEMU's QAPI schema promises, or where
            the version was never asked.
        """
        try:
            return cls.model_validate(derive(recording))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise RecordingError(f"a reply has not the form that QEMU gives it: {where}: {first['msg']}") from error

    @cached_property
    def schema_(self) -> QapiSchema | None:
        """The QAPI schema, or None for a QEMU without ``query-qmp-schema`` (before 2.5)."""
        return None if self.schema_text is None else QapiSchema.loads(self.schema_text)

    @cached_property
    def parents(self) -> dict[str, str | None]:
        """The parent of each type, abstract or not; empty where the types were never asked."""
        return {**(self.abstract_types or {}), **(self.types or {})}

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The types that are derived from each type itself, where there are any."""
        found: dict[str, list[str]] = {}
        for name, parent in self.parents.items():
            if parent is not None:
                found.setdefault(parent, []).append(name)
        return {parent: tuple(names) for parent, names in found.items()}

    def ancestors(self, typename: str) -> Iterator[str]:
        """The types that a type descends from, nearest first, as far as QEMU tells; each once, whatever it tells."""
        seen = {typename}
        parent = self.parents.get(typename)
        while parent is not None and parent not in seen and len(seen) <= _DEEPEST:
            yield parent
            seen.add(parent)
            parent = self.parents.get(parent)

    @cached_property
    def accelerator(self) -> Accelerator:
        """What the first part of the interview was run with: KVM where it could be, else TCG."""
        return next(iter(self.accelerators.values()), Accelerator())

    @property
    def machines(self) -> dict[str, Machine] | None:
        """The machines by name, as the first accelerator lists them."""
        return self.accelerator.machines

    @property
    def cpu_models(self) -> dict[str, CpuModel] | None:
        """The CPU models by name, as the first accelerator lists them."""
        return self.accelerator.cpu_models

    def machine(self, name: str) -> Machine | None:
        """The machine of this name or alias (``q35``), or None."""
        return self.accelerator.machine(name)

    def properties_of(self, typename: str) -> tuple[QomProperty, ...] | None:
        """The properties of a type; for a CPU model those of its family; None where they are unknown."""
        answer = self.properties.get(self.families.get(typename, typename))
        if answer is None or answer.error is not None:
            return None
        return tuple(self.pool[ref] for ref in answer.refs)

    def knows_properties_of(self, typename: str) -> bool:
        """Whether the properties of a type are known, if only that it has none."""
        answer = self.properties.get(self.families.get(typename, typename))
        return answer is not None and answer.error is None

    def property_of(self, typename: str, name: str) -> QomProperty | None:
        """One property of a type, or None where it has none of this name, or its properties are unknown.

        ``feature[0]`` is found in an array property ``feature[*]``.
        """
        known = self._by_name.get(typename)
        if known is None:
            known = {item.name: item for item in self.properties_of(typename) or ()}
            if known:  # of types that the binary has, as anybody may ask for others
                self._by_name[typename] = known
        found = known.get(name)
        if found is None and name.endswith("]"):
            found = known.get(_ARRAY_INDEX.sub("[*]", name))
        return found

    @cached_property
    def _by_name(self) -> dict[str, dict[str, QomProperty]]:
        return {}

    @cached_property
    def crashing_types(self) -> dict[str, str]:
        """Types whose introspection kills this QEMU, with the signal and its last words."""
        return {
            name: answer.error.desc
            for name, answer in self.properties.items()
            if answer.error is not None and answer.error.crashed
        }

    def supports(self, fact: str) -> Evidence:
        """What this binary says of a fact, in QEMU's own names.

        ``PIIX4_PM`` (a type, machine, CPU model or QMP command), ``PIIX4_PM.acpi-root-pci-hotplug`` (a
        property), ``blockdev-add.discard`` (a member of a command's arguments), ``-overcommit`` and
        ``-overcommit.mem-lock`` (a command-line option and its key).

        :raise FactError: where the name is not of one of these forms.
        """
        evidence = self._evidence.get(fact)
        if evidence is None:
            evidence = resolve(self, fact)
            if len(self._evidence) < _REMEMBERED_FACTS:
                self._evidence[fact] = evidence
        return evidence

    def has(self, fact: str) -> bool:
        """Whether a fact is proven present; for choosing between two spellings."""
        return self.supports(fact).is_present

    def has_feature(self, command: str, feature: str) -> bool:
        """Whether the schema names this feature of a QMP command; a sign of what else came with it."""
        entity = self.schema_.command(command) if self.schema_ is not None else None
        # A feature is a name, or since QEMU 9.x an object with one.
        for item in () if entity is None else entity.get("features", ()):
            if (item if isinstance(item, str) else item.get("name")) == feature:
                return True
        return False

    @cached_property
    def _evidence(self) -> dict[str, Evidence]:
        return {}


_ARRAY_INDEX = re.compile(r"\[\d+\]$")

#: How many answers one Capabilities keeps; a client may ask for anything, so there is an end to it.
_REMEMBERED_FACTS = 4096
