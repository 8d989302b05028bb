"""What comes to a machine that stands is made ready with its line, and set apart before the start."""

from __future__ import annotations

from collections.abc import Set

from prober.commandline.text import as_size
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members

#: Memory that is no larger (bytes) may be touched here, where that is what a device asks about.
_MOST_TOUCHED = 256 << 20


def set_apart(bench: Bench, positions: Set[int]) -> None:
    """Take the options at these positions out of the line; they are the bench's ``later`` ones."""
    apart: dict[int, Given] = {}
    for given in bench.line:
        if given.position in positions:
            # The first of a position: what was put behind a line whose last option is left out may have the same.
            apart.setdefault(given.position, given)
    bench.later = [*apart.values()]
    bench.line = [given for given in bench.line if given not in bench.later]
    for given in bench.later:
        _ask_about_touched_memory(given, bench)


def _ask_about_touched_memory(given: Given, bench: Bench) -> None:
    """A virtio-mem looks whether its memory is allocated beforehand (QEMU 8.0, ``virtio_mem_device_realize``), which a
    stand-in's is not: a small one is, after all, and of a large one nothing can be said."""
    members, every = given.members, (*bench.line, *bench.later)
    if given.flag != "-device" or not given.type.startswith("virtio-mem") or members is None:
        return
    name = members.text("memdev")
    for backend in every:
        if backend.flag == "-object" and backend.id == name and backend.members is not None:
            _keep_allocated(given, backend, backend.members, bench)


def _keep_allocated(given: Given, backend: Given, members: Members, bench: Bench) -> None:
    """The memory as it was asked for, or the device left out."""
    set_aside = [item for item in bench.replaced if (item.position, item.part) == (backend.position, "prealloc")]
    if not set_aside:
        return
    if (as_size(members.text("size")) or 0) > _MOST_TOUCHED:
        why = f"it looks whether {backend.id} is allocated beforehand, and so much memory is not touched here"
        bench.leave_out(given, why)
        return
    members.set("prealloc", True)
    backend.touch()
    bench.replaced = [item for item in bench.replaced if item not in set_aside]
