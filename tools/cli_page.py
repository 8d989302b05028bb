"""Write the table of exit codes in docs/cli.md from the rows of the commands: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prober.cli.endings import COMMON, ENDINGS
from tools.pages import put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"

#: Those that a signal ends with are the same for all, and stand above.
_SHOWN = (0, 1, 2, 3, 4, 5)


def render_page(page: str) -> str:
    """The page with its table written anew."""
    return put_between_marks(page, "\n".join(_tables()))


def _tables() -> Iterator[str]:
    yield from ("", "| code | of every command |", "| --- | --- |")
    yield from (f"| {int(code)} | {words} |" for code, words in COMMON.items())
    yield from ("", f"| command | {' | '.join(map(str, _SHOWN))} |", f"| --- {'| --- ' * len(_SHOWN)}|")
    for name, own in ENDINGS.items():
        cells = (own.get(code) or ("as above" if code in COMMON else "") for code in _SHOWN)
        yield f"| `{name}` | {' | '.join(cells)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
