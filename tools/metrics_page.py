"""Write the table of docs/operating.md from the rows of the metrics: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prober.service.metrics.families import FAMILIES, OF_PROCESS
from tools.pages import put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "operating.md"


def render_page(page: str) -> str:
    """The page with its table written anew."""
    return put_between_marks(page, "\n".join(_table()))


def _table() -> Iterator[str]:
    yield from ("", "| metric | kind | labels | what |", "| --- | --- | --- | --- |")
    for family in (*FAMILIES, *OF_PROCESS):
        labels = ", ".join(f"`{label}`" for label in family.labels)
        yield f"| `{family.shown}` | {family.kind} | {labels} | {family.help} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
