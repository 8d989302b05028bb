"""Applies the diffs of a document: hunks are found by their context, as they have no line numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^--- (\S+)\n\+\+\+ b/(\S+)\n", re.MULTILINE)


def changes_of(document: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every file that the document changes or adds, with its hunks: what stands there, and what shall."""
    for block in _BLOCK.findall(document):
        parts = _FILE.split(block)[1:]
        for _, name, hunks in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            yield name, [_hunk(hunk) for hunk in hunks.split("@@\n")[1:]]


def _hunk(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    return before, after


def apply(document: str, root: Path) -> list[str]:
    """Make these changes below a directory; the names of the files.

    :raise AssertionError: where the context of a hunk does not stand exactly once in its file.
    """
    names = []
    for name, hunks in changes_of(document):
        path = root / name
        text = path.read_text() if path.exists() else ""
        for before, after in hunks:
            if before:
                assert text.count(before) == 1, f"{name}: the document's context does not stand there once:\n{before}"
                text = text.replace(before, after)
            else:
                assert not text, f"{name} is there already"
                text = after
        path.write_text(text)
        names.append(name)
    return names
