"""What is rehearsed for the service: what a client asked, with lines in the place of domains."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prober.rehearsal.keeping import StateSaved
from prober.rehearsal.models import Migration
from prober.rehearsal.plug_models import PlugRehearsal, PlugRequest


class _Task(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlugTask(_Task):
    """Devices that are plugged into a machine."""

    do: Literal["plug"] = "plug"
    request: PlugRequest


class MoveTask(_Task):
    """A guest that is sent from one binary, with ``words``, to another, with ``to_words``."""

    do: Literal["migrate"] = "migrate"
    words: tuple[str, ...]
    to_words: tuple[str, ...]
    driven: bool = False
    anyway: bool = False
    assume_unknown_present: bool = False


class SaveTask(_Task):
    """A guest whose state is kept; ``xml`` is its domain, which goes with it."""

    do: Literal["save"] = "save"
    words: tuple[str, ...]
    xml: str
    driven: bool = False
    assume_unknown_present: bool = False


class LoadTask(_Task):
    """A state that a machine with ``words`` takes."""

    do: Literal["load"] = "load"
    words: tuple[str, ...]
    assume_unknown_present: bool = False


RehearsalTask: TypeAlias = Annotated[PlugTask | MoveTask | SaveTask | LoadTask, Field(discriminator="do")]

#: What is told of one.
RehearsalTold: TypeAlias = PlugRehearsal | Migration | StateSaved


class RehearsalAsked(NamedTuple):
    """A task, with the bytes of the state file that is to be loaded."""

    task: RehearsalTask
    file: bytes = b""


class Rehearsed(NamedTuple):
    """What came of it, with the bytes of the state file that was made."""

    told: RehearsalTold
    file: bytes = b""
