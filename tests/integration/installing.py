"""Installing this checkout into an environment of its own, without a network.

What it needs of Python's packages is what this environment has: pip builds and installs the checkout alone, and finds
the rest by ``PYTHONPATH``.
"""

from __future__ import annotations

import os
import sysconfig


def offline() -> dict[str, str]:
    """An environment in which ``pip install CHECKOUT`` asks nobody."""
    return os.environ | {
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's own way to say: without
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
