"""Making what the page of an upgrade is told, of what was rehearsed.  Pure: nothing is read, started or written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import NamedTuple
from xml.sax.saxutils import escape

from prober.commandline.refusal import Kind, Place
from prober.domain.domain import Domain
from prober.pages.cells import remarks
from prober.pages.hidden import without_passwords
from prober.pages.models import Remark
from prober.pages.upgrade_models import (
    MendTold,
    OtherwiseTold,
    QemuNamed,
    StepTold,
    UpgradeBook,
    UpgradeCounts,
    UpgradeOutcome,
    UpgradeRow,
    WordsTold,
)
from prober.proof.models import Blamed, Omission, ProofVerdict
from prober.rehearsal.models import GuestChange, Migration
from prober.rehearsal.upgrade import Mend, Upgraded, UpgradeQemu
from prober.rehearsal.view import ident_in
from prober.rehearsal.wording import describe_card, describe_change, describe_value
from prober.translate.pinned import with_machine
from prober.translate.places import WordPlaces, find_word_places

#: As many rows of one kind are told of a domain, as many characters of one text, and of its XML: nobody reads more, and
#: a page is for many domains.
MOST_ROWS, MOST_TEXT, MOST_XML = 100, 2_000, 256 << 10

#: What was taken by a QEMU.
_TAKEN = frozenset({"proven", "proven in part", "rehearsed", "rehearsed in part"})


class UpgradeBookMaker:
    """Makes an :class:`~prober.pages.upgrade_models.UpgradeBook`, a domain at a time."""

    def __init__(self, old: UpgradeQemu, new: UpgradeQemu, labels: tuple[str, str]) -> None:
        """``labels`` are what the two were named by."""
        self._old, self._new, self._labels = old, new, labels
        self._rows: list[UpgradeRow] = []

    def add(self, told: Upgraded, xml: bytes, domain: Domain | None) -> None:
        """What became of one domain.  ``domain`` is what the XML was read into, None where it was not; passwords are
        taken out of the XML and of all that is said of it."""
        text, clean = without_passwords(xml.decode("utf-8", "replace"))
        shown = _cut_xml(text)
        where = _Where.find(told, domain, self._old, self._new) if domain is not None else _Where()
        row = _row(told, shown, where, str(self._new.caps.version))
        self._rows.append(clean(_within(row, shown.count("\n") + 1 if len(shown) < len(text) else None)))

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


class _Where(NamedTuple):
    """The places of the lines that were started: the new QEMU's, and both of a guest that keeps its machine type."""

    start: WordPlaces | None = None
    old: WordPlaces | None = None
    new: WordPlaces | None = None

    @classmethod
    def find(cls, told: Upgraded, domain: Domain, old: UpgradeQemu, new: UpgradeQemu) -> _Where:
        kept = with_machine(domain, told.machine) if told.machine else domain
        return cls(
            find_word_places(domain, new.caps, new.host),
            find_word_places(kept, old.caps, old.host),
            find_word_places(kept, new.caps, new.host),
        )

    def of_device(self, words: str) -> Place | None:
        """The place of what a rehearsal tells of: ``virtio-net-pci net0 at 02.0``, the machine, a CPU."""
        for lines in (self.old, self.new):
            if lines is None:
                continue
            if words in ("machine", "option"):
                return lines.machine
            if words.startswith("cpu"):
                return lines.of_flag("-cpu")
            if ident_in(words) in lines.by_id:
                return lines.by_id[ident_in(words)]
        return None


def _row(told: Upgraded, xml: str, where: _Where, version: str) -> UpgradeRow:
    starts = _starts(told, where)
    there, back = (_way(told, one, where) for one in (told.there, told.back))
    deprecated = tuple(_deprecated(told, where))
    cards = tuple(_words(describe_card(one), _card_place(one.card, where)) for one in told.cards)
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
        mends=tuple(_mend(one, told, xml, where) for one in told.mends[:MOST_ROWS]),
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


def _starts(told: Upgraded, where: _Where) -> StepTold:
    if told.unreadable:
        return StepTold("not read", reason=_cut(told.unreadable))
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
        reason=_cut(told.reason),
        said=_cut(told.said),
        about="" if blamed is None else _cut(f"{blamed.flag} {blamed.part}".rstrip()),
        line=_line(place),
        path=_path(place),
        because=tuple(_words(one.message, None, one.hint) for one in errors[:MOST_ROWS]),
        left_off=max(0, len(errors) - MOST_ROWS),
        left_out=tuple(map(_omitted, told.left_out[:MOST_ROWS])),
    )


def _way(told: Upgraded, migration: Migration | None, where: _Where) -> StepTold:
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
        reason=_cut(migration.reason),
        said=_cut(migration.said),
        signal=migration.signal,
        about=_cut(about),
        line=_line(place),
        path=_path(place),
        because=tuple(map(seen, migration.because[:MOST_ROWS])),
        changes=tuple(map(seen, migration.changes[:MOST_ROWS])),
        left_off=max(0, len(migration.changes) - MOST_ROWS),
        unknown=tuple(map(_cut, migration.unknown[:MOST_ROWS])),
        left_out=tuple(map(_cut, [*left_out, *migration.undriven][:MOST_ROWS])),
    )


