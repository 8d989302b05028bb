"""Memory without a backend: ``-mem-prealloc`` and ``-mem-path``, for machines before QEMU 5.0 (libvirt 11.3,
``qemuBuildMemPathStr``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Option, Plain, Prepared
from prober.domain.domain import Domain
from prober.domain.memory import MemoryBacking
from prober.guest.memory.pages import SYSTEM_PAGE, default_size, file_path, huge_path
from prober.host.target import Target


def prealloc_option(domain: Domain, target: Target) -> bool:
    """Whether ``-mem-prealloc`` is given, for all of the memory."""
    if not domain.plain_memory:
        return False
    return domain.memory_backing.allocation == "immediate" or _huge_page(domain.memory_backing, target) is not None


def _huge_page(backing: MemoryBacking, target: Target) -> int | None:
    """The first size of huge pages, in KiB; nodes are not looked at."""
    pages = backing.sizes
    if not pages or pages[0].kibibytes == SYSTEM_PAGE:
        return None
    return pages[0].kibibytes or default_size(target)


def emit_old_style(domain: Domain, target: Target) -> Iterator[Option]:
    """The two options."""
    backing = domain.memory_backing
    if prealloc_option(domain, target):
        yield Plain("-mem-prealloc", None, backing.place("allocation" if backing.allocation else "hugepages"))
    size = _huge_page(domain.memory_backing, target)
    path: Prepared | None = None
    if size is not None:
        path = huge_path(domain.name, target, size, "ram")
    elif backing.source == "file":
        path = file_path(domain.name, target, "ram", "ram")
    if path is not None:
        yield Plain("-mem-path", path, backing.place("hugepages" if size is not None else "source"))
