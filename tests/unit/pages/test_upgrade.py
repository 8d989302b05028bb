"""What the page of an upgrade is told: verdicts with their ground, QEMU's words at their lines, what helps, and no more
than anybody reads."""

from __future__ import annotations

from typing import Any

import pytest

from prober.capabilities.difference import Change
from prober.cli.turns import exit_code_of
from prober.commandline.refusal import Kind, Place, Refusal
from prober.commandline.report import ArgvFinding
from prober.guest.cards.name import CardChange, CardName
from prober.pages.report import render_upgrade
from prober.pages.upgrade import MOST_ROWS, MOST_XML, UpgradeBookMaker
from prober.pages.upgrade_where import MOST_TEXT
from prober.proof.models import Blamed, Omission, ProofVerdict
from prober.rehearsal.models import GuestChange
from prober.rehearsal.upgrade import Upgraded
from tests.unit.pages.books import data_of
from tests.unit.pages.upgrades import (
    CI,
    MAIL,
    QUEUES,
    WEB,
    examples,
    line_of,
    mend,
    moved,
    qemu_of,
    row_of,
    upgrade_of,
    upgraded,
    word_of,
)

GONE = Refusal(
    place=Place(5, "/domain/os/type/@machine"), message="QEMU 11.1.2 has no machine pc-i440fx-2.6", hint="another"
)


def finding(kind: str, flag: str, part: str, message: str, position: int = 1) -> ArgvFinding:
    return ArgvFinding(
        position=position,
        flag=flag,
        part=part,
        kind=Kind(kind),
        message=message,
        qemu_name=None,
        evidence=None,
        hint="do",
    )


def test_a_start_that_qemu_refuses_has_its_words_and_the_line_of_the_option() -> None:
    word = word_of(CI, "virtio-net-pci")
    told = upgraded(
        starts=ProofVerdict.refused, said="vectors?\nmore", option=Blamed(position=word, flag="-device", part="mac")
    )
    row = row_of(told)
    starts = row.starts
    assert (starts.verdict, starts.ground, starts.said, starts.about) == (
        "refused",
        "proven",
        "vectors?\nmore",
        "-device mac",
    )
    assert (starts.line, starts.path) == (line_of(CI, "<mac"), "/domain/devices/interface/mac/@address")
    (said,) = row.refusals
    assert (said.line, said.message) == (starts.line, "it does not start on QEMU 11.1.2: vectors?")
    assert row.outcome == "breaks"


def test_a_start_that_the_check_refuses_was_not_started_and_has_the_findings() -> None:
    word = word_of(CI, "i6300esb")
    told = upgraded(
        starts=ProofVerdict.refused,
        ground="checked",
        reason="the check refuses it",
        findings=(finding("error", "-device", "", "no such device", word), finding("deprecated", "-name", "", "old")),
    )
    starts = row_of(told).starts
    assert (starts.ground, starts.about, starts.line) == ("checked", "-device", line_of(CI, "<watchdog"))
    assert [(one.words, one.hint) for one in starts.because] == [("no such device", "do")]


def test_a_domain_that_is_not_translated_was_checked_alone_with_each_reason_at_its_line() -> None:
    row = row_of(Upgraded(file="f", machine="pc-i440fx-2.6", refusals=(GONE,)), MAIL)
    assert [(step.verdict, step.ground) for step in (row.starts, row.there, row.back)] == [("refused", "checked")] * 3
    assert [(one.line, one.message, one.hint) for one in row.refusals] == [(5, GONE.message, "another")]
    assert row.outcome == "breaks"


def test_what_the_old_qemu_refuses_already_does_not_break() -> None:
    row = row_of(upgraded(there=None, back=None, refused_now=(GONE,)), MAIL)
    assert (row.outcome, row.there.verdict, row.there.ground) == ("refused already", "not tried", "")
    assert row.refusals[0].message == f"the old QEMU refuses it already: {GONE.message}"


def test_a_migration_that_is_refused_is_told_at_the_line_of_its_device() -> None:
    there = moved("refused", stage="stream", said=QUEUES, device="virtio-9p-pci fs0 at 02.0", signal="SIGSEGV")
    row = row_of(upgraded(there=there))
    assert (row.there.about, row.there.line) == ("virtio-9p-pci fs0 at 02.0", line_of(CI, "<filesystem"))
    assert (row.there.said, row.there.signal) == (QUEUES, "SIGSEGV")
    (said,) = row.refusals
    assert said.line == row.there.line and QUEUES.partition("\n")[0] in said.message and "more" not in said.message
    strange = row_of(upgraded(there=moved("refused", said="no", device="ram 'pc.ram'")))
    assert (strange.there.line, strange.refusals) == (0, ())


def test_a_side_that_does_not_stand_is_blamed_by_its_own_line() -> None:
    word, old_word = word_of(CI, "intel-hda"), word_of(CI, "intel-hda", "10.0.13")
    for way, side, at in (("there", "destination", word), ("there", "source", old_word), ("back", "source", word)):
        plain = moved("refused", said="no", confinement="")
        stopped = getattr(plain, side).model_copy(update={"option": Blamed(position=at, flag="-device")})
        told: dict[str, Any] = {way: plain.model_copy(update={side: stopped})}
        row = row_of(upgraded(machine="pc", **told))
        step = getattr(row, way)
        assert (step.about, step.line, step.ground) == ("-device", line_of(CI, "<sound"), "checked"), (way, side)


