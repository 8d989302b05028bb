"""The command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios


def on_terminal(columns: int, *words: object, **more: str) -> str:
    """What a command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    command = [sys.executable, "-c", "from prober.cli.start import start; start()", *map(str, words)]
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm-256color", **more}
    ) as process:
        os.close(theirs)
        printed = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            printed += piece
        os.close(ours)
        assert process.wait() == 0
    return printed.decode().replace("\r\n", "\n")
