"""What a device for a running guest comes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from prober.commandline.qmp import TAKES_OUT, QmpCommand
from prober.guest.hotplug.port import PortHotplug


class PlugNeed(BaseModel):
    """Something that the host must prepare before a command is sent.

    ``kind`` says what it is, ``name`` whose (an alias), ``todo`` what to do.  ``command`` is the number of the command
    that needs it, from 1, ``key`` the member that holds it (dotted), and ``value`` what stands there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: str
    todo: str
    command: int
    key: str = ""
    value: str = ""


class PlugCommands(BaseModel):
    """The commands that plug devices in, in their order, and what the host must prepare for them.

    ``out`` are the commands that take it all out again: the last first, each once the guest has let go of the one
    before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    commands: tuple[QmpCommand, ...]
    needs: tuple[PlugNeed, ...] = ()
    out: tuple[QmpCommand, ...] = ()

    @classmethod
    def of(cls, commands: Iterable[QmpCommand], needs: Iterable[PlugNeed] = ()) -> Self:
        """These, with what takes them out again."""
        every = tuple(commands)
        out = tuple(taken_out_by(one) for one in reversed(every) if one.execute in TAKES_OUT)
        return cls(commands=every, needs=tuple(needs), out=out)


class PlugTranslation(BaseModel):
    """Devices for a ``domain`` that runs with this ``argv``: what plugs in each, and what takes out each that is named.

    ``unplugged`` are the commands that plugged in what is to be taken out: ``out`` of each has those that do it.
    ``ground`` says on what ground: all was held against what the binary said, and nothing was started.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ground: Literal["checked"] = "checked"
    domain: str
    binary: str
    argv: tuple[str, ...]
    devices: tuple[PlugCommands, ...] = ()
    unplugged: tuple[PlugCommands, ...] = ()
    hotplug: tuple[PortHotplug, ...] = ()


def taken_out_by(command: QmpCommand) -> QmpCommand:
    """The command that takes out what this one plugged in."""
    execute, member = TAKES_OUT[command.execute]
    return QmpCommand(execute=execute, arguments={member: command.name})
