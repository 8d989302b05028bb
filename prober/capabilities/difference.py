"""What :func:`prober.capabilities.diff.diff` says: models alone."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.models import Version
from prober.errors import UnknownNameError

_CONFIG = ConfigDict(frozen=True, extra="forbid")

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "deprecated", "undeprecated"]

#: The groups, in the order in which they are told.
GROUPS = (
    "machines",
    "cpu-models",
    "devices",
    "types",
    "properties",
    "commands",
    "events",
    "members",
    "options",
    "keys",
)


class Change(BaseModel):
    """One thing that B has otherwise than A.

    ``fact`` is QEMU's name, as ``prober supports`` takes it (but for events, which no fact tells of).  Of what is
    *changed*, ``what`` says which side of it (``type``, ``default``, ``optional``, ``alias`` …), and ``a`` and ``b``
    how it is in each.  ``of`` is the type or machine that a property belongs to; ``when`` are the tags that a member
    needs (``driver=file``).
    """

    model_config = _CONFIG

    fact: str
    kind: ChangeKind
    what: str = ""
    a: JsonValue = None
    b: JsonValue = None
    of: str = ""
    when: tuple[str, ...] = ()


class Group(BaseModel):
    """The changes of one sort.

    ``unknown`` counts what could not be compared, as a side does not know of it: of ``properties`` the types whose
    properties are unknown to one, of the others the things on the list that the one side has and the other was never
    asked for.
    """

    model_config = _CONFIG

    name: str
    changes: tuple[Change, ...]
    unknown: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many changes of each kind."""
        return dict(Counter(change.kind for change in self.changes))


class Side(BaseModel):
    """One of the two QEMUs."""

    model_config = _CONFIG

    version: Version
    target: str


class Difference(BaseModel):
    """What an upgrade from A to B brings and takes away.

    ``accelerator`` is the one under which machines and CPU models were listed on both sides, None where there is none
    in common.  ``defaults_compared`` is how many properties of how many that both have (``properties_compared``) have
    their default told by both.
    """

    model_config = _CONFIG

    a: Side
    b: Side
    accelerator: str | None
    groups: tuple[Group, ...]
    properties_compared: int = 0
    defaults_compared: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to differ."""
        return not any(group.changes for group in self.groups)

    def group(self, name: str) -> Group:
        """One of :data:`GROUPS`.

        :raise UnknownNameError: where there is none of this name.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise UnknownNameError(f"no group of a difference is called {name!r}", hint=f"these are: {', '.join(GROUPS)}")
