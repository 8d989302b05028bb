"""Whether a QEMU has a block driver that a file stood in for: a question to the one that was started.

``query-qmp-schema`` names drivers whose module is not installed.  ``drive_add`` of a driver and nothing else loads the
module, and fails for want of an address before anything is opened or connected to (5.2 to 11.1).
"""

from __future__ import annotations

from typing import Any

from prober.commandline.render import escape


def driver_question(driver: str) -> tuple[str, dict[str, Any]]:
    """The QMP command that asks for it, and its arguments.  Its answer is a text."""
    return "human-monitor-command", {"command-line": f"drive_add 0 if=none,driver={escape(driver)}"}


def lacks_driver(driver: str, answer: object) -> str | None:
    """QEMU's words where it has not the driver, None where it has; the answer is not trusted to be a text."""
    if isinstance(answer, str) and f"Unknown driver '{driver}'" in answer:
        return " ".join(answer.split())[:400]
    return None
