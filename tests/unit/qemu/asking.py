"""Interviews of fakes, with limits that a test does not wait long for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prober.qemu.interview import Interview, interview
from prober.qemu.limits import InterviewLimits

LIMITS = InterviewLimits(greet_s=5, reply_s=3, total_s=20)
ONE = LIMITS.model_copy(update={"processes": 1})
TWO = LIMITS.model_copy(update={"processes": 2})


def ask(aio: Callable[..., Any], binary: Path, limits: InterviewLimits = TWO) -> Interview:
    result: Interview = aio(interview(binary, limits=limits, accel="tcg"))
    return result
