"""What a binary lists of itself when an option is given ``help``: displays, audio drivers, character devices.

The QAPI schema has every display and audio driver that QEMU was built with, as a module too; whether the module is
installed is seen by nobody who asks over QMP.  ``-display help`` and ``-audiodev help`` try to load each and list what
is there; what their packager has added to say of the others is on standard error (Debian 12: ``module ui-ui-gtk not
found, do you want to install qemu-system-gui package?``), and ``-spice help`` says it of SPICE (Debian 13).

Each is a process of its own, which ends by itself.  What it said stands in the recording as the answer to a command of
our own name, behind all that was asked over QMP::

    {"execute": "x-prober-help", "arguments": {"option": "display"}}
    {"return": {"status": 0, "stdout": ["Available display backend types:", "none", …], "stderr": []}}

A machine that kills the binary which is asked for the properties of its type (microvm, QEMU 5.2 and 7.2) tells them
when ``-machine`` is given ``microvm,help``.  It alone is asked about in this way, and the exchange names it::

    {"execute": "x-prober-help", "arguments": {"option": "machine", "name": "microvm"}}

A binary that has no such list says so (``Help is not available for this option``, QEMU 5.2 of ``-audiodev``), and one
that does something else instead of ending is killed: that is an answer as well, and never ends an interview.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

from prober.errors import LaunchError
from prober.qemu.launch import Launch
from prober.qemu.process import Process, start_process
from prober.qemu.recording import CRASHED, HELP, ErrorReply, Exchange, Recording
from prober.qemu.replies import JsonValue
from prober.qemu.session import how_it_ended

#: The options that are given ``help``, in the order of the recording.
HELP_OPTIONS: Final = ("display", "audiodev", "chardev", "spice")

#: How many machines are asked about: with the options above, no more than eight starts.
MOST_MACHINES: Final = 4

_MACHINE: Final = "-machine"

#: The error class of a start that gave no list.  No QEMU sends it.
NO_HELP: Final = "NoHelp"

#: How much is read of what one start says (bytes): no QEMU comes near it.
_MOST_BYTES = 65536

_CHUNK = 8192


@dataclass(frozen=True)
class HelpLaunch(Launch):
    """A binary started to list what an option takes.  All else is as of the launch that it is made of."""

    option: str = "display"
    name: str = ""

    @classmethod
    def of(cls, launch: Launch, option: str, name: str = "") -> HelpLaunch:
        """The same binary, in the same surroundings; ``name`` is that of a machine, where it is asked about one."""
        same = {item.name: getattr(launch, item.name) for item in fields(Launch)}
        return cls(**same, option=option, name=name)

    def argv(self, descriptor: int = 1) -> list[str]:
        """The option comes last: QEMU ends when it reads it, and a display of the host's is not looked for."""
        words = [self.binary, "-S", "-no-user-config", "-nodefaults"]
        if self.name:
            return [*words, "-display", "none", f"-{self.option}", f"{self.name},help"]
        words += ["-machine", "none"]
        if self.option != "display":
            words += ["-display", "none"]
        return [*words, f"-{self.option}", "help"]


async def ask_for_help(launch: Launch, seconds: float, *, at_once: bool) -> list[Exchange]:
    """What the binary of this launch lists for each of :data:`HELP_OPTIONS`, in that order.

    All at once, or one after the other; each may take that many seconds.  No process is left, whatever happens.
    """
    launches = [HelpLaunch.of(launch, option) for option in HELP_OPTIONS]
    if at_once:
        # Not gather(): cancelled, it is over with the first of them, and the others' processes are still there.
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_ask(one, seconds)) for one in launches]
        return [task.result() for task in asked]
    return [await _ask(one, seconds) for one in launches]


class MachineHelp:
    """What a binary says of the machines that kill it when the properties of their types are asked for.

    Each start may take ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: dict[str, asyncio.Task[Exchange]] = {}

    def ask_soon(self, group: asyncio.TaskGroup, launch: Launch, typename: str) -> None:
        """Ask about the machine of this type beside all else; of what is no machine's, and of too many, nothing."""
        if typename.endswith(_MACHINE) and len(self._asked) < MOST_MACHINES:
            self._asked[typename] = group.create_task(self._ask(launch, typename))

    async def finish(self, launch: Launch, types: Iterable[str]) -> list[Exchange]:
        """What was said of the machines among these types, in their order.  Where one was not asked about beside all
        else it is now, one after the other."""
        wanted = [typename for typename in types if typename.endswith(_MACHINE)][:MOST_MACHINES]
        return [self._asked[one].result() if one in self._asked else await self._ask(launch, one) for one in wanted]

    async def _ask(self, launch: Launch, typename: str) -> Exchange:
        return await _ask(HelpLaunch.of(launch, "machine", typename.removesuffix(_MACHINE)), self._seconds)


def with_help(recording: Recording, answers: Iterable[Exchange]) -> Recording:
    """The recording with these behind all else of its first part, where they are in the way of no question of QMP."""
    first, *others = recording.parts
    return Recording((replace(first, exchanges=(*first.exchanges, *answers)), *others))


async def _ask(launch: HelpLaunch, seconds: float) -> Exchange:
    arguments: dict[str, JsonValue] = {"option": launch.option}
    if launch.name:
        arguments["name"] = launch.name
    try:
        async with start_process(launch, _MOST_BYTES) as process, asyncio.timeout(seconds):
            said = await _read(process)
            status = await asyncio.shield(process.exited)
            stderr = process.stderr
    except TimeoutError:
        return _failed(arguments, NO_HELP, f"it did not end within {seconds:g} s")
    except LaunchError as error:
        return _failed(arguments, NO_HELP, error.message)
    if len(said) > _MOST_BYTES:
        return _failed(arguments, NO_HELP, f"it said more than {_MOST_BYTES} bytes")
    if status < 0:
        return _failed(arguments, CRASHED, how_it_ended(status, stderr))
    reply: JsonValue = {"status": status, "stdout": _lines(said.decode(errors="replace")), "stderr": _lines(stderr)}
    return Exchange(HELP, arguments, reply)


def _failed(arguments: dict[str, JsonValue], cls: str, desc: str) -> Exchange:
    return Exchange(HELP, arguments, error=ErrorReply(cls, desc))


async def _read(process: Process) -> bytes:
    """What it writes to its standard output, until it ends or has said too much."""
    loop, said = asyncio.get_running_loop(), b""
    while len(said) <= _MOST_BYTES and (data := await loop.sock_recv(process.qmp, _CHUNK)):
        said += data
    if len(said) > _MOST_BYTES:
        process.kill()
    return said


def _lines(text: str) -> list[JsonValue]:
    return [line.rstrip() for line in text.splitlines()]
