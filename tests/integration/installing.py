"""Installing this checkout into an environment of its own, without a network.

What it needs of Python's packages is what this environment has: pip builds and installs the checkout alone, and finds
the rest by ``PYTHONPATH``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from tests.conftest import CHECKOUT

#: What is installed, and what pip builds it with.
_NEEDED = ("prober/", "fixtures/", ".pre-commit-hooks.yaml", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def copy_sources(directory: Path) -> None:
    """The files of this checkout that are installed, in a directory of their own: pip builds in the place itself."""
    words = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if name.startswith(_NEEDED) and (CHECKOUT / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, directory / name)


def offline() -> dict[str, str]:
    """An environment in which ``pip install CHECKOUT`` asks nobody."""
    return os.environ | {
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's own way to say: without
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
