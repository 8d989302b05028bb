"""``<on_poweroff>``, ``<on_reboot>`` and ``<on_crash>``: the words for what becomes of a domain."""

from __future__ import annotations

from typing import Literal

Action = Literal["destroy", "restart", "preserve"]
CrashAction = Literal["destroy", "restart", "preserve", "coredump-destroy", "coredump-restart"]
