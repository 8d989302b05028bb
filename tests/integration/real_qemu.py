"""A real QEMU, started with a given argv and asked over QMP.

The argv under test stays as it is.  Where a test has to ask the live machine, ``-S`` and a monitor on the
process's own standard input and output are added behind it, as whoever runs a translated domain would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qemu.qmp import ExecuteError, QMPClient, QMPError

from prober.capabilities.capabilities import Capabilities
from prober.qemu.box.model import Box
from prober.qemu.interview import interview
from prober.qemu.launch import Launch
from prober.qemu.process import Process, start_process
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio

#: Seconds that a QEMU may take to greet, to answer, or to end.
PATIENCE = 30.0

#: How much of the end of standard error is kept (bytes).
_STDERR = 65536

#: How deep below ``/machine`` devices are looked for; the PM of pc stands at depth 3 from QEMU 8.0 on.
_DEPTH = 4

#: Objects with nothing of interest in them; most of what a machine consists of.
_CHILDLESS = ("memory-region", "irq", "IRQ", "-cpu")


@dataclass(frozen=True)
class Ended:
    """A QEMU that ended: its exit status, and what it wrote to standard error."""

    status: int
    stderr: str


class EndedEarlyError(AssertionError):
    """A QEMU that ended before it spoke QMP."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(f"QEMU ended with {ended.status}: {ended.stderr}")
        self.ended = ended


class RunningQemu:
    """A QEMU that is being asked.  Made by :func:`start_qemu`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._qmp = QMPClient("test")

    @property
    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        return self._process.stderr

    async def execute(self, command: str, **arguments: Any) -> Any:
        """One QMP command.

        :raise ExecuteError: where QEMU answers with an error.
        """
        # qemu.qmp lets a command wait on when QEMU dies, so the process is watched as well.
        task: asyncio.Future[Any] = asyncio.ensure_future(self._qmp.execute(command, arguments))
        either: set[asyncio.Future[Any]] = {task, self._process.exited}
        await asyncio.wait(either, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            assert self._process.exited.done(), f"no answer to {command} within {PATIENCE:g} s"
            raise AssertionError(f"QEMU ended with {self._process.exited.result()} at {command}: {self.stderr}")
        return task.result()

    async def refuses(self, command: str, **arguments: Any) -> str | None:
        """QEMU's sentence where it refuses a command, None where it obeys."""
        try:
            await self.execute(command, **arguments)
        except ExecuteError as error:
            return str(error)
        return None

    async def get(self, path: str, name: str) -> Any:
        """One property of a live object."""
        return await self.execute("qom-get", path=path, property=name)

    async def find(self, *types: str) -> dict[str, str]:
        """The QOM paths below ``/machine`` of the objects of these types, each with its type."""
        found: dict[str, str] = {}
        paths = ["/machine"]
        for _ in range(_DEPTH):
            paths = [child for path in paths for child in await self._children(path, types, found)]
        return found

    async def _children(self, parent: str, types: tuple[str, ...], found: dict[str, str]) -> list[str]:
        children = []
        for entry in await self.execute("qom-list", path=parent):
            _, child, kind = entry["type"].rstrip(">").rpartition("child<")
            if child and not kind.endswith(_CHILDLESS):
                path = f"{parent}/{entry['name']}"
                children.append(path)
                if kind in types:
                    found[path] = kind
        return children

    async def find_device(self, kind: str) -> str:
        """The QOM path of the one live device of this type."""
        found = await self.find(kind)
        assert len(found) == 1, f"{len(found)} devices of type {kind}: {sorted(found)}"
        return next(iter(found))

    async def quit(self) -> Ended:
        """Tell it to end, and wait for that."""
        await self.execute("quit")
        return await _wait_for_end(self._process)

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._qmp.connect(self._process.qmp)
        except QMPError as error:
            raise EndedEarlyError(await _wait_for_end(self._process)) from error

    async def _hang_up(self) -> None:
        self._process.kill()
        with suppress(Exception):  # it is dead, and how it died was told where it mattered
            await self._qmp.disconnect()


async def _wait_for_end(process: Process) -> Ended:
    await asyncio.wait({process.exited}, timeout=PATIENCE)
    assert process.exited.done(), f"QEMU goes on after {PATIENCE:g} s: {process.stderr}"
    return Ended(process.exited.result(), process.stderr)


@asynccontextmanager
async def start_qemu(
    place: QemuPlace, argv: tuple[str, ...], *, paused: bool = True, box: Box | None = None
) -> AsyncIterator[RunningQemu]:
    """A QEMU with this argv (its first word is the binary), speaking QMP.  It is gone when the block ends.

    :raise EndedEarlyError: where it ends instead.
    """
    monitor = ("-chardev", "socket,fd=1,id=test-qmp", "-mon", "chardev=test-qmp,mode=control")
    words = (*argv[1:], *(("-S",) if paused else ()), *monitor)
    async with start_process(Launch(place.binary, root=place.root, words=words, box=box), _STDERR) as process:
        running = RunningQemu(process)
        try:
            await running._greet()
            yield running
        finally:
            await running._hang_up()


async def try_qemu(place: QemuPlace, argv: tuple[str, ...]) -> Ended:
    """How a QEMU with this argv ends: by itself, or where it runs well, told to at once."""
    try:
        async with start_qemu(place, argv) as qemu:
            return await qemu.quit()
    except EndedEarlyError as error:
        return error.ended


def into_file(argv: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The argv with the one descriptor that was to be passed for a file in the form of that file's path."""
    opened = [number for number, word in enumerate(argv) if word == "-add-fd"]
    assert len(opened) == 1, argv
    text = str(path).replace(",", ",,")
    kept = argv[: opened[0]] + argv[opened[0] + 2 :]
    return tuple(word.replace("/dev/fdset/0", text) for word in kept)


@asynccontextmanager
async def run_qemu(place: QemuPlace, argv: tuple[str, ...]) -> AsyncIterator[Process]:
    """A QEMU with exactly this argv, without a monitor.  It is gone when the block ends."""
    async with start_process(Launch(place.binary, root=place.root, words=argv[1:]), _STDERR) as process:
        yield process


@cache
def capabilities_of(place: QemuPlace) -> Capabilities:
    """What this QEMU can do, from an interview with it."""
    asked = aio(interview(place.binary, root=place.root), debug=False)
    return Capabilities.from_recording(asked.recording)


def translate_for(place: QemuPlace, xml: str) -> Translation:
    """The domain translated for this QEMU."""
    return translate(read_domain(xml.encode()), capabilities_of(place), binary=place.binary)


@contextmanager
def shared_directory(place: QemuPlace) -> Iterator[tuple[Path, Path]]:
    """A directory for files that QEMU reads and writes: its path for us, and its path for that QEMU."""
    root = place.root or Path("/")
    with TemporaryDirectory(prefix="prober-test-", dir=root / "tmp") as made:
        yield Path(made), Path("/") / Path(made).relative_to(root)


def machines_of(place: QemuPlace, kind: str) -> tuple[str, ...]:
    """The alias ``pc`` or ``q35``, and the newest and the oldest machine behind it that this QEMU has.

    The oldest is where the machine's defaults differ most from those of the alias.
    """
    stem = {"pc": "pc-i440fx-", "q35": "pc-q35-"}[kind]
    versions = sorted(
        tuple(int(number) for number in name.removeprefix(stem).split("."))
        for name in capabilities_of(place).machines or {}
        if name.startswith(stem)
    )
    assert len(versions) > 1, f"{place.name} has no versioned {kind} machines"
    return kind, stem + ".".join(map(str, versions[-1])), stem + ".".join(map(str, versions[0]))
