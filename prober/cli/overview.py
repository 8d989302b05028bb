"""The help of the command itself: what it is for and which commands there are.

It is drawn here, as the parser's help of each command is drawn, but without loading a parser: most who look at it look
first at this.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

from prober.cli.commands import COMMANDS
from prober.cli.output import has_colour

#: What stands above the commands: paragraphs.
ABOUT = (
    "Ask QEMU binaries what they can do, and turn libvirt domain XML into command lines that they accept.",
    "Three places can answer: a running service (`--socket`), a QEMU binary that is asked here and now (`--binary`), "
    "and a recording of an earlier interview (`--replies`). Without any of the three, what PROBER_SOCKET or "
    "PROBER_REPLIES names is asked, the service on /run/prober/prober.sock, or else the one on run/prober.sock.",
    "Exit codes: 0 done, or present; 1 absent; 2 wrong usage or unreadable input; 3 the domain is refused, or the "
    "command line has faults; 4 unknown; 5 QEMU or the service failed.",
)
_OPTIONS = (("--version", "Print the version and exit."), ("--help     -h", "Show this message and exit."))
_LEAST, _MOST = 50, 100

_BOLD, _PLAIN = "\x1b[1;36m", "\x1b[0m"


def draw_overview(width: int, *, is_coloured: bool) -> Iterator[str]:
    """The help in lines of at most so many columns."""
    yield from ("", " Usage: prober [OPTIONS] COMMAND [ARGS]...", "")
    for paragraph in ABOUT:
        yield from (f" {line}" for line in _wrapped(paragraph.replace("`", ""), width - 2))
        yield ""
    yield from _box("Options", _OPTIONS, width, is_coloured)
    yield from _box("Commands", [(row.name, row.summary.replace("`", "")) for row in COMMANDS], width, is_coloured)
    yield ""


def show_overview() -> None:
    """Print it, as wide as the terminal is."""
    columns = min(max(shutil.get_terminal_size().columns, _LEAST), _MOST)
    sys.stdout.write("\n".join(draw_overview(columns, is_coloured=has_colour())) + "\n")


def _box(title: str, rows: Sequence[tuple[str, str]], width: int, is_bold: bool) -> Iterator[str]:
    first = max(len(name) for name, _ in rows) + 2
    yield f"╭─ {title} {'─' * (width - len(title) - 5)}╮"
    for name, text in rows:
        for number, line in enumerate(_wrapped(text, width - first - 4)):
            shown = (name if number == 0 else "").ljust(first)
            yield f"│ {_BOLD if is_bold else ''}{shown}{_PLAIN if is_bold else ''}{line.ljust(width - first - 4)} │"
    yield f"╰{'─' * (width - 2)}╯"


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words: the name of an option is none of two parts."""
    return textwrap.wrap(re.sub(r"\s+", " ", text), width, break_long_words=False, break_on_hyphens=False)
