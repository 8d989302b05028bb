"""A domain translated here and now, by a QEMU that is asked or its recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from prober.capabilities.capabilities import Capabilities
from prober.domain.domain import Domain
from prober.host.files import read_host, starting_at
from prober.host.host import Host
from prober.translate.pipeline import translate
from prober.translate.translation import Translation
from prober.translate.wishes import NO_WISHES, Wishes


class HostFile:
    """The file of a host's settings, which is read once, however many domains are asked about."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @cached_property
    def host(self) -> Host:
        """What it says, with the firmware.

        :raise UsageError: where it cannot be read or understood.
        """
        return read_host(self._file)


class Here(NamedTuple):
    """A QEMU: who learns what it can do, its path (None for a recording), and the file of its host's settings."""

    learn: Callable[[], Capabilities]
    binary: str | None
    settings: HostFile


def translate_here(
    domain: Domain,
    qemu: Here,
    *,
    monitor: str | None = None,
    incoming: str | None = None,
    assume_unknown_present: bool = False,
    wishes: Wishes = NO_WISHES,
) -> Translation:
    """The translation of a domain that was read, with the wishes that are of reading, for who asks many about one.

    :raise RefusedError: with every reason.
    :raise ProberError: where the QEMU cannot be asked, or the host's settings cannot be read.
    """
    # Before the interview, which would be in vain for settings that cannot be read.
    host = qemu.settings.host
    capabilities = qemu.learn()
    return translate(
        domain,
        capabilities,
        binary=qemu.binary or domain.emulator or f"/usr/bin/qemu-system-{capabilities.target}",
        monitor=monitor,
        incoming=incoming,
        host=starting_at(host, wishes.starts_at),
        is_here=qemu.binary is not None,
        assume_unknown_present=assume_unknown_present,
        strict=wishes.strict,
        seed=wishes.seed_of(domain.name),
    )
