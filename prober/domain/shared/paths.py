"""Paths that need not be absolute: libvirt hands them on as they are, and starts QEMU in the root directory."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Broken
from prober.xml.binding import Element


def relative_paths(element: Element, *fields: str) -> Iterator[Broken]:
    """A remark for each of these fields whose path is not absolute."""
    for name in fields:
        path = getattr(element, name)
        if path and not path.startswith("/"):
            message = f"{path[:80]!r} is no absolute path: it is looked for where QEMU is started (by libvirt in /)"
            yield Broken(name, message, rule="element/relative-path")
