"""Where a user keeps what is his own: the XDG directories, for a service that an ordinary user starts.

The daemon has places of the system.  A user who is not root, and is no unit of systemd's, has no right to those, and
his session has its own (XDG Base Directory Specification, 0.8).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_NAME = "prober"

#: What systemd sets for a unit of ours: its directories are those of the system then.
_OF_A_UNIT = ("CACHE_DIRECTORY", "RUNTIME_DIRECTORY", "LISTEN_FDS")


def is_ordinary(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether we are a user who has directories of his own, and those of the system are for somebody else."""
    return os.geteuid() != 0 and not any(name in environment for name in _OF_A_UNIT)


def own_socket(environment: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_RUNTIME_DIR/prober/prober.sock``; the cache has it where a session has no such directory."""
    runtime = _directory(environment, "XDG_RUNTIME_DIR") or Path(f"/run/user/{os.geteuid()}")
    return (runtime / _NAME if runtime.is_dir() else own_cache(environment)) / "prober.sock"


def own_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CACHE_HOME/prober``, or ``~/.cache/prober``."""
    return (_directory(environment, "XDG_CACHE_HOME") or _home(environment) / ".cache") / _NAME


def own_file(environment: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CONFIG_HOME/prober/prober.toml``, or that below ``~/.config``."""
    return (_directory(environment, "XDG_CONFIG_HOME") or _home(environment) / ".config") / _NAME / "prober.toml"


def _directory(environment: Mapping[str, str], name: str) -> Path | None:
    """A relative path is to be ignored, the specification says."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else None


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or f"/tmp/prober-{os.geteuid()}")  # noqa: S108 - a user without a home
