"""What a binary has, by name: everything that one recording proves, and how a single thing is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

from prober.capabilities.backends import Listed
from prober.capabilities.models import (
    Accelerator,
    CpuModel,
    GicVersion,
    Kvm,
    Machine,
    OptionKey,
    QomProperty,
    TypeProperties,
    Version,
)
from prober.capabilities.schema import QapiSchema

#: More levels than QEMU's tree of types has.
_DEEPEST = 32

#: Names of which none comes before another; written in their alphabetical order, so that equal answers are equal bytes.
Names: TypeAlias = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str], when_used="json")]

_ARRAY_INDEX = re.compile(r"\[\d+\]$")


class Inventory(BaseModel):
    """What a binary has, without the answers to questions: the fields are those of
    :class:`~prober.capabilities.Capabilities`, which says what they mean.

    Frozen.  What is looked up often is indexed when it is first asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version
    target: str
    kvm: Kvm | None = None
    commands: Names | None = None
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
    #: Not told of a binary that was not asked, so that what is told of all others is what it was.
    gic: tuple[GicVersion, ...] | None = Field(default=None, exclude_if=lambda value: value is None)
    schema_text: str | None = None
    listed: dict[str, Listed] = {}
    drivers: dict[str, str] = {}

    def __copy__(self) -> Self:
        """The fields alone: what was looked up is of the values that this one has, and a copy may get others."""
        return super().__copy__()._without_lookups()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """As :meth:`__copy__`."""
        return super().__deepcopy__(memo)._without_lookups()

    def _without_lookups(self) -> Self:
        for name in self.__dict__.keys() - type(self).model_fields.keys():
            del self.__dict__[name]
        return self

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
        if answer is None or not answer.is_known:
            return None
        return tuple(self.pool[ref] for ref in answer.refs)

    def knows_properties_of(self, typename: str) -> bool:
        """Whether the properties of a type are known, if only that it has none."""
        answer = self.properties.get(self.families.get(typename, typename))
        return answer is not None and answer.is_known

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
