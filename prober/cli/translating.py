"""A domain translated here and now, by a QEMU that is asked or its recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from prober.capabilities.capabilities import Capabilities
from prober.domain.domain import Domain
from prober.host.files import read_host
from prober.translate.pipeline import translate
from prober.translate.translation import Translation


class Here(NamedTuple):
    """A QEMU: who learns what it can do, its path (None for a recording), and the file of its host's settings."""

    learn: Callable[[], Capabilities]
    binary: str | None
    settings: Path | None


def translate_here(
    domain: Domain,
    qemu: Here,
    *,
    monitor: str | None = None,
    incoming: str | None = None,
    assume_unknown_present: bool = False,
) -> Translation:
    """The translation of a domain that was read, for who asks many about one.

    :raise RefusedError: with every reason.
    :raise ProberError: where the QEMU cannot be asked, or the host's settings cannot be read.
    """
    # Before the interview, which would be in vain for settings that cannot be read.
    host = read_host(qemu.settings)
    capabilities = qemu.learn()
    return translate(
        domain,
        capabilities,
        binary=qemu.binary or domain.emulator or f"/usr/bin/qemu-system-{capabilities.target}",
        monitor=monitor,
        incoming=incoming,
        host=host,
        is_here=qemu.binary is not None,
        assume_unknown_present=assume_unknown_present,
    )
