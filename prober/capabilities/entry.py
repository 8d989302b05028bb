"""One binary of the catalog: what the outside sees of it, and what the catalog knows of it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from prober.capabilities.cache import Learned
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.find import FileKind, FoundFile
from prober.capabilities.fingerprint import Fingerprint
from prober.capabilities.models import Version
from prober.errors import BinaryFailedError
from prober.qemu.box.forms import Confined

#: ``waiting`` for its interview, ``asking``, ``ready``, or ``failed`` (with the reason).
State: TypeAlias = Literal["waiting", "asking", "ready", "failed"]


class Entry(BaseModel):
    """A binary (or a recording that stands in for one) as the catalog shows it.

    ``id`` is stable while the catalog lives, and safe in a URL.  ``aliases`` are other paths of the same file.
    ``targets`` are the guest architectures (QEMU has one for each binary), ``accelerators`` those that it was asked
    with.  ``source`` is where the answer came from.  ``seconds`` is how long the interview took, ``timings`` its
    phases (seconds), ``asked_at`` when it was (seconds since 1970); ``crashing_types`` are QOM types whose
    introspection kills this QEMU, with its last words.  ``confinement`` is the form of the box that it was asked in,
    ``unconfined`` what could not be had of it, a sentence each.  ``untraced`` is what it ran and cannot be found on
    this host, so that a change of it goes unnoticed and the answer is not kept on disk.  ``error`` and ``hint`` are set
    for a failed one alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    path: str
    aliases: tuple[str, ...] = ()
    kind: FileKind
    state: State
    version: Version | None = None
    targets: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    source: Literal["interview", "cache", "recording"] | None = None
    asked_at: float | None = None
    seconds: float | None = None
    timings: dict[str, float] = {}
    crashing_types: dict[str, str] = {}
    confinement: Confined | None = None
    unconfined: tuple[str, ...] = ()
    untraced: tuple[str, ...] = ()
    fingerprint: Fingerprint | None = None
    error: str | None = None
    hint: str | None = None

    def brief(self) -> Entry:
        """The same, without the many files that its QEMU runs: for a list of entries."""
        if self.fingerprint is None or not self.fingerprint.files:
            return self
        return self.model_copy(update={"fingerprint": self.fingerprint.model_copy(update={"files": ()})})


@dataclass(frozen=True, slots=True)
class Success:
    """An answer: what the binary can do."""

    learned: Learned
    capabilities: Capabilities
    source: Literal["interview", "cache", "recording"]

    @property
    def fingerprint(self) -> Fingerprint:
        """What the answer depends on."""
        return self.learned.fingerprint


@dataclass(frozen=True, slots=True)
class Failure:
    """A remembered failure.  ``fingerprint`` is None where there was no file to look at.

    ``may_pass`` is whether it may go well another time, though nothing that the fingerprint tells of has changed.
    """

    fingerprint: Fingerprint | None
    message: str
    hint: str = ""
    may_pass: bool = False

    def error(self) -> BinaryFailedError:
        """The failure as an error, a new one each time: a raised one carries the frames of its raiser."""
        return BinaryFailedError(self.message, hint=self.hint)


Answer: TypeAlias = Success | Failure


@dataclass(slots=True, eq=False)
class Subject:
    """What the catalog knows of one binary; changes over time.

    ``task`` is what learns about it now, ``asking`` whether that has got its turn, ``consulted`` is set once the
    cache was looked into, ``gone`` when the catalog has dropped it.  ``failed`` is how often in a row it has failed in
    a way that may pass, ``try_again_at`` when it is asked again for that (``time.monotonic()``), ``is_again`` whether
    that is what goes on: until it has ended the failure is what is known.
    """

    id: str
    found: FoundFile
    answer: Answer | None = None
    task: asyncio.Task[None] | None = None
    asking: bool = False
    gone: bool = False
    consulted: asyncio.Event = field(default_factory=asyncio.Event)
    failed: int = 0
    try_again_at: float = math.inf
    is_again: bool = False

    @property
    def state(self) -> State:
        """Where it stands now."""
        if self.task is not None and not self.is_again:
            return "asking" if self.asking else "waiting"
        if self.answer is None:
            return "waiting"
        return "ready" if isinstance(self.answer, Success) else "failed"

    def entry(self) -> Entry:
        """How it looks from outside, now.  Of an answer that is being replaced nothing is shown."""
        found, state = self.found, self.state
        common = {"id": self.id, "path": found.path, "aliases": found.aliases, "kind": found.kind, "state": state}
        if state == "failed" and isinstance(self.answer, Failure):
            failure = self.answer
            return Entry(**common, fingerprint=failure.fingerprint, error=failure.message, hint=failure.hint or None)
        if state != "ready" or not isinstance(self.answer, Success):
            return Entry(**common)
        learned, capabilities = self.answer.learned, self.answer.capabilities
        return Entry(
            **common,
            version=capabilities.version,
            targets=(capabilities.target,),
            accelerators=tuple(capabilities.accelerators),
            source=self.answer.source,
            asked_at=learned.asked_at,
            seconds=learned.seconds,
            timings=learned.timings,
            crashing_types=capabilities.crashing_types,
            confinement=learned.confinement,
            unconfined=learned.unconfined,
            untraced=learned.untraced,
            fingerprint=learned.fingerprint,
        )