def test_what_a_guest_would_see_stands_at_the_lines_and_in_the_row() -> None:
    changes = (
        GuestChange(where="virtio-net-pci net0 at 03.0", part="vectors", here=3, there=9),
        GuestChange(where="machine", part="smm", here=True, there=False),
        GuestChange(where="cpu 0", part="ssse3", here=False, there=True),
        GuestChange(where="PCI 01.0", part="rom", here=1, there=2),
    )
    before, after = CardName(card="net0", name="ens3"), CardName(card="net0", name="enp0s3")
    told = upgraded(
        there=moved("rehearsed in part", changes=changes), cards=(CardChange(card="net0", before=before, after=after),)
    )
    row = row_of(told)
    card = line_of(CI, "<model type='virtio'")
    assert [one.line for one in row.there.changes] == [card, line_of(CI, "machine='pc'"), 1, 0]
    assert row.there.changes[0].words == "virtio-net-pci net0 at 03.0: vectors is 3 here and 9 there"
    assert [one.line for one in row.notes] == [card, line_of(CI, "machine='pc'"), 1, card]
    assert row.cards[0].line == card and "enp0s3 and not ens3" in row.cards[0].words
    assert row.outcome == "changes"


def test_what_is_deprecated_or_otherwise_stands_where_it_is_used() -> None:
    told = upgraded(
        machine="pc-i440fx-10.0",
        machine_there="pc-i440fx-11.1",
        findings=(finding("deprecated", "-watchdog-action", "", "is old", word_of(CI, "reset")),),
        deprecated=("-watchdog-action: is old", "Machine type 'pc-i440fx-11.1' is deprecated: x", "all is deprecated"),
        differences=(
            Change(fact="scsi-hd.dpofua", kind="changed", what="default", a=False, b=True, of="scsi-hd"),
            Change(fact="pc-i440fx-10.0", kind="removed"),
            Change(fact="object-add.x", kind="deprecated", when=("a",)),
        ),
    )
    row = row_of(told)
    machine = line_of(CI, "machine='pc'")
    assert [(one.line, one.hint) for one in row.deprecated] == [
        (line_of(CI, "<watchdog"), "do"),
        (machine, ""),
        (0, ""),
    ]
    assert [(one.fact, [line for line, _ in one.at]) for one in row.otherwise] == [
        ("scsi-hd.dpofua", [line_of(CI, "<disk")]),
        ("pc-i440fx-10.0", [machine]),
        ("object-add.x", []),
    ]
    notes = [(one.line, one.message) for one in row.notes]
    assert (line_of(CI, "<disk"), "scsi-hd.dpofua: default is off and becomes on") in notes
    assert (machine, "pc-i440fx-10.0: is removed") in notes


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ("<type machine='pc'>hvm</type>", "<type machine='pc-q35-9.9'>hvm</type>"),
        ('<type machine = "pc" arch="x86_64">hvm</type>', """<type machine = 'pc-q35-9.9' arch="x86_64">hvm</type>"""),
        ("<type>hvm</type>", "<type machine='pc-q35-9.9'>hvm</type>"),
    ],
)
def test_a_change_that_helps_is_shown_as_the_line_that_it_makes(written: str, after: str) -> None:
    xml = CI.replace("<type arch='x86_64' machine='pc'>hvm</type>", written)
    row = row_of(upgraded(mends=(mend("pc-q35-9.9", ground="checked", restarts=True),)), xml)
    (told,) = row.mends
    assert (told.before, told.after) == (f"<os>{written}</os>", f"<os>{after}</os>")
    assert (told.verdict, told.ground, told.restarts, told.line) == ("proven", "checked", True, line_of(xml, "<os>"))
    note = row.notes[-1]
    assert (note.line, note.hint, note.evidence) == (told.line, "write 'pc-q35-9.9' here", "a start with it: proven")


def test_a_change_of_an_element_over_several_lines_is_told_without_them() -> None:
    xml = CI.replace("<type arch='x86_64' machine='pc'>", "<type\n arch='x86_64'\n machine='pc'>")
    (told,) = row_of(upgraded(mends=(mend("pc-q35-9.9"),)), xml).mends
    assert (told.after, told.value) in (("", "pc-q35-9.9"), ("machine='pc-q35-9.9'>hvm</type></os>", "pc-q35-9.9"))


@pytest.mark.parametrize(
    ("told", "outcome", "code"),
    [
        ({}, "goes on", 0),
        ({"starts": ProofVerdict.in_part}, "in part", 0),
        ({"there": moved("rehearsed in part")}, "in part", 0),
        ({"there": moved("not provable")}, "not known", 4),
        ({"starts": ProofVerdict.not_provable}, "not known", 4),
        ({"back": moved("refused")}, "no way back", 3),
        ({"there": moved("refused")}, "breaks", 3),
        ({"starts": ProofVerdict.refused}, "breaks", 3),
    ],
)
def test_what_it_means_agrees_with_the_verdict_of_the_command(told: dict[str, Any], outcome: str, code: int) -> None:
    one = upgraded(**told)
    assert row_of(one).outcome == outcome
    assert exit_code_of(one.verdict) == code


