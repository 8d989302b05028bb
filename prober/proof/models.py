"""What is said of a command line that a QEMU was started with."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.models import Version
from prober.commandline.refusal import Note
from prober.commandline.report import ArgvFinding
from prober.translate.translation import Translation


class ProofVerdict(StrEnum):
    """What came of it.  Only the first two were taken by the QEMU."""

    proven = "proven"
    in_part = "proven in part"
    refused = "refused"
    not_provable = "not provable"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replacement(_Value):
    """One part of an option (empty for all of it) that something else stood in for, and what that was (``by``).

    ``position`` is the index of the word that holds the ``flag``, in the line that was given.
    """

    position: int
    flag: str
    part: str
    by: str


class Omission(_Value):
    """An option, or one part of it, that QEMU was started without, and ``why``."""

    position: int
    flag: str
    part: str
    why: str


class Blamed(_Value):
    """The option that QEMU's words belong to."""

    position: int
    flag: str
    part: str = ""


class LiveDifference(_Value):
    """A value that was given, and what the live QEMU has in its place.

    ``path`` is where it is in QOM, ``part`` the name of the property; ``got`` is as QMP tells it.
    """

    position: int
    flag: str
    part: str
    path: str
    given: str
    got: JsonValue


class LiveHotplug(_Value):
    """An option of PCI hot-plug as the live machine has it: ``PIIX4_PM.acpi-root-pci-hotplug``."""

    name: str
    path: str
    value: JsonValue


class LiveBus(_Value):
    """A PCI bus of the live machine.

    ``handler`` is the type of the device that handles hot-plug there, empty where none does.
    """

    name: str
    path: str
    handler: str


class Proof(_Value):
    """What one binary made of one line.

    ``ground`` is *proven* where the QEMU itself was asked, and *checked* where the line was not started.  ``binary`` is
    what was asked for, and ``program`` the file of this host that the process which answered runs (empty where none
    answered, or its file is not there any more).  ``accelerator`` is the one that it was started with (``kvm``,
    ``tcg``; empty where it was not, or did not stand).  ``said`` are QEMU's own words where it refused, ``reason`` is
    why a line is not provable, or was not started.  ``findings`` are those of the check, and what the live QEMU added:
    options that it ignored, and what it warned of.  ``readings`` counts the values that were read back, ``hotplug`` and
    ``buses`` are what the live machine has of PCI hot-plug, ``translation`` is what a domain came to, where one was
    asked about, and ``notes`` are that translation's.  ``confinement`` is the form of the box that it was started in
    (empty where it was not), and ``unconfined`` what could not be had of one, a sentence each.  ``seconds`` is the
    whole of it; ``remembered`` says that it was not started anew.
    """

    ground: Literal["checked", "proven"]
    verdict: ProofVerdict
    binary: str
    program: str = ""
    version: Version
    accelerator: str
    said: str = ""
    option: Blamed | None = None
    reason: str = ""
    replaced: tuple[Replacement, ...] = ()
    left_out: tuple[Omission, ...] = ()
    findings: tuple[ArgvFinding, ...] = ()
    warnings: tuple[str, ...] = ()
    readings: int = 0
    differences: tuple[LiveDifference, ...] = ()
    unread: tuple[str, ...] = ()
    hotplug: tuple[LiveHotplug, ...] = ()
    buses: tuple[LiveBus, ...] = ()
    translation: Translation | None = None
    notes: tuple[Note, ...] = ()
    confinement: str = ""
    unconfined: tuple[str, ...] = ()
    seconds: float = 0.0
    remembered: bool = False
