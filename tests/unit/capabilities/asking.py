"""A catalog to test with, and what stands for its interviews."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.qemu.box.forms import Confined
from prober.qemu.ran import Ran
from prober.qemu.recording import Recording
from tests.conftest import aio
from tests.unit.capabilities.making import make_recording

#: What the one binary is called.
ID = "qemu-system-x86_64"


@dataclass(frozen=True)
class Told:
    """What an interview gives."""

    recording: Recording
    seconds: float = 0.5
    timings: dict[str, float] = field(default_factory=lambda: {"types": 0.25})
    ran: Ran = field(default_factory=Ran)
    confinement: Confined = "weak"
    unconfined: tuple[str, ...] = ("It runs as our own user.",)


@dataclass
class Asker:
    """Stands for the interview: counts who is asked, and answers as it is told to."""

    asked: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    failure: Exception | None = None
    meanwhile: Callable[[], object] = lambda: None
    answers: dict[str, Recording] = field(default_factory=dict)

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.01)
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.to_thread(self.meanwhile)
            if self.failure is not None:
                raise self.failure
            return Told(self.answers.get(path, make_recording()))
        finally:
            self.running -= 1


def catalog_settings(bin_dir: Path, **more: Any) -> CatalogSettings:
    """Of a catalog of these binaries alone, which looks for changes when it is asked."""
    told = {
        "directories": (bin_dir,),
        "qemu_kvm": None,
        "poll_s": 3600.0,
        "cache_dir": bin_dir.parent / "cache",
        **more,
    }
    return CatalogSettings.model_validate(told)


def run_catalog(
    settings: CatalogSettings, asker: Asker, body: Callable[[Catalog], Awaitable[None]] | None = None
) -> None:
    """Enter a catalog, do something, leave it; and see that nothing of it goes on."""

    async def go() -> None:
        descriptors = len(os.listdir("/proc/self/fd"))
        async with Catalog(settings, interviewer=asker) as catalog:
            if body is None:
                await catalog.settled()
            else:
                await body(catalog)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not others
        assert asker.running == 0
        assert len(os.listdir("/proc/self/fd")) <= descriptors

    aio(go())


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for it, and not for longer than so many seconds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
