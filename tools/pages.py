"""What the writers of pages have in common: the part of a page that is theirs, and docstrings as Markdown."""

from __future__ import annotations

import re

BEGIN, END = "<!-- from the models: begin -->", "<!-- from the models: end -->"


def put_between_marks(page: str, tables: str) -> str:
    """The page with its tables written anew; what stands before the first mark and after the last is kept."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n\n{END}{after}"


def as_markdown(text: str) -> str:
    """Words of a docstring or comment, without the roles of reStructuredText."""
    return re.sub(r":\w+:`~?\.?([^`]*)`", r"`\1`", text).replace("``", "`")