def _blamed(migration: Migration, where: _Where, *, is_back: bool) -> tuple[str, Place | None]:
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


def _seen(change: GuestChange, *, where: _Where) -> WordsTold:
    return _words(describe_change(change), where.of_device(change.where))


def _omitted(one: Omission) -> str:
    return _cut(f"{one.flag} {one.part}".rstrip() + f": {one.why}")


def _deprecated(told: Upgraded, where: _Where) -> Iterator[WordsTold]:
    """What the check found with its place and what to do, and then what QEMU itself warned of."""
    found = [one for one in told.findings if one.kind is Kind.deprecated]
    for one in found:
        place = where.start.of_word(one.position, one.part) if where.start is not None else None
        yield _words(f"{one.flag}: {one.message}", place, one.hint)
    known = {f"{one.flag}: {one.message}" for one in found}
    machine = where.start.machine if where.start is not None else None
    for text in told.deprecated:
        if text not in known:
            yield _words(text, machine if told.machine_there and told.machine_there in text else None)


def _card_place(card: str, where: _Where) -> Place | None:
    return next((lines.by_id[card] for lines in (where.new, where.old) if lines and card in lines.by_id), None)


def _otherwise(told: Upgraded, where: _Where) -> Iterator[OtherwiseTold]:
    for one in told.differences:
        places: tuple[Place, ...] = ()
        if where.old is not None:
            is_machine = told.machine in (one.fact, one.of)
            places = (where.old.machine,) if is_machine else where.old.by_type.get(one.of or one.fact, ())
        at = tuple((place.line, place.path) for place in places[:MOST_ROWS])
        yield OtherwiseTold(_cut(one.fact), one.kind, one.what, _short(one.a), _short(one.b), one.of, one.when, at)


def _short(value: object) -> str | int | float | bool | None:
    """A value as it is where it is short, and else as a text that is."""
    return value if isinstance(value, (bool, int, float)) or value is None else _cut(str(value), 200)


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
    told: Upgraded, where: _Where, there: StepTold, deprecated: Sequence[WordsTold], cards: Sequence[WordsTold]
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
        at = _mended(mend, told, where)
        hint = f"write {mend.xml}" if mend.xml else f"write {mend.value!r} here"
        yield Remark(_line(at), mend.path, mend.why, hint, f"a start with it: {mend.verdict.value}")


def _mended(mend: Mend, told: Upgraded, where: _Where) -> Place | None:
    """Where a change would be made: at the machine type, or at the device that a new element is about."""
    if not mend.xml:
        return where.start.machine if where.start is not None else None
    if mend.path.startswith("/domain/cpu/"):
        return where.start.of_flag("-cpu") if where.start is not None else None
    changes = (*told.there.because, *told.there.changes) if told.there is not None else ()
    about = next((one.where for one in changes if describe_change(one) == mend.why), "")
    return where.of_device(about)


def _mend(mend: Mend, told: Upgraded, xml: str, where: _Where) -> MendTold:
    line = _line(_mended(mend, told, where))
    lines = xml.split("\n")
    before, after = "", mend.xml
    if not mend.xml:
        before = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        after = _with_attribute(before, mend)
    return MendTold(
        mend.path,
        mend.value,
        mend.why,
        mend.verdict.value,
        mend.ground,
        mend.restarts,
        mend.there.value if mend.there is not None else "",
        line,
        _cut(before) if after else "",
        _cut(after),
    )


def _with_attribute(line: str, mend: Mend) -> str:
    """A line of XML with an attribute that has another value, or is new; empty where that cannot be told."""
    element, _, attribute = mend.path.rpartition("/@")
    element, value = element.rpartition("/")[2], escape(mend.value, {"'": "&apos;"})
    has = re.compile(rf"(\s{re.escape(attribute)}\s*=\s*)(?:'[^']*'|\"[^\"]*\")")
    found, count = has.subn(lambda match: f"{match[1]}'{value}'", line, count=1)
    if count:
        return found
    found, count = re.subn(rf"<{re.escape(element)}\b", lambda tag: f"{tag[0]} {attribute}='{value}'", line, count=1)
    return found if count else ""


def _words(words: str, place: Place | None, hint: str = "") -> WordsTold:
    return WordsTold(_cut(words), _line(place), _path(place), _cut(hint))


def _line(place: Place | None) -> int:
    return 0 if place is None else place.line


def _path(place: Place | None) -> str:
    return "" if place is None else place.path


def _cut(text: str, most: int = MOST_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]}… and {len(text) - most:,} more characters"


def _cut_xml(xml: str) -> str:
    """Whole lines of it."""
    return xml if len(xml) <= MOST_XML else xml[:MOST_XML].rpartition("\n")[0] or xml[:MOST_XML]


def _within(row: UpgradeRow, lines: int | None) -> UpgradeRow:
    """What is said of lines that are not shown stands before the first."""
    if lines is None:
        return row

    def moved(remarks: tuple[Remark, ...]) -> tuple[Remark, ...]:
        return tuple(one if one.line <= lines else one._replace(line=0) for one in remarks)

    note = Remark(0, "/", f"only the first {lines:,} lines are shown")
    return row._replace(refusals=moved(row.refusals), notes=(note, *moved(row.notes)))
