"""What one QEMU says of one domain, for ``prober check``: who is asked, and what comes back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from prober.cli import output
from prober.cli.choosing import find_program
from prober.cli.exits import ExitCode, exit_code
from prober.cli.files import with_place
from prober.cli.local import Local, interviewed, recorded
from prober.cli.moment import with_moment
from prober.cli.translating import Here, HostFile, translate_here
from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.errors import ProberError, RefusedError, UnreadableDomainError, UsageError
from prober.qemu.bundled import RECORDING_ENDS, as_path, bundled_name, bundled_names, named_recording
from prober.translate.read import read_domain
from prober.translate.target import targets_of
from prober.translate.wishes import NO_WISHES, Wishes


class Failed(NamedTuple):
    """Why a QEMU could not be asked."""

    message: str
    hint: str
    code: ExitCode


class Source(NamedTuple):
    """One QEMU, what it was named by, and the file of its host's settings; ``is_one_of_many`` is whether a directory
    was named, and not the recording."""

    qemu: Local
    label: str
    settings: HostFile
    is_one_of_many: bool = False


class CheckAsked(NamedTuple):
    """How it is asked."""

    assume_unknown_present: bool = False
    prove: bool = False
    wishes: Wishes = NO_WISHES


@dataclass
class QemuOutcome:
    """What one QEMU says of the domain.  ``error`` is why it could not be asked; ``other_target`` what it is for, where
    it is a recording of a directory, and the domain is for something else: then it was left out."""

    label: str
    version: dict[str, Any] | None = None
    refusals: Sequence[Refusal] = ()
    notes: Sequence[Note] = ()
    error: Failed | None = None
    proof: dict[str, Any] | None = None
    other_target: str | None = None

    @property
    def numbers(self) -> str:
        """The version for people; ``?`` where it is not known."""
        return output.dotted(self.version)

    @property
    def verdict(self) -> str:
        """*yes*, *no*, *unknown*, *not asked*, or *left out*."""
        if self.other_target is not None:
            return "left out"
        if self.error is not None:
            return "not asked"
        if self.proof is not None and self.proof["verdict"] == "not provable":
            return "unknown"
        is_refused = self.proof is not None and self.proof["verdict"] == "refused"
        return "no" if self.refusals or is_refused else "yes"

    @property
    def ground(self) -> str:
        """On what ground: *proven* where the QEMU was started."""
        return "" if self.error is not None else str(self.proof["ground"]) if self.proof is not None else "checked"

    @property
    def code(self) -> ExitCode:
        """What it alone would end with."""
        if self.error is not None:
            return self.error.code
        return {"no": ExitCode.refused, "unknown": ExitCode.unknown}.get(self.verdict, ExitCode.ok)


class DomainTold(NamedTuple):
    """One domain and what each QEMU says of it; ``unreadable`` is why nobody was asked.  ``path`` is what it was named
    by, and ``xml`` what it has, where that cannot be read again."""

    file: str
    outcomes: tuple[QemuOutcome, ...] = ()
    unreadable: tuple[str, str, ExitCode] | None = None
    path: str = ""
    xml: bytes = b""


class DomainRead(NamedTuple):
    """A domain that was read once for all QEMUs; ``refusals`` are those of any QEMU where it is none."""

    xml: bytes
    domain: Domain | None
    refusals: Sequence[Refusal] = ()


def read_asked(xml: bytes, path: str, wishes: Wishes) -> DomainRead:
    """Before any interview, which would be in vain for what is no XML; what is refused, each QEMU refuses.

    :raise UnreadableDomainError: where it is no XML.
    """
    try:
        return DomainRead(xml, read_domain(xml, ignore_unknown=wishes.ignore_unknown))
    except UnreadableDomainError as error:
        raise with_place(error, path) from error
    except RefusedError as error:
        return DomainRead(xml, None, error.refusals)


def ask(source: Source, about: DomainRead, asked: CheckAsked) -> QemuOutcome:
    """What a QEMU says of a domain."""
    outcome, assume = QemuOutcome(source.label), asked.assume_unknown_present
    wishes = asked.wishes if about.domain is None else with_moment(asked.wishes, about.domain)
    try:
        outcome.version = source.qemu.version()
        if source.is_one_of_many and not _is_for(about.domain, source.qemu.capabilities.target):
            outcome.other_target = source.qemu.capabilities.target
        elif about.domain is None:
            outcome.refusals = about.refusals
        elif asked.prove and source.qemu.is_binary:
            outcome.proof = source.qemu.prove_domain(
                about.xml,
                monitor=None,
                incoming=None,
                anyway=False,
                assume_unknown_present=assume,
                wishes=wishes,
            )
            outcome.notes = TypeAdapter(tuple[Note, ...]).validate_python(outcome.proof["notes"])
        else:
            here = Here(lambda: source.qemu.capabilities, source.qemu.binary, source.settings)
            done = translate_here(about.domain, here, assume_unknown_present=assume, wishes=wishes)
            outcome.notes = done.notes
    except RefusedError as error:
        outcome.refusals = error.refusals
    except ProberError as error:
        outcome.error = Failed(error.message, error.hint, exit_code(error))
    return outcome


def ask_those_left_out(
    outcomes: Sequence[QemuOutcome], sources: Sequence[Source], about: DomainRead, asked: CheckAsked
) -> Sequence[QemuOutcome]:
    """The outcomes; where all were left out they are asked after all, as else nobody says that it starts nowhere."""
    if not outcomes or any(one.other_target is None for one in outcomes):
        return outcomes
    return [ask(source._replace(is_one_of_many=False), about, asked) for source in sources]


def unversioned(refusal: Refusal | Note, outcome: QemuOutcome) -> str:
    """The message without the version that gives it, which is told apart."""
    return refusal.message.replace(f"QEMU {outcome.numbers}", "QEMU")


def _is_for(domain: Domain | None, target: str) -> bool:
    """Whether a domain is for this target; one that does not say is for the host's, as with libvirt."""
    arch = domain.arch if domain is not None else None
    return target == "unknown" or target in targets_of(arch or os.uname().machine)


