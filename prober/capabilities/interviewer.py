"""What the catalog needs of an interview, and the real one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from prober.capabilities.find import CatalogSettings
from prober.capabilities.gently import Derived
from prober.qemu.box.forms import Confined
from prober.qemu.ran import Ran
from prober.qemu.recording import Recording


class Interviewed(Protocol):
    """What an interview (:class:`prober.qemu.interview.Interview`) gives: recording, seconds, seconds of each phase,
    how it was confined and what could not be had of that, and what its processes ran."""

    @property
    def recording(self) -> Recording | Derived: ...
    @property
    def seconds(self) -> float: ...
    @property
    def timings(self) -> Mapping[str, float]: ...
    @property
    def confinement(self) -> Confined: ...
    @property
    def unconfined(self) -> tuple[str, ...]: ...
    @property
    def ran(self) -> Ran: ...


#: Asks the binary at a path; raises :class:`~prober.errors.ProberError` where it cannot.
Interviewer = Callable[[str], Awaitable[Interviewed]]

#: Reads the recording in a file; raises :class:`~prober.errors.ProberError` where it cannot.
RecordingReader = Callable[[str], Awaitable[Recording | Derived]]


def real_interviewer(settings: CatalogSettings) -> Interviewer:
    """:func:`prober.qemu.interview` within the limits of the settings."""

    async def ask(path: str) -> Interviewed:
        # Imported when first needed: a start with everything in the cache needs no QMP.
        from prober.qemu.interview import interview

        return await interview(path, limits=settings.limits, accel=settings.accel)

    return ask
