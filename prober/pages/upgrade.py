"""Making what the page of an upgrade is told, of what was rehearsed.  Pure: nothing is read, started or written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile

from prober.commandline.refusal import Kind, Place
from prober.domain.domain import Domain
from prober.pages.cells import remarks
from prober.pages.hidden import without_passwords
from prober.pages.models import Remark
from prober.pages.upgrade_mends import place_of_mend, told_mend
from prober.pages.upgrade_models import (
    OtherwiseTold,
    QemuNamed,
    StepTold,
    UpgradeBook,
    UpgradeCounts,
    UpgradeOutcome,
    UpgradeRow,
    WordsTold,
)
from prober.pages.upgrade_where import UpgradePlaces, line_in_xml, path_in_xml, placed_words, shortened
from prober.proof.models import Blamed, Omission, ProofVerdict
from prober.rehearsal.models import GuestChange, Migration
from prober.rehearsal.upgrade import Upgraded, UpgradeQemu
from prober.rehearsal.wording import describe_card, describe_change, describe_value

#: As many rows of one kind are told of a domain, and as many characters of its XML: a page is for many domains.
MOST_ROWS, MOST_XML = 100, 256 << 10

#: The most characters of XML in all.
MOST_OF_ALL = 32 << 20

#: What was taken by a QEMU.
_TAKEN = frozenset({"proven", "proven in part", "rehearsed", "rehearsed in part"})


class UpgradeBookMaker:
    """Makes an :class:`~prober.pages.upgrade_models.UpgradeBook`, a domain at a time."""

    def __init__(self, old: UpgradeQemu, new: UpgradeQemu, labels: tuple[str, str], *, room: int = MOST_OF_ALL) -> None:
        """``labels`` are what the two were named by, ``room`` is for how many characters of XML there is room."""
        self._old, self._new, self._labels = old, new, labels
        self._rows: list[UpgradeRow] = []
        self._room = room

    def add(self, told: Upgraded, xml: bytes, domain: Domain | None) -> None:
        """What became of one domain.  ``domain`` is what the XML was read into, None where it was not; passwords are
        taken out of the XML and of all that is said of it."""
        text, clean = without_passwords(xml.decode("utf-8", "replace"))
        shown = _cut_xml(text, min(MOST_XML, self._room))
        self._room -= len(shown)
        where = UpgradePlaces.find(told, domain, self._old, self._new) if domain is not None else UpgradePlaces()
        row = _row(told, shown, where, str(self._new.caps.version))
        self._rows.append(clean(_within(row, shown.count("\n") + bool(shown) if len(shown) < len(text) else None)))

    def make(self, title: str, made: str, when: str, *, driven: bool) -> UpgradeBook:
        """The book of what was added."""
        directory = _common_directory([row.name for row in self._rows])
        rows = tuple(row._replace(name=row.name.removeprefix(directory)) for row in self._rows)

        def number(step: str) -> int:
            return sum(getattr(row, step).verdict in _TAKEN for row in rows)

        counts = UpgradeCounts(
            all=len(rows),
            start=number("starts"),
            there=number("there"),
            back=number("back"),
            breaks=sum(row.outcome == "breaks" for row in rows),
            mended=sum(bool(row.mends) for row in rows),
        )
        old, new = (_named(*one) for one in zip((self._old, self._new), self._labels, strict=True))
        return UpgradeBook(title, made, when, driven, old, new, directory, counts, rows)


def _common_directory(names: Sequence[str]) -> str:
    """The directory that all files are in, or below, with its slash; empty where there is none."""
    parents = [name.split("/")[:-1] for name in names]
    common = takewhile(lambda parts: len(set(parts)) == 1, zip(*parents, strict=False))
    return "".join(f"{parts[0]}/" for parts in common)


def _named(qemu: UpgradeQemu, label: str) -> QemuNamed:
    version = qemu.caps.version
    return QemuNamed(label, str(version), version.package, qemu.caps.target)


def _row(told: Upgraded, xml: str, where: UpgradePlaces, version: str) -> UpgradeRow:
    starts = _starts(told, where)
    there, back = (_way(told, one, where) for one in (told.there, told.back))
    deprecated = tuple(_deprecated(told, where))
    cards = tuple(placed_words(describe_card(one), _card_place(one.card, where)) for one in told.cards)
    return UpgradeRow(
        name=told.file,
        xml=xml,
        outcome=_outcome(told, (starts, there, back)),
        machine=told.machine,
        machine_there=told.machine_there,
        starts=starts,
        there=there,
        back=back,
        refusals=(
            *remarks(told.refusals[:MOST_ROWS]),
            *(one._replace(message=f"the old QEMU refuses it already: {one.message}") for one in _refused_now(told)),
            *_failures(starts, there, back, version),
        ),
        notes=tuple(_notes(told, where, there, deprecated, cards)),
        deprecated=deprecated[:MOST_ROWS],
        otherwise=tuple(_otherwise(told, where))[:MOST_ROWS],
        cards=cards[:MOST_ROWS],
        mends=tuple(told_mend(one, told, xml, where) for one in told.mends[:MOST_ROWS]),
    )


def _refused_now(told: Upgraded) -> tuple[Remark, ...]:
    return remarks(told.refused_now[:MOST_ROWS])


def _outcome(told: Upgraded, steps: tuple[StepTold, StepTold, StepTold]) -> UpgradeOutcome:
    starts, there, back = steps
    if told.unreadable:
        return "unreadable"
    # What is not understood is refused by both.
    if told.refused_now or (told.refusals and not told.machine):
        return "refused already"
    if "refused" in (starts.verdict, there.verdict):
        return "breaks"
    if back.verdict == "refused":
        return "no way back"
    if any(step.verdict not in _TAKEN for step in steps):
        return "not known"
    if there.changes or back.changes or told.cards:
        return "changes"
    return "in part" if any(step.verdict.endswith("in part") for step in steps) else "goes on"


def _starts(told: Upgraded, where: UpgradePlaces) -> StepTold:
    if told.unreadable:
        return StepTold("not read", reason=shortened(told.unreadable))
    if told.starts is None:
        return StepTold("refused", "checked", reason="by what this QEMU says of itself; it was not started")
    # What the check refuses was not started: its findings are the reasons.
    errors = [one for one in told.findings if one.kind in (Kind.error, Kind.ignored, Kind.unknown)]
    blamed = told.option
    if blamed is None and told.starts is ProofVerdict.refused and errors:
        blamed = Blamed(position=errors[0].position, flag=errors[0].flag, part=errors[0].part)
    place = None if blamed is None or where.start is None else where.start.of_word(blamed.position, blamed.part)
    return StepTold(
        told.starts.value,
        told.ground,
        reason=shortened(told.reason),
        said=shortened(told.said),
        about="" if blamed is None else shortened(f"{blamed.flag} {blamed.part}".rstrip()),
        line=line_in_xml(place),
        path=path_in_xml(place),
        because=tuple(placed_words(one.message, None, one.hint) for one in errors[:MOST_ROWS]),
        left_off=max(0, len(errors) - MOST_ROWS),
        left_out=tuple(map(_omitted, told.left_out[:MOST_ROWS])),
    )


def _way(told: Upgraded, migration: Migration | None, where: UpgradePlaces) -> StepTold:
    """A migration one way, or why there was none."""
    if told.unreadable:
        return StepTold("not read")
    if migration is None and told.refused_now:
        return StepTold("not tried", reason="the old QEMU refuses this domain, so no guest of it runs")
    if migration is None:
        return StepTold("refused", "checked", reason="the new QEMU cannot have this guest; nothing was started")
    about, place = _blamed(migration, where, is_back=migration is told.back)
    seen = partial(_seen, where=where)
    sides = {"source": migration.source, "destination": migration.destination}
    left_out = [f"{name}: {_omitted(one)}" for name, side in sides.items() for one in side.left_out]
    return StepTold(
        migration.verdict.value,
        "proven" if migration.confinement else "checked",
        reason=shortened(migration.reason),
        said=shortened(migration.said),
        signal=migration.signal,
        about=shortened(about),
        line=line_in_xml(place),
        path=path_in_xml(place),
        because=tuple(map(seen, migration.because[:MOST_ROWS])),
        changes=tuple(map(seen, migration.changes[:MOST_ROWS])),
        left_off=max(0, len(migration.changes) - MOST_ROWS),
        unknown=tuple(map(shortened, migration.unknown[:MOST_ROWS])),
        left_out=tuple(map(shortened, [*left_out, *migration.undriven][:MOST_ROWS])),
    )


def _blamed(migration: Migration, where: UpgradePlaces, *, is_back: bool) -> tuple[str, Place | None]:
    """What a migration failed by, and where that comes from: a device, or an option of the side that did not stand."""
    if migration.device:
        return migration.device, where.of_device(migration.device)
    sides = ((migration.source, where.old), (migration.destination, where.new))
    if is_back:
        sides = ((migration.source, where.new), (migration.destination, where.old))
    for side, lines in sides:
        if side.option is not None:
            place = None if lines is None else lines.of_word(side.option.position, side.option.part)
            return f"{side.option.flag} {side.option.part}".rstrip(), place
    return "", None


def _seen(change: GuestChange, *, where: UpgradePlaces) -> WordsTold:
    return placed_words(describe_change(change), where.of_device(change.where))


def _omitted(one: Omission) -> str:
    return shortened(f"{one.flag} {one.part}".rstrip() + f": {one.why}")


def _deprecated(told: Upgraded, where: UpgradePlaces) -> Iterator[WordsTold]:
    """What the check found with its place and what to do, and then what QEMU itself warned of."""
    found = [one for one in told.findings if one.kind is Kind.deprecated]
    for one in found:
        place = where.start.of_word(one.position, one.part) if where.start is not None else None
        yield placed_words(f"{one.flag}: {one.message}", place, one.hint)
    known = {f"{one.flag}: {one.message}" for one in found}
    machine = where.start.machine if where.start is not None else None
    for text in told.deprecated:
        if text not in known:
            yield placed_words(text, machine if told.machine_there and told.machine_there in text else None)


def _card_place(card: str, where: UpgradePlaces) -> Place | None:
    return next((lines.by_id[card] for lines in (where.new, where.old) if lines and card in lines.by_id), None)


def _otherwise(told: Upgraded, where: UpgradePlaces) -> Iterator[OtherwiseTold]:
    for one in told.differences:
        places: tuple[Place, ...] = ()
        if where.old is not None:
            is_machine = told.machine in (one.fact, one.of)
            places = (where.old.machine,) if is_machine else where.old.by_type.get(one.of or one.fact, ())
        at = tuple((place.line, place.path) for place in places[:MOST_ROWS])
        yield OtherwiseTold(shortened(one.fact), one.kind, one.what, _short(one.a), _short(one.b), one.of, one.when, at)


def _short(value: object) -> str | int | float | bool | None:
    """A value as it is where it is short, and else as a text that is."""
    return value if isinstance(value, (bool, int, float)) or value is None else shortened(str(value), 200)


def _failures(starts: StepTold, there: StepTold, back: StepTold, version: str) -> Iterator[Remark]:
    """What failed, at its line; what was only checked has its refusals."""
    ways = (
        (starts, f"it does not start on QEMU {version}"),
        (there, f"a guest that runs does not go to QEMU {version}"),
        (back, f"a guest does not come back from QEMU {version}"),
    )
    for step, words in ways:
        if step.verdict == "refused" and step.line:
            first = (step.said or step.reason).partition("\n")[0]
            yield Remark(step.line, step.path, f"{words}: {first}", evidence=step.about)


def _notes(
    told: Upgraded, where: UpgradePlaces, there: StepTold, deprecated: Sequence[WordsTold], cards: Sequence[WordsTold]
) -> Iterator[Remark]:
    """All else that is said of a line."""
    seen = there.changes if there.verdict in _TAKEN else ()
    for one in (
        *(change._replace(words=f"the guest would see: {change.words}") for change in seen),
        *deprecated,
        *cards,
    ):
        if one.line:
            yield Remark(one.line, one.path, one.words, one.hint)
    for other in _otherwise(told, where):
        how = (
            f"{other.what} is {describe_value(other.a)} and becomes {describe_value(other.b)}"
            if other.what
            else f"is {other.kind}"
        )
        yield from (Remark(line, path, f"{other.fact}: {how}") for line, path in other.at if line)
    for mend in told.mends:
        at = place_of_mend(mend, told, where)
        hint = f"write {mend.xml}" if mend.xml else f"write {mend.value!r} here"
        yield Remark(line_in_xml(at), mend.path, mend.why, hint, f"a start with it: {mend.verdict.value}")


def _cut_xml(xml: str, most: int) -> str:
    """Whole lines of it; of one that is longer than any the beginning."""
    if len(xml) <= most:
        return xml
    return xml[:most].rpartition("\n")[0] or (xml[:most] if most == MOST_XML else "")


def _within(row: UpgradeRow, lines: int | None) -> UpgradeRow:
    """What is said of lines that are not shown stands before the first."""
    if lines is None:
        return row

    def moved(remarks: tuple[Remark, ...]) -> tuple[Remark, ...]:
        return tuple(one if one.line <= lines else one._replace(line=0) for one in remarks)

    note = Remark(0, "/", f"only the first {lines:,} lines are shown")
    return row._replace(refusals=moved(row.refusals), notes=(note, *moved(row.notes)))
