"""The file of the settings: its text and what that says, or why it cannot be read."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from prober.capabilities.plain import read_plain
from prober.capabilities.toml_text import parse_toml

Told: TypeAlias = dict[str, Any]

#: No file of settings is larger (bytes): reading it takes turns with what the service is asked meanwhile.
_MOST_BYTES = 128 << 10


class SettingProblem(NamedTuple):
    """One thing that is wrong: ``place`` is where (``FILE:LINE``, a variable, ``command line``), ``key`` what of it
    (empty: all), ``message`` why, ``hint`` what to do.  ``unreadable`` is whether what is told there cannot be read.
    """

    place: str
    key: str
    message: str
    hint: str = ""
    unreadable: bool = False

    def __str__(self) -> str:
        said = f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"
        return f"{said} ({self.hint})" if self.hint else said


def read_text(path: Path, *, needed: bool) -> tuple[str | None, SettingProblem | None]:
    """The text of a file; None without a problem where it need not be there and is not."""
    try:
        data = read_plain(path, _MOST_BYTES)
    except FileNotFoundError as error:
        if not needed:
            return None, None
        return None, _unreadable(path, error.strerror or "", "name one that is there with --config")
    except PermissionError as error:
        return None, _unreadable(path, error.strerror or "", _who_may(path))
    except (OSError, ValueError) as error:
        return None, _unreadable(path, getattr(error, "strerror", None) or str(error), "name a TOML file with --config")
    if len(data) > _MOST_BYTES:
        return None, _unreadable(path, f"it is larger than {_MOST_BYTES} bytes", "is this the right file?")
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return "", _unreadable(f"{path}:{line}", "it is not UTF-8", "save it as UTF-8")


def parse_text(path: Path, text: str | None) -> tuple[Told, SettingProblem | None]:
    """What a text says; nothing without one, or with a problem."""
    try:
        return parse_toml(text or ""), None
    except ValueError as error:
        message, _, place = str(error).partition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        where = f"{path}:{line}" if line.isdigit() else str(path)
        reason = f"{message[:1].lower()}{message[1:]}"
        if not isinstance(error, tomllib.TOMLDecodeError):
            return {}, _unreadable(where, reason, "docs/settings.md has all that there is to set")
        return {}, _unreadable(where, f"this is no TOML: {reason}", "text stands in quotes, a table's name in brackets")


def _unreadable(place: object, reason: str, hint: str) -> SettingProblem:
    return SettingProblem(str(place), "", f"cannot read the settings: {reason}", hint, unreadable=True)


def _who_may(path: Path) -> str:
    """What to do where a file may not be read."""
    try:
        found = path.stat()
    except OSError:
        return f"let user {os.geteuid()} into the directory: it needs the right x on each one above the file"
    rights = f"it belongs to {found.st_uid}:{found.st_gid} and has the rights {stat.S_IMODE(found.st_mode):04o}"
    return f"{rights}: let user {os.geteuid()} read it, as with chgrp prober {path} and chmod 0640 {path}"
