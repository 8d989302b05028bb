"""Command lines that people posted: bug reports, guides, mails and scripts, one a file of ``tests/lines/real``.

The first line of a file is a comment: the kind of source, and the QEMU version it was written for where that is
known; ``completed`` says that only a part of the line was posted, and that the rest is what such a line has.  Names,
paths, addresses and identifiers of persons and hosts are replaced by neutral ones, the rest is as it was posted, with
its mistakes.  ``tests/lines/real-verdicts.json`` has what proving each gives (name → version → verdict), where that is
known to be right.
"""

from __future__ import annotations

from pathlib import Path

from prober.commandline.parse import split_shell

#: The files, and the verdicts that are expected of them.
DIRECTORY = Path(__file__).parent / "real"
VERDICTS = Path(__file__).parent / "real-verdicts.json"


def read_real_lines() -> dict[str, list[str]]:
    """Each line's words by the name of its file, in the order of the names."""
    return {file.stem: read_words(file) for file in sorted(DIRECTORY.glob("*.args"))}


def read_words(file: Path) -> list[str]:
    """The words of one file, the binary first, without its comment.

    :raise ValueError: where it does not start with a comment, or has another.
    """
    comment, _, line = file.read_text(encoding="utf-8").partition("\n")
    if not comment.startswith("# ") or "\n#" in f"\n{line}":
        raise ValueError(f"{file.name}: one comment is wanted, in the first line")
    return split_shell(line)
