"""The QEMUs that are asked."""

from __future__ import annotations

import sys

from tests.conftest import BINARY_IN_ROOT, QemuPlace
from tools.roots import SUITES, find_root


def installed() -> QemuPlace:
    """The one of this host."""
    return QemuPlace("installed", BINARY_IN_ROOT)


def places() -> list[QemuPlace]:
    """That one, and those of the roots that are laid out.

    :raise SystemExit: where one is not.
    """
    found = [installed()]
    for version in SUITES:
        root = find_root(version)
        if root is None:
            sys.exit(f"QEMU {version} is not laid out: make roots")
        found.append(QemuPlace(version, BINARY_IN_ROOT, root))
    return found
