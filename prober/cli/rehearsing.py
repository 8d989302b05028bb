"""A hot-plug rehearsed here and now, for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.cli.answerer import Json
from prober.cli.translating import Here
from prober.commandline.qmp import QmpCommand, read_command
from prober.errors import UsageError
from prober.proof.subject import LineSubject
from prober.rehearsal.plug import rehearse_plug
from prober.rehearsal.plug_models import PlugRequest, request_of
from prober.translate.plug_models import PlugTranslation
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain


def read_commands(texts: Sequence[str]) -> tuple[QmpCommand, ...]:
    """The commands as they were written.

    :raise UsageError: where there are none, or one is none.
    """
    if not texts:
        raise UsageError("there is nothing to plug in", hint='--qmp \'{"execute":"device_add","arguments":{…}}\'')
    return tuple(map(read_command, texts))


@dataclass(frozen=True)
class DevicesAsked:
    """Devices for a domain: the XML of each, and the aliases of what is to be taken out."""

    xml: bytes
    devices: tuple[bytes, ...]
    unplug: tuple[str, ...]


def translate_devices(asked: DevicesAsked, qemu: Here, *, assume_unknown_present: bool) -> PlugTranslation:
    """The commands for each.

    :raise RefusedError: with every reason against the domain, or against one device.
    :raise ProberError: where something cannot be read, or the QEMU cannot be asked.
    """
    # Before the interview, which would be in vain for what cannot be read.
    domain = read_domain(asked.xml)
    host = qemu.settings.host
    capabilities = qemu.learn()
    return translate_plug(
        domain,
        asked.devices,
        asked.unplug,
        capabilities,
        binary=qemu.binary or domain.emulator or f"/usr/bin/qemu-system-{capabilities.target}",
        host=host,
        is_here=qemu.binary is not None,
        assume_unknown_present=assume_unknown_present,
    )


def rehearse_devices(
    binary: str,
    root: Path | None,
    capabilities: Capabilities,
    told: PlugTranslation,
    *,
    anyway: bool,
    assume: bool,
    driven: bool,
) -> Json:
    """The rehearsal of what was translated, which it holds.

    :raise ProberError: as :func:`prober.rehearsal.plug.rehearse_plug` does.
    """
    request = request_of(told, anyway=anyway, assume=assume, driven=driven)
    rehearsed = asyncio.run(rehearse_plug(LineSubject(binary, capabilities, root), request))
    return rehearsed.model_copy(update={"translation": told}).model_dump(mode="json")


def plug_now(
    binary: str,
    root: Path | None,
    capabilities: Capabilities,
    words: Sequence[str],
    commands: tuple[QmpCommand, ...],
    *,
    anyway: bool,
    assume_unknown_present: bool,
    driven: bool,
) -> Json:
    """The rehearsal as JSON.

    :raise ProberError: as :func:`prober.rehearsal.plug.rehearse_plug` does.
    """
    request = PlugRequest(
        words=tuple(words),
        commands=commands,
        anyway=anyway,
        assume_unknown_present=assume_unknown_present,
        driven=driven,
    )
    told = asyncio.run(rehearse_plug(LineSubject(binary, capabilities, root), request))
    return told.model_dump(mode="json")
