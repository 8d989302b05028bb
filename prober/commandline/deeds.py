"""What a program can do for a resource without reading its sentence."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Deed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OpenFile(_Deed):
    """Open ``path``, and pass the descriptor under the number that is the resource's value.

    ``access``: ``read`` and ``read-write`` of what is there; ``write`` into what is there, ``append`` to its end and
    ``truncate`` it first, where the last two make the file if there is none.
    """

    act: Literal["open"] = "open"
    path: str
    access: Literal["read", "read-write", "write", "append", "truncate"]


class ListenOn(_Deed):
    """Listen on the unix socket ``path``, and pass the descriptor under the number that is the resource's value."""

    act: Literal["listen"] = "listen"
    path: str


class MakeDirectory(_Deed):
    """See that there is the directory ``path``, in which QEMU may write."""

    act: Literal["make-directory"] = "make-directory"
    path: str


class CopyFile(_Deed):
    """Where there is no file ``path`` yet, copy ``source`` there."""

    act: Literal["copy"] = "copy"
    path: str
    source: str


class WriteRandom(_Deed):
    """Write so many random ``bytes`` into the file ``path``, which only QEMU may read."""

    act: Literal["write-random"] = "write-random"
    path: str
    bytes: int


class SetVariable(_Deed):
    """Start QEMU with this ``variable`` of its environment; ``text`` is its value."""

    act: Literal["set-variable"] = "set-variable"
    variable: str
    text: str


class SendCommands(_Deed):
    """Send these ``commands`` over QMP before the guest runs."""

    act: Literal["send"] = "send"
    commands: tuple[dict[str, JsonValue], ...]


class OnEvent(_Deed):
    """Send these ``commands`` over QMP whenever QEMU tells of this ``event``."""

    act: Literal["on-event"] = "on-event"
    event: str
    commands: tuple[dict[str, JsonValue], ...]


#: One of them, told apart by ``act``.
Deed: TypeAlias = Annotated[
    OpenFile | ListenOn | MakeDirectory | CopyFile | WriteRandom | SetVariable | SendCommands | OnEvent,
    Field(discriminator="act"),
]
