"""Where QEMU puts the drives that are no devices: ``-drive``, ``-hda``, ``-cdrom`` and a word without a dash.

Each has a place, by its interface (QEMU, ``blockdev.c``, ``drive_new``): an index is a bus and a unit, and what names
none gets the next unit that is free.  The machine makes its disks of those of its own interfaces, and does so before
any ``-device``.  A word without a dash is a disk like that of ``-hda``: index 0 of the machine's own interface
(``system/vl.c``, ``drive_add`` with ``IF_DEFAULT``).  So it is from 5.2 to 11.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from prober.commandline.line import Line, kept_by_line, number, value_of
from prober.commandline.options import Keyval, Plain
from prober.commandline.refusal import Origin

#: Options that are a drive: interface (empty: the machine's own) and index (None: the next that is free).
_SHORT: Mapping[str, tuple[str, int | None]] = MappingProxyType(
    {
        "": ("", 0),
        "-hda": ("", 0),
        "-hdb": ("", 1),
        "-hdc": ("", 2),
        "-hdd": ("", 3),
        "-cdrom": ("", 2),
        "-fda": ("floppy", 0),
        "-fdb": ("floppy", 1),
        "-mtdblock": ("mtd", None),
        "-sd": ("sd", None),
        "-pflash": ("pflash", None),
    }
)

#: What is a drive.
DRIVE_OPTIONS = ("-drive", *_SHORT)

#: How many units the buses of an interface have (``blockdev.c``, ``if_max_devs``); of the others one bus has them all.
_UNITS: Mapping[str, int] = MappingProxyType({"ide": 2, "scsi": 7})


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive with its place.

    ``interface`` is what ``if=`` names, ``word`` how the command line has it.  ``taken`` is whether another has its
    place already, ``of_its_bus`` how many units that bus has (0: any number), ``id`` its own (empty: none).
    """

    interface: str
    bus: int
    unit: int
    word: str
    place: Origin
    taken: bool
    of_its_bus: int
    id: str = ""

    @property
    def index(self) -> int:
        """The number that stands for the bus and the unit."""
        return self.bus * self.of_its_bus + self.unit


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A drive whose own keys contradict one another; ``message`` says how."""

    place: Origin
    part: str
    message: str


@kept_by_line
def find_drives(line: Line) -> Sequence[Drive | Misplaced]:
    """The drives of a line in its order; none of a machine of which it is not known what it makes of them.

    After one whose place cannot be told nothing is said of those of the same interface.
    """
    return tuple(_find(line))


def _find(line: Line) -> Iterator[Drive | Misplaced]:
    room = line.family.ide
    if room is None or line.is_open or line.words.isdisjoint(DRIVE_OPTIONS):
        return
    taken = _Taken()
    lost: set[str] = set()
    for option in line.options:
        wish = _wish(option, line.family.drive_interface)
        if wish is None or wish.interface in lost:
            continue
        units = room[1] if wish.interface == "ide" else _UNITS.get(wish.interface, 0)
        found = _placed(wish, units, taken)
        if found is None:
            lost.add(wish.interface)
            continue
        if isinstance(found, Drive):
            taken.places.add((found.interface, found.bus, found.unit))
        yield found


def own_drives(line: Line, interface: str) -> Iterator[Drive]:
    """The drives of an interface, which the machine makes disks of by itself."""
    return (drive for drive in find_drives(line) if isinstance(drive, Drive) and drive.interface == interface)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an option says of a drive's place: numbers, or None for what is no number."""

    interface: str
    word: str
    place: Origin
    index: int | None = -1
    bus: int | None = 0
    unit: int | None = -1
    id: str = ""


def _wish(option: object, default: str) -> _Wish | None:
    match option:
        case Plain(flag=flag) if flag in _SHORT:
            interface, index = _SHORT[flag]
            word = flag or f"{(option.value or '')[:64]!r}, a word without a dash,"
            return _Wish(interface or default, word, option.place, -1 if index is None else index)
        case Keyval(flag="-drive"):
            interface, ident = str(value_of(option.pairs, "if", default)), str(value_of(option.pairs, "id", ""))
            index, bus, unit = (
                number(value_of(option.pairs, key, given)) for key, given in (("index", -1), ("bus", 0), ("unit", -1))
            )
            return _Wish(interface, f"-drive if={interface}", option.place, index, bus, unit, ident)
    return None


def _placed(wish: _Wish, units: int, taken: _Taken) -> Drive | Misplaced | None:
    """As ``drive_new`` does it; None where a number is none, or one that nobody writes."""
    index, bus, unit = wish.index, wish.bus, wish.unit
    if index is None or bus is None or unit is None or min(index, unit) < -1:
        return None
    if index >= 0:
        if bus or unit >= 0:
            return Misplaced(wish.place, "index", "index cannot be with bus or unit")
        bus, unit = divmod(index, units) if units else (0, index)
    elif unit < 0:
        bus, unit = _next_free(wish.interface, bus, units, taken)
    if units and unit >= units:
        return Misplaced(wish.place, "unit", f"a bus of if={wish.interface} has no unit {unit} on this machine")
    is_taken = (wish.interface, bus, unit) in taken.places
    return Drive(wish.interface, bus, unit, wish.word, wish.place, is_taken, units, wish.id)


@dataclass(slots=True)
class _Taken:
    """The places that drives have, and of each bus the first unit that may be free."""

    places: set[tuple[str, int, int]] = field(default_factory=set)
    first: dict[tuple[str, int], int] = field(default_factory=dict)


def _next_free(interface: str, bus: int, units: int, taken: _Taken) -> tuple[int, int]:
    """The first unit from this bus on that no drive has yet."""
    start, unit = bus, taken.first.get((interface, bus), 0)
    while (interface, bus, unit) in taken.places:
        unit += 1
        if units and unit >= units:
            bus, unit = bus + 1, 0
    if bus == start:
        taken.first[interface, bus] = unit
    return bus, unit
