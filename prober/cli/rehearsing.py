"""A hot-plug rehearsed here and now, for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.cli.answerer import Json
from prober.commandline.qmp import QmpCommand, read_command
from prober.errors import UsageError
from prober.proof.subject import LineSubject
from prober.rehearsal.plug import rehearse_plug
from prober.rehearsal.plug_models import PlugRequest


def read_commands(texts: Sequence[str]) -> tuple[QmpCommand, ...]:
    """The commands as they were written.

    :raise UsageError: where there are none, or one is none.
    """
    if not texts:
        raise UsageError("there is nothing to plug in", hint='--qmp \'{"execute":"device_add","arguments":{…}}\'')
    return tuple(map(read_command, texts))


def plug_now(
    binary: str,
    root: Path | None,
    capabilities: Capabilities,
    words: Sequence[str],
    commands: tuple[QmpCommand, ...],
    *,
    anyway: bool,
    assume_unknown_present: bool,
) -> Json:
    """The rehearsal as JSON.

    :raise ProberError: as :func:`prober.rehearsal.plug.rehearse_plug` does.
    """
    request = PlugRequest(
        words=tuple(words), commands=commands, anyway=anyway, assume_unknown_present=assume_unknown_present
    )
    told = asyncio.run(rehearse_plug(LineSubject(binary, capabilities, root), request))
    return told.model_dump(mode="json")
