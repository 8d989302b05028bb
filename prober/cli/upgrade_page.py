"""The page that ``prober upgrade --page`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import prober
from prober.cli import output
from prober.cli.migrating import Journey
from prober.cli.page_file import write_page
from prober.domain.domain import Domain
from prober.pages.report import render_upgrade
from prober.pages.upgrade import UpgradeBookMaker
from prober.rehearsal.upgrade import Upgraded, UpgradeQemu


class UpgradeDone(NamedTuple):
    """One domain: what became of it, and what it was read from and into (None where it was not)."""

    told: Upgraded
    xml: bytes
    domain: Domain | None


def write_upgrade_page(
    out: Path,
    done: Sequence[UpgradeDone],
    sides: tuple[UpgradeQemu, UpgradeQemu],
    journey: Journey,
    began: datetime,
    *,
    driven: bool,
) -> None:
    """Replace the file by the page of what was rehearsed from a moment on (UTC).

    :raise OutputError: where it cannot be written.
    """
    maker = UpgradeBookMaker(
        *sides, (_label(journey.source, journey.from_root), _label(journey.destination, journey.to_root))
    )
    for one in done:
        maker.add(*one)
    title = f"Upgrade from QEMU {sides[0].caps.version} to {sides[1].caps.version}"
    when = f"{began:%Y-%m-%dT%H:%M:%SZ}"
    page = render_upgrade(maker.make(title, f"made by prober {prober.__version__}", when, driven=driven))
    write_page(out, page)
    output.note(
        f"{out}: {len(page.encode()) / 1024:.0f} KiB with {len(done)} {'domain' if len(done) == 1 else 'domains'}"
    )


def _label(name: str | None, root: Path | None) -> str:
    """What a QEMU was named by."""
    return " in ".join(str(one) for one in (name, root) if one is not None)
