"""How a process ended, in words."""

from __future__ import annotations

import signal


def signal_of(returncode: int) -> str:
    """The name of the signal that ended a process (``SIGABRT``, ``signal 200``); empty where none did."""
    if returncode >= 0:
        return ""
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
