"""All that is looked at, in one go: by the service as it sees its host, or by the command where there is none."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, ParamSpec

from prober.capabilities.entry import Entry
from prober.errors import ProberError, UsageError
from prober.host.files import DEFAULT_FILE, read_host
from prober.qemu.launch import find_kvm
from prober.service.changes import FIXED, changes_between
from prober.service.doctor.binaries import look_at_binaries
from prober.service.doctor.kvm import look_at_kvm, try_kvm_guest
from prober.service.doctor.observed import HostReport, Observation, Topic, observe, report_of
from prober.service.doctor.places import look_at_cache, look_at_groups
from prober.service.doctor.software import look_at_confinement, look_at_firmware, look_at_helpers, look_at_modules
from prober.service.settings import ServiceSettings

log = logging.getLogger(__name__)

P = ParamSpec("P")

#: How long (seconds) one matter may take to be looked at, and for how long what was seen is told again.
_LONGEST_S, _REMEMBERED_S = 20.0, 5.0

#: Guests of these architectures run on a machine of this name, as QEMU calls the former.
_NATIVE = {"x86_64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64", "s390x": "s390x", "riscv64": "riscv64"}


async def examine(
    kind: Literal["service", "command"], settings: ServiceSettings, entries: Sequence[Entry]
) -> list[Observation]:
    """Look at everything but the socket and the file of the settings, which the one who asks sees better.

    ``entries`` are the binaries as the catalog has them.  Each matter has its time; one that takes longer, or fails, is
    told of as such, and the others are seen all the same.
    """
    proves = kind == "service" and settings.prover_socket is None
    kvm = settings.catalog.accel == "auto"
    looks: list[tuple[Topic, Callable[[], Awaitable[list[Observation]]]]] = [
        ("binaries", _in_thread(look_at_binaries, settings.catalog, entries)),
        ("modules", _in_thread(look_at_modules, settings)),
        ("kvm", partial(_aside, partial(_kvm, entries)) if kvm else _no_kvm),
        ("groups", _in_thread(look_at_groups, settings)),
        ("cache", _in_thread(look_at_cache, settings.catalog.cache_dir, is_ours=kind == "service")),
        ("confinement", partial(_aside, partial(_confinement, kvm=kvm, proves=proves))),
        ("firmware", _in_thread(look_at_firmware)),
        ("helpers", _in_thread(look_at_helpers)),
        ("settings", _in_thread(_host_file, settings.host)),
    ]
    found: list[Observation] = []
    for topic, look in looks:  # One after the other: they start QEMUs and read disks that others wait for.
        found += await _bounded(topic, look)
    return found


def _in_thread(
    look: Callable[P, list[Observation]], *args: P.args, **more: P.kwargs
) -> Callable[[], Awaitable[list[Observation]]]:
    """A look that blocks, in a thread; begun when it is called."""
    return partial(asyncio.to_thread, look, *args, **more)


async def _bounded(topic: Topic, look: Callable[[], Awaitable[list[Observation]]]) -> list[Observation]:
    try:
        async with asyncio.timeout(_LONGEST_S):
            return await look()
    except TimeoutError:
        what = f"it could not be looked at within {_LONGEST_S:g} seconds"
    except Exception as error:  # The others are told all the same.
        log.exception("looking at %s failed", topic)
        what = f"it could not be looked at: {error}"
    todo = "look into the log; a disk that does not answer, or a machine that is too busy, is the likely cause"
    return [observe(topic, "problem", what, "", "it is not known whether it is well", todo)]


async def _aside(look: Callable[[], Coroutine[Any, Any, list[Observation]]]) -> list[Observation]:
    """Look on an event loop of its own, in a thread: starting a QEMU takes some milliseconds of the loop that does it.

    Where this is cancelled, so is that: nothing of it is left.
    """
    works: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def work() -> list[Observation]:
        task = asyncio.current_task()
        assert task is not None
        works.append((asyncio.get_running_loop(), task))
        return await look()

    try:
        return await asyncio.to_thread(lambda: asyncio.run(work()))
    except asyncio.CancelledError:
        for loop, task in works:
            with suppress(RuntimeError):  # It has ended meanwhile.
                loop.call_soon_threadsafe(task.cancel)
        raise


async def _kvm(entries: Iterable[Entry]) -> list[Observation]:
    found = await asyncio.to_thread(look_at_kvm)
    if found[0].level != "ok":
        return found
    target = _NATIVE.get(os.uname().machine, "")
    ready = [one for one in entries if one.kind == "binary" and one.state == "ready" and target in one.targets]
    return [found[0], *([await try_kvm_guest(ready[0].path, target)] if ready else []), *found[1:]]


async def _no_kvm() -> list[Observation]:
    return [observe("kvm", "ok", "KVM is not used, as the settings say", "catalog.accel")]


async def _confinement(*, kvm: bool, proves: bool) -> list[Observation]:
    wanted = kvm and await asyncio.to_thread(find_kvm, None)
    return await look_at_confinement(kvm=wanted, proves=proves)


def _host_file(file: Path | None) -> list[Observation]:
    """Whether the host's own file is read and understood.  Blocks."""
    path = str(file or DEFAULT_FILE)
    try:
        read_host(file)
    except UsageError as error:
        why = "no domain is translated, and the service keeps its former settings when it is reloaded"
        return [observe("settings", "problem", error.message, path, why, error.hint)]
    return [observe("settings", "ok", "the host's own settings are well", path)]


class Doctor:
    """Looks at the host for whoever asks the service: once at a time, and not again within some seconds.

    ``entries`` are those of the catalog now, ``settings`` those that hold, ``load`` reads them as a reload would.
    """

    def __init__(
        self,
        settings: Callable[[], ServiceSettings],
        entries: Callable[[], list[Entry]],
        load: Callable[[], ServiceSettings] | None,
    ) -> None:
        self._settings = settings
        self._entries = entries
        self._load = load
        self._lock = asyncio.Lock()
        self._last: tuple[float, HostReport] | None = None

    async def report(self) -> HostReport:
        """What the service sees."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _REMEMBERED_S:
                settings = self._settings()
                found = await examine("service", settings, self._entries())
                if self._load is not None:
                    found += await _bounded("settings", _in_thread(_look_at_reload, settings, self._load))
                self._last = time.monotonic(), await asyncio.to_thread(report_of, "service", found)
            return self._last[1]


def _look_at_reload(settings: ServiceSettings, load: Callable[[], ServiceSettings]) -> list[Observation]:
    """Whether what the settings say now is what the service goes by."""
    try:
        changed = changes_between(settings, load())
    except ProberError as error:
        why = "the service goes on by its former settings, and will not start again by these"
        return [observe("settings", "problem", error.message, "", why, error.hint)]
    if not changed:
        return [observe("settings", "ok", "the service goes by its settings as they are now")]
    fixed = any(name in FIXED for name in changed)
    todo = "systemctl restart prober" if fixed else "systemctl reload prober"
    what = f"the settings were changed, and the service does not go by them yet: {', '.join(changed)}"
    return [observe("settings", "notice", what, "", "it goes by its former ones", todo)]
