"""Whether a QEMU has a block driver that a file stood in for: a question to the one that was started.

It is that of the interviews (:mod:`prober.qemu.drivers`), here for any driver that a line names.
"""

from __future__ import annotations

from typing import Any

from prober.commandline.render import escape
from prober.qemu.drivers import ARGUMENT, COMMAND, driver_line, words_of_lack


def driver_question(driver: str) -> tuple[str, dict[str, Any]]:
    """The QMP command that asks for it, and its arguments.  Its answer is a text."""
    return COMMAND, {ARGUMENT: driver_line(escape(driver))}


def lacks_driver(driver: str, answer: object) -> str | None:
    """QEMU's words where it has not the driver, None where it has; the answer is not trusted to be a text."""
    return words_of_lack(driver, answer)
