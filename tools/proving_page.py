"""Write the tables of stand-ins in docs/proving.md: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from prober.proof.row import StandInRow
from prober.proof.rows.tables import TABLES, RowTable
from tools.pages import put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "proving.md"

_HEADINGS = {
    "option": "Options",
    "netdev": "Netdevs (`-netdev`, `-net`, `-nic`)",
    "chardev": "Character devices (`-chardev`)",
    "object": "Objects (`-object`)",
    "block driver": "Block drivers (`-blockdev`, `-drive`)",
    "device": "Devices (`-device`)",
    "property": "Properties of devices that name files",
    "display": "Displays (`-display`)",
    "audiodev": "Sound (`-audiodev`, `-audio`)",
    "fsdev": "File systems (`-fsdev`, `-virtfs`)",
    "tpmdev": "TPMs (`-tpmdev`)",
}


def render_page(page: str) -> str:
    """The page with its tables written anew."""
    return put_between_marks(page, "\n".join(line for noun, table in TABLES.items() for line in _lines(noun, table)))


def _lines(noun: str, table: RowTable) -> Iterator[str]:
    yield from ("", f"### {_HEADINGS[noun]}", "")
    if table.says:
        yield from (table.says.replace("  ", " "), "")
    yield from ("| name | what becomes of it | by what, or why |", "| --- | --- | --- |")
    # Rows that say the same stand in one line.
    for row, named in groupby(sorted(table.rows.items(), key=_order), key=lambda item: _key(item[1])):
        names = ", ".join(f"`{name}`" if name else "a disk image by itself" for name, _ in named)
        yield f"| {names} | {row[0]} | {row[1]} |"


def _key(row: StandInRow) -> tuple[str, str]:
    return row.treatment.value, row.say


def _order(item: tuple[str, StandInRow]) -> tuple[str, str, str]:
    return (*_key(item[1]), item[0])


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
