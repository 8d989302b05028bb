"""The models behind :class:`~prober.capabilities.Capabilities`: what a recording proves, item by item.

All are frozen.  A field that is None was never asked; an empty one was asked, and is empty.
"""

from __future__ import annotations

from functools import cached_property, total_ordering
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.dataclasses import dataclass

_CONFIG = ConfigDict(frozen=True, extra="forbid")


@total_ordering
class Version(BaseModel):
    """A QEMU version: ``7.2.22``, with the packager's string (``Debian 1:7.2+dfsg-7+deb12u18``)."""

    model_config = _CONFIG

    major: int
    minor: int
    micro: int
    package: str = ""

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.numbers < other.numbers

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The version as a tuple, for comparing."""
        return self.major, self.minor, self.micro

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.micro}"


@dataclass(frozen=True, slots=True, config=ConfigDict(title="Property"))
class QomProperty:
    """One property of a QOM type, as QEMU describes it (QAPI ``ObjectPropertyInfo``).

    A dataclass with slots, as a binary has thousands of them and they are held in memory.
    """

    #: What ``/openapi.json`` calls it.
    __qualname__ = "Property"

    name: str
    type: str
    description: str | None = None
    default_value: JsonValue = None

    def __reduce__(self) -> tuple[Any, ...]:
        # By a function, as its class has another name than that which it is found by.
        return _property, (self.name, self.type, self.description, self.default_value)


def _property(name: str, type_: str, description: str | None, default_value: JsonValue) -> QomProperty:
    return QomProperty(name, type_, description, default_value)


@dataclass(frozen=True, slots=True)
class ReplyError:
    """QEMU's error reply, or (``crashed``) the signal and last words of a QEMU that died of the question."""

    cls: str
    desc: str
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class TypeProperties:
    """What a type answered: ``refs`` point into :attr:`Capabilities.pool`, or ``error`` says why not.

    A machine that cannot be asked, as that kills the binary, may have told by ``-machine NAME,help``: it has both.
    """

    command: Literal["qom-list-properties", "device-list-properties", "x-prober-help"]
    refs: tuple[int, ...] = ()
    error: ReplyError | None = None

    @property
    def is_known(self) -> bool:
        """Whether the properties are known, if only that there are none."""
        return self.error is None or bool(self.refs)


class Machine(BaseModel):
    """A machine of ``query-machines``."""

    model_config = _CONFIG

    name: str
    alias: str | None = None
    is_default: bool = False
    cpu_max: int | None = None
    hotpluggable_cpus: bool = False
    numa_mem_supported: bool | None = None
    deprecated: bool = False
    default_cpu_type: str | None = None
    default_ram_id: str | None = None
    acpi: bool | None = None


class CpuModel(BaseModel):
    """A CPU model of ``query-cpu-definitions``.  ``unavailable_features`` is None where QEMU does not say."""

    model_config = _CONFIG

    name: str
    typename: str | None = None
    unavailable_features: tuple[str, ...] | None = None
    migration_safe: bool | None = None
    static: bool | None = None
    deprecated: bool = False
    alias_of: str | None = None


class CpuExpansion(BaseModel):
    """One ``query-cpu-model-expansion``: what ``model`` (with ``asked_props``) is made of."""

    model_config = _CONFIG

    type: str
    model: str
    asked_props: dict[str, JsonValue] = {}
    props: dict[str, JsonValue] | None = None
    error: str | None = None


class Accelerator(BaseModel):
    """What depends on the accelerator that QEMU ran with."""

    model_config = _CONFIG

    machines: dict[str, Machine] | None = None
    cpu_models: dict[str, CpuModel] | None = None
    cpu_expansions: tuple[CpuExpansion, ...] = ()

    def machine(self, name: str) -> Machine | None:
        """The machine of this name or alias (``q35``), or None."""
        return (self.machines or {}).get(name) or self._aliases.get(name)

    @cached_property
    def default_machine(self) -> Machine | None:
        """The machine that a command line is for which names none."""
        return next((machine for machine in (self.machines or {}).values() if machine.is_default), None)

    @cached_property
    def _aliases(self) -> dict[str, Machine]:
        # Of several machines with one alias the first counts (``system/vl.c``, ``find_machine``).
        return {machine.alias: machine for machine in reversed((self.machines or {}).values()) if machine.alias}


class GicVersion(BaseModel):
    """One of ``query-gic-capabilities``: whether QEMU emulates a GIC of this version, and whether the kernel has it."""

    model_config = _CONFIG

    number: int
    emulated: bool
    kernel: bool


class Kvm(BaseModel):
    """``query-kvm``: ``present`` is whether QEMU was built with it, ``enabled`` whether it ran with it."""

    model_config = _CONFIG

    present: bool
    enabled: bool


class OptionKey(BaseModel):
    """A key of a command-line option (``query-command-line-options``)."""

    model_config = _CONFIG

    name: str
    type: str