def name_left_out(outcomes: Iterable[QemuOutcome]) -> Iterator[str]:
    """What is said of recordings that were left out."""
    found = {one.label: one.other_target for one in outcomes if one.other_target is not None}
    if found:
        yield f"left out, as the domain is not for {' or '.join(sorted({*found.values()}))}: {', '.join(found)}"


def worst(outcomes: Iterable[QemuOutcome]) -> ExitCode:
    """That of a QEMU that could not be asked before all, then a refusal, then what could not be proven."""
    outcomes = list(outcomes)
    failed = [one.error.code for one in outcomes if one.error is not None]
    if failed:
        return max(failed)
    codes = {one.code for one in outcomes if one.other_target is None}
    return next((code for code in (ExitCode.refused, ExitCode.unknown) if code in codes), ExitCode.ok)


def find_sources(against: Iterable[str], settings: Path | None) -> list[Source]:
    """Each QEMU once, in the order they were named; a directory stands for the recordings in it.

    :raise UsageError: where there is none.
    """
    sources: dict[str, Local] = {}
    of_many: set[str] = set()
    for name in against:
        if not name:
            raise UsageError("an empty word names no QEMU", hint="is a variable of the shell empty?")
        given = as_path(name)
        path = named_recording(given)
        if path.is_dir():
            recordings = _recordings_in(path, name)
            found = {str(one) if path == given else bundled_name(one): recorded(one, settings) for one in recordings}
            of_many |= found.keys() - sources.keys()
            sources |= found
        elif path.name.endswith(RECORDING_ENDS) or (path.exists() and not os.access(path, os.X_OK)):
            sources[name] = recorded(given, settings)
        else:
            program = find_program(name, f"a recording: {', '.join(bundled_names()) or 'a file'}")
            sources[program] = (
                interviewed(program, settings) if os.access(program, os.X_OK) else recorded(given, settings)
            )
    if not sources:
        raise UsageError("nobody is named to check against", hint="--against QEMU, RECORDING or DIRECTORY")
    of_all = HostFile(settings)
    return [Source(source, label, of_all, label in of_many) for label, source in sources.items()]


def _recordings_in(directory: Path, name: str) -> list[Path]:
    recordings = in_order(one for one in directory.iterdir() if one.name.endswith(RECORDING_ENDS))
    if not recordings:
        raise UsageError(f"{name} has no recordings", hint="they are files called *.replies or *.replies.xz")
    return recordings


def in_order(paths: Iterable[Path]) -> list[Path]:
    """By name, numbers in it by their value: qemu-7.2 before qemu-10.0."""
    return sorted(
        paths, key=lambda one: [(int(bit), "") if bit.isdigit() else (-1, bit) for bit in re.split(r"(\d+)", one.name)]
    )
