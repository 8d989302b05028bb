"""Whether a QEMU has a block driver that a file stood in for: a question to the one that was started.

It is that of the interviews (:mod:`prober.qemu.drivers`), here for any driver that a line names.
"""

from __future__ import annotations

from typing import Any

from prober.commandline.render import escape
from prober.qemu.drivers import ARGUMENT, COMMAND, driver_line


def driver_question(driver: str) -> tuple[str, dict[str, Any]]:
    """The QMP command that asks for it, and its arguments.  Its answer is a text."""
    return COMMAND, {ARGUMENT: driver_line(escape(driver))}
