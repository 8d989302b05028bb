"""Write the table of rules in docs/checking.md: ``make docs``."""

from __future__ import annotations

from pathlib import Path

from prober.commandline.rules.table import RULES
from tools.pages import put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "checking.md"


def render_page(page: str) -> str:
    """The page with its table written anew."""
    rows = [f"| {rule.says} | {_source(rule.source)} |" for rule in RULES]
    return put_between_marks(page, "\n".join(["", "| what has to be | source |", "| --- | --- |", *rows]))


def _source(text: str) -> str:
    """Files and functions, set as code."""
    return "; ".join(f"`{part.strip()}`" for part in text.split(";"))


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
