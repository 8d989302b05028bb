"""All looks at a host for one domain, put together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from prober.commandline.refusal import Place
from prober.errors import QemuError
from prober.rehearsal.preflight.ground import Ground, is_unknown
from prober.rehearsal.preflight.memory import look_at_huge_pages
from prober.rehearsal.preflight.model import HostFinding, Preflight
from prober.rehearsal.preflight.seen_as import can_become, look_as
from prober.rehearsal.preflight.table import (
    DEVICE_LOOKS,
    ITEM_LOOKS,
    NEED_LOOKS,
    PROPERTY_LOOKS,
    ItemRow,
    Nothing,
    NotLookedAt,
)
from prober.rehearsal.preflight.view import HostUser, SeenHost
from prober.rehearsal.preflight.wanted import HostItem, HostWishes

#: More findings of one domain than anybody reads.
_MOST_FINDINGS = 10_000


def preflight(wanted: HostWishes, user: HostUser, root: Path = Path("/")) -> Preflight:
    """What a host has of all that a domain asks of it, as one user sees it.  Blocks, for milliseconds.

    It is looked in a process of its own, as that user where we may become it.

    :raise QemuError: where that process failed, or took too much time.
    """
    judges = can_become(user)
    view = SeenHost(user, root, asks_kernel=judges)
    content = look_as(user, lambda: look_at_host(wanted, view).model_dump_json().encode())
    if not content:
        raise QemuError("the look at the host did not come to an end", hint="an image on a file system that hangs?")
    return Preflight.model_validate_json(content)


def look_at_host(wanted: HostWishes, view: SeenHost) -> Preflight:
    """The same in this process, which is as whoever calls.  Blocks."""
    ground = Ground(view, wanted)
    found: dict[tuple[Place, str, str], HostFinding] = {}
    for finding in chain(_of_items(ground), _of_needs(ground), look_at_huge_pages(ground)):
        key = (finding.place, finding.kind, finding.what)
        if len(found) < _MOST_FINDINGS:
            found.setdefault(key, finding)
    return Preflight(
        binary=wanted.binary,
        user=view.user.name,
        groups=view.user.groups,
        judged_by="kernel" if view.asks_kernel else "rights",
        findings=tuple(sorted(found.values(), key=lambda finding: finding.place.line)),
    )


def _of_items(on: Ground) -> Iterator[HostFinding]:
    for item in on.wanted.items:
        yield from _by_row(look_row(item), item, on)
        if item.noun == "device":
            for name in item.values:
                if name in PROPERTY_LOOKS and item.text(name):
                    yield from _by_row(PROPERTY_LOOKS[name], item, on)


def look_row(item: HostItem) -> ItemRow | None:
    """The row of one thing; None for what takes nothing of the host."""
    if item.noun != "device":
        return ITEM_LOOKS.get(item.noun, {}).get(item.name)
    return device_row(item.name)


def device_row(name: str) -> ItemRow | None:
    """The row of a type of device: that of the longest beginning that fits."""
    fits = [start for start in DEVICE_LOOKS if name.startswith(start)]
    return DEVICE_LOOKS[max(fits, key=len)] if fits else None


def _by_row(row: ItemRow | None, item: HostItem, on: Ground) -> Iterator[HostFinding]:
    if row is None or isinstance(row, Nothing):
        return
    if isinstance(row, NotLookedAt):
        yield is_unknown("not looked at", f"{item.noun} {item.name}: {row.why}", item.place, "no look is for it")
        return
    yield from row(item, on)


def _of_needs(on: Ground) -> Iterator[HostFinding]:
    for wish in on.wanted.needs:
        row = NEED_LOOKS.get(wish.need.kind)
        if row is None or isinstance(row, NotLookedAt):
            why = row.why if row is not None else wish.need.todo
            what = f"{wish.need.kind} of {wish.need.name}: {why}"
            yield is_unknown("not looked at", what, wish.place, "no look is for it", wish.need.todo)
        elif not isinstance(row, Nothing):
            yield from row(wish, on)
