"""One interview for one command, with a progress line while it lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal, cast

from prober.cli.output import ProgressLine
from prober.qemu.interview import Interview, interview


def interview_now(binary: str, *, accel: str = "auto", root: Path | None = None) -> Interview:
    """Interview a binary; Ctrl-C ends it and what it started.

    :raise ConfinementError: where ``root`` is given, there is no bubblewrap that works, and we are not root.
    :raise QemuError: where the interview fails otherwise.
    """
    name = Path(binary).name
    with ProgressLine() as progress:
        progress.show(f"{name}: starting …")

        def show(stage: str, done: int, total: int) -> None:
            progress.show(f"{name}: {stage}, {done} of {total} answers")

        return asyncio.run(interview(binary, accel=cast(Literal["auto", "tcg"], accel), root=root, progress=show))
