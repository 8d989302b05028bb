"""Why a domain is not translated: one form for every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

from prober.capabilities.evidence import Evidence


# Neither this nor the options are frozen, though nothing ever changes one: a domain comes to hundreds of them, and a
# frozen one takes twice the time to make.
@dataclass(slots=True, unsafe_hash=True)
class Place:
    """A place in the XML: 1-based ``line`` (0 for the document as a whole) and XPath-like ``path``.

    ``/domain/devices/disk[2]/driver/@cache``: positions count elements of one name, from 1, and are left
    out where there is only one.
    """

    line: int
    path: str

    def attribute(self, name: str) -> Place:
        """The place of an attribute of the element that stands here."""
        return Place(self.line, f"{self.path}/@{name}")


class Position(NamedTuple):
    """A place on a command line: the index of the word that holds the option's flag (0 is the binary).

    A tuple, as every option of a command line has one.
    """

    word: int
    flag: str


#: Where a part of an option comes from: a domain's XML, or a command line.
Origin: TypeAlias = Place | Position


class Refusal(BaseModel):
    """One reason.

    ``message`` says what was asked for and why it cannot be had, ``qemu_name`` is QEMU's name of what is
    missing (``PIIX4_PM.acpi-root-pci-hotplug``), ``evidence`` what the binary said of it, ``hint`` what
    would help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: Place
    message: str
    qemu_name: str | None = None
    evidence: Evidence | None = None
    hint: str = ""

    def __str__(self) -> str:
        """``LINE: PATH: message (hint)``; the caller puts the file's name before it."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place.line}: {self.place.path}: {self.message}{hint}"