def test_the_counts_are_those_of_the_rows() -> None:
    book = upgrade_of(*examples())
    assert [row.outcome for row in book.domains] == [
        "breaks", "goes on", "changes", "no way back", "not known", "in part", "unreadable",
    ]  # fmt: skip
    assert book.counts == (7, 6, 4, 5, 1, 2)
    assert (book.old.version, book.new.version, book.driven) == ("10.0.13", "11.1.2", True)


@pytest.mark.parametrize(
    ("files", "directory", "names"),
    [
        (["/etc/vms/a.xml", "/etc/vms/b.xml"], "/etc/vms/", ["a.xml", "b.xml"]),
        (["/etc/vms/a.xml", "/etc/vms-2/a.xml"], "/etc/", ["vms/a.xml", "vms-2/a.xml"]),
        (["a.xml", "/etc/a.xml"], "", ["a.xml", "/etc/a.xml"]),
        (["<stdin>"], "", ["<stdin>"]),
        ([], "", []),
    ],
)
def test_a_directory_that_all_are_in_is_told_once(files: list[str], directory: str, names: list[str]) -> None:
    book = upgrade_of(*((upgraded(file), "") for file in files))
    assert (book.directory, [row.name for row in book.domains]) == (directory, names)


def test_what_is_not_understood_is_refused_by_both() -> None:
    row = row_of(Upgraded(file="f", refusals=(GONE,)), MAIL)
    assert (row.outcome, row.starts.verdict) == ("refused already", "refused")


def test_no_more_is_told_than_anybody_reads() -> None:
    many = tuple(GuestChange(where="machine", part=f"p{at}", here=1, there="x" * 9_000) for at in range(150))
    long = "\n".join(f"<!-- {at} -->" for at in range(22_000))
    xml = CI.replace("<watchdog model='i6300esb'/>", f"{long}<watchdog model='i6300esb'/>")
    left_out = (Omission(position=word_of(xml, "i6300esb"), flag="-device", part="", why="w" * 9_000),)
    told = upgraded(
        there=moved("rehearsed in part", changes=many),
        starts=ProofVerdict.refused,
        said="y" * 90_000,
        option=Blamed(position=word_of(xml, "i6300esb"), flag="-device"),
        left_out=left_out,
    )
    row = row_of(told, xml)
    assert (len(row.there.changes), row.there.left_off) == (MOST_ROWS, 50)
    assert max(len(one.words) for one in row.there.changes) < MOST_TEXT + 40
    assert len(row.starts.said) < MOST_TEXT + 40 and row.starts.said.endswith("and 88,000 more characters")
    assert len(row.xml) <= MOST_XML < len(xml) and xml.startswith(row.xml)
    shown = row.xml.count("\n") + 1
    assert row.notes[0].message == f"only the first {shown:,} lines are shown"
    assert row.starts.line > shown and row.refusals[0].line == 0
    assert len(str(row)) < 4 * MOST_XML


def test_where_there_is_no_room_the_last_have_no_xml() -> None:
    maker = UpgradeBookMaker(qemu_of("10.0.13"), qemu_of("11.1.2"), ("a", "b"), room=len(WEB) + 200)
    for _ in range(3):
        maker.add(upgraded(), WEB.encode(), None)
    rows = maker.make("T", "", "", driven=False).domains
    assert rows[0].xml == WEB and WEB.startswith(rows[1].xml) and rows[1].xml.endswith(">") and not rows[2].xml
    assert (rows[0].notes, rows[2].notes[0].message) == ((), "only the first 0 lines are shown")


def test_no_password_is_in_it_wherever_it_was_said() -> None:
    xml = WEB.replace("<graphics type='vnc'/>", "<graphics type='vnc' passwd='geheim12'/>")
    told = upgraded(
        starts=ProofVerdict.refused,
        said="password geheim12 is bad",
        there=moved("refused", said="geheim12"),
        deprecated=("geheim12",),
        mends=(mend("geheim12"),),
    )
    data = data_of(render_upgrade(upgrade_of((told, xml))))
    assert "passwd='…'" in data["domains"][0]["xml"]
    assert "geheim12" not in str(data)


def test_the_data_of_the_page_is_the_book_by_its_names() -> None:
    book = upgrade_of(*examples(), title="T")
    data = data_of(render_upgrade(book))
    assert data["counts"]["all"] == 7 and data["title"] == "T" and data["when"] == "2026-11-30T12:00:00Z"
    row, told = book.domains[0], data["domains"][0]
    assert (told["name"], told["there"]["said"]) == (row.name, QUEUES)
    assert told["refusals"] == [list(one) for one in row.refusals]
    assert told["mends"][0]["after"] == row.mends[0].after
