"""An interview that fails, for tests of how."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prober.errors import QemuError
from prober.qemu.interview import interview
from prober.qemu.limits import InterviewLimits

Aio = Callable[..., Any]

#: A fake is a Python that starts, on a machine that may have other work.
LIMITS = InterviewLimits(greet_s=10, reply_s=5, total_s=30, reply_bytes=1 << 20, total_bytes=4 << 20)


def fails(aio: Aio, binary: Path | str, limits: InterviewLimits = LIMITS, within: float = 20) -> QemuError:
    """The error that the interview ends with."""
    started = time.monotonic()
    with pytest.raises(QemuError) as caught:
        aio(interview(binary, limits=limits, accel="tcg"))
    assert time.monotonic() - started < within
    assert "Traceback" not in str(caught.value)
    return caught.value
