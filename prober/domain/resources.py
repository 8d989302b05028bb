"""What whoever starts QEMU has to prepare before, or to do after."""

from __future__ import annotations

from collections.abc import Iterator

from prober.domain.domain import Domain
from prober.domain.lifecycle import watch
from prober.domain.target import Target
from prober.domain.translation import Resource


def find_resources(domain: Domain, target: Target) -> Iterator[Resource]:
    """All of them, in the order of the argv."""
    if target.monitor is not None:
        todo = f"QEMU makes the socket {target.monitor} and speaks QMP on it; the directory must exist"
        yield Resource(kind="monitor", name="charmonitor", where="-chardev", todo=todo)
    yield from watch(domain, target)
