"""A line proven here and now, for one command."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.cli.answerer import Json
from prober.cli.output import ProgressLine
from prober.proof.hotplug import with_translation
from prober.proof.once import prove_once
from prober.proof.subject import LineRequest, LineSubject
from prober.translate.translation import Translation


@dataclass(frozen=True)
class LineAsked:
    """What is asked about the ``words`` of an argv."""

    words: list[str]
    anyway: bool
    assume_unknown_present: bool


def prove_now(
    binary: str, root: Path | None, capabilities: Capabilities, asked: LineAsked, translation: Json | None = None
) -> Json:
    """The proof as JSON; ``translation`` is what the words come from, where a domain was asked about.

    :raise ProberError: as :func:`prober.proof.once.prove_once` does.
    """
    request = LineRequest(tuple(asked.words), asked.anyway, asked.assume_unknown_present)
    with ProgressLine() as progress:
        progress.show(f"{Path(binary).name}: proving …")
        proof = asyncio.run(prove_once(LineSubject(binary, capabilities, root), request))
    if translation is not None:
        proof = with_translation(proof, Translation.model_validate(translation))
    return proof.model_dump(mode="json")
