"""Writing a page that is one file."""

from __future__ import annotations

from pathlib import Path

from prober.cli.replacing import replace_file
from prober.errors import OutputError, ServiceError, UsageError

_HINT = "is there such a directory, and may it be written to?"


def write_page(out: Path, page: str) -> None:
    """Replace the file as a whole.

    :raise OutputError: where it cannot be written; what was there before stays.
    """
    try:
        replace_file(out, page.encode(), reader="whoever opens it")
    except ServiceError as error:
        raise OutputError(error.message, hint=_HINT) from error


def require_place(out: Path, option: str) -> None:
    """See that a page can be there, before it takes minutes to make it.

    :raise UsageError: where it is stdout, which is for the answer.
    :raise OutputError: where there is no such directory, or it is a directory itself.
    """
    if str(out) == "-":
        raise UsageError(f"{option} takes a file", hint="stdout is for the answer")
    if out.is_dir():
        raise OutputError(f"cannot write {out}: it is a directory", hint="name a file in it")
    if not out.parent.is_dir():
        raise OutputError(f"cannot write {out}: there is no directory for it", hint=_HINT)
