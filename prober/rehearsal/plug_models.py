"""What came of plugging devices into a machine that stands, and of taking them out again."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from prober.capabilities.models import Version
from prober.commandline.qmp import QmpCommand
from prober.commandline.report import ArgvFinding
from prober.proof.models import Blamed, LiveDifference, Omission, Replacement
from prober.rehearsal.verdict import RehearsalVerdict
from prober.translate.plug_models import PlugTranslation


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlugRequest(_Value):
    """What is asked: commands that are sent, one after the other, to a machine with the ``words`` of an argv.

    The first word is the binary, and is never run.  ``unplug`` are commands that made what is there already, and is to
    be taken out.  ``anyway`` starts also what the check refuses; ``driven`` has the machine's devices driven
    before, as a guest that runs has done.
    """

    words: tuple[str, ...]
    commands: tuple[QmpCommand, ...] = ()
    unplug: tuple[QmpCommand, ...] = ()
    anyway: bool = False
    assume_unknown_present: bool = False
    driven: bool = False


def request_of(
    told: PlugTranslation, *, anyway: bool = False, assume: bool = False, driven: bool = False
) -> PlugRequest:
    """What is rehearsed of devices that were translated; ``assume`` takes for present what was never asked."""
    return PlugRequest(
        words=told.argv,
        commands=tuple(command for device in told.devices for command in device.commands),
        unplug=tuple(command for device in told.unplugged for command in device.commands),
        anyway=anyway,
        assume_unknown_present=assume,
        driven=driven,
    )


class PlugStep(_Value):
    """One command: its ``number``, from 1, what it made (``name``), and what became of it.

    ``said`` are QEMU's words where it refused, ``reason`` is why a command was not sent.  ``seen`` is where the machine
    has what was plugged in, in the words of the command that told (``query-pci: bus 1, slot 00.0``).
    """

    number: int
    execute: str
    name: str
    outcome: Literal["taken", "refused", "crashed", "not sent"]
    said: str = ""
    reason: str = ""
    seen: str = ""


class TakenOut(_Value):
    """How what was plugged in is taken out again: by ``execute`` of ``name``, and what became of that.

    *waits*: it was asked for, and the machine still has it, as the guest has to let go of it first.  ``needs_guest`` is
    whether a guest that runs is asked for its consent, also where one that was never started is not.
    """

    execute: str
    name: str
    outcome: Literal["gone", "waits", "refused", "crashed", "not tried"]
    needs_guest: bool = False
    said: str = ""
    reason: str = ""


class PlugRehearsal(_Value):
    """What one binary made of devices that were plugged in.

    ``ground`` is *proven* where the commands were sent, else *checked*.  ``said`` are QEMU's words where it refused,
    and ``command`` the number of the command that they belong to; 0 where it is the line itself that was refused, and
    ``option`` the one of its options.  ``signal`` is the one that ended QEMU, or ``exit``: this would have killed the
    guest.  ``findings`` are about the commands (their ``position`` is the number of one), from the check and from what
    the machine has; those of the kind *ignored* are about what was taken and is of no use.  ``line_findings`` are about
    the line.  What is about a position in ``replaced`` and ``left_out`` is about a word of the line, or with a QMP
    command as ``flag`` about a command of this number.  ``taken_out`` is what became of taking out again what was
    plugged in, and ``unplugged`` the same of what was there before and was named.  ``driven`` are the devices that were
    driven before, and ``undriven`` those that were not, with the reason.  ``translation`` is what the commands
    come from, where a domain was asked about.
    """

    ground: Literal["checked", "proven"]
    verdict: RehearsalVerdict
    binary: str
    version: Version
    accelerator: str = ""
    said: str = ""
    command: int = 0
    option: Blamed | None = None
    signal: str = ""
    reason: str = ""
    steps: tuple[PlugStep, ...] = ()
    taken_out: tuple[TakenOut, ...] = ()
    unplugged: tuple[TakenOut, ...] = ()
    findings: tuple[ArgvFinding, ...] = ()
    line_findings: tuple[ArgvFinding, ...] = ()
    replaced: tuple[Replacement, ...] = ()
    left_out: tuple[Omission, ...] = ()
    warnings: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()
    undriven: tuple[str, ...] = ()
    readings: int = 0
    differences: tuple[LiveDifference, ...] = ()
    confinement: str = ""
    translation: PlugTranslation | None = None
    seconds: float = 0.0
