"""Whether a file with a secret is its user's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple


class NotPrivate(NamedTuple):
    """What stands against a file, and what would help."""

    message: str
    hint: str


def why_not_private(path: Path, there: os.stat_result) -> NotPrivate | None:
    """Why this can hold no secret: it is no file, or others may read or write it; None where it can."""
    if not stat.S_ISREG(there.st_mode):
        return NotPrivate(f"{path} is no file", "name the file of the credentials")
    if there.st_mode & 0o077 and not _is_handed_over(path, there):
        said = f"{path} holds a secret, and others may use it (its mode is {there.st_mode & 0o777:04o})"
        return NotPrivate(said, f"chmod 0600 {path}, and make a new key where it was readable for long")
    return None


def _is_handed_over(path: Path, there: os.stat_result) -> bool:
    """Whether systemd has put the file there for this unit alone (LoadCredential=, systemd.exec(5)).

    The right of the unit's user is an entry of its own beside the file's mode (ACL), which then looks as if the group
    could read it; the group is root's, and its directory lets nobody else in.
    """
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    is_there = bool(directory) and path.is_absolute() and path.parent == Path(directory)
    return is_there and there.st_uid == 0 and there.st_gid == 0 and not there.st_mode & 0o037
