"""Moments, as they are told to people."""

from __future__ import annotations

import time


def local_time(seconds: float) -> str:
    """A moment (seconds since 1970) by the clock and in the zone of this machine: ``2026-11-30 01:44:05``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
