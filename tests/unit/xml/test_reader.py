"""What no ``At`` claims is refused, with its place and the nearest name that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from lxml import etree

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Place
from prober.xml.binding import At, Checked, Element, Opaque, Qemu, fields_of
from prober.xml.reader import Reader
from prober.xml.values import OnOff, PositiveCount
from tests.elements import element_of


class Leaf(Element):
    number: Annotated[PositiveCount, At("@number")]


class Sample(Checked):
    switch: Annotated[OnOff | None, At("@switch"), Qemu("some-switch")] = None
    kind: Annotated[Literal["a", "b"], At("driver/@kind")] = "a"
    deep: Annotated[str | None, At("driver/inner/@deep")] = None
    note: Annotated[str | None, At("note")] = None
    flag: Annotated[bool, At("flag")] = False
    free: Annotated[Opaque | None, At("free")] = None
    leaf: Annotated[Leaf | None, At("leaf")] = None
    many: Annotated[tuple[Leaf, ...], At("many")] = ()

    def rules(self) -> Iterator[Broken]:
        if self.kind == "b" and self.flag:
            yield Broken("flag", "flag does not belong to b")
            yield Broken("", "and the whole is wrong")


def read(text: str) -> tuple[Sample | None, list[str]]:
    reader = Reader()
    model = reader.read(Sample, etree.fromstring(text), "/s")
    return model, [str(refusal) for refusal in reader.refusals]


def test_everything_that_is_claimed_is_read_with_its_place() -> None:
    model, refused = read(
        "<s switch='on'>\n<driver kind='b'>\n<inner deep='x'/></driver><note>text</note><free><any a='1'/></free>"
        "<leaf number='1'/><many number='2'/>\n<many number='3'/></s>"
    )
    assert refused == []
    assert model is not None
    assert (model.switch, model.kind, model.deep, model.note, model.free) == (True, "b", "x", "text", "free")
    assert model.leaf is not None
    assert [leaf.number for leaf in model.many] == [2, 3]
    assert model.place("kind") == Place(line=2, path="/s/driver/@kind")
    assert model.many[1].place("number").path == "/s/many[2]/@number"
    assert model.place("flag") == model.places.own, "what is not given stands at its element"
    assert not model.given("flag")
    assert list(model.properties()) == [Property("some-switch", True, model.place("switch"))]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("<s swich='on'/>", ["1: /s/@swich: not understood: attribute swich of <s> (did you mean switch?)"]),
        ("<s><note/><nte/></s>", ["1: /s/nte: not understood: element <nte> (did you mean note?)"]),
        ("<s><driver kind='a' x='1'/></s>", ["1: /s/driver/@x: not understood: attribute x of <driver>"]),
        ("<s><driver><inner/><other/></driver></s>", ["1: /s/driver/other: not understood: element <other>"]),
        ("<s>words</s>", ["1: /s: not understood: the text 'words' in <s>"]),
        ("<s><flag>x</flag></s>", ["1: /s/flag: not understood: the text 'x' in <flag>"]),
        ("<s><flag a='1'/></s>", ["1: /s/flag/@a: not understood: attribute a of <flag>"]),
        ("<s><flag/>\n<flag/></s>", ["2: /s/flag[2]: <flag> is given twice, first in line 1 (keep one)"]),
        (
            "<s><driver/>\n<driver kind='b'/></s>",
            ["2: /s/driver[2]: <driver> is given twice, first in line 1 (keep one)"],
        ),
        ("<s switch='maybe'/>", ["1: /s/@switch: 'maybe' is neither 'on' nor 'off'"]),
        ("<s><driver kind='c'/></s>", ["1: /s/driver/@kind: 'c' is not understood (understood are 'a' or 'b')"]),
        ("<s><leaf/></s>", ["1: /s/leaf: attribute number is missing"]),
        ("<s><leaf number='0'/></s>", ["1: /s/leaf/@number: '0' is out of range: 1 to 2147483647"]),
        ("<s xmlns:q='urn:q' q:a='1'/>", ["1: /s/@{urn:q}a: not understood: attribute {urn:q}a of <s>"]),
        ("<s xmlns:q='urn:q'><q:note/></s>", ["1: /s/q:note: not understood: element <q:note>"]),
        (
            "<s><driver kind='b'/>\n<flag/></s>",
            ["2: /s/flag: flag does not belong to b", "1: /s: and the whole is wrong"],
        ),
    ],
)
def test_everything_else_is_refused_by_name(text: str, refused: list[str]) -> None:
    assert read(text)[1] == refused


def test_all_is_refused_at_once() -> None:
    model, refused = read("<s a='1' switch='x'><b/><leaf number='z' c='2'/>text<many number='1'/><many/></s>")
    assert model is None
    assert len(refused) == 7


def test_comments_and_space_are_no_content() -> None:
    reader = Reader()
    parser = etree.XMLParser(remove_comments=True)
    model = reader.read(Sample, etree.fromstring("<s>\n <!-- note -->\n <flag/>\n</s>", parser), "/s")
    assert model is not None
    assert model.flag
    assert not reader.refusals


def test_a_copy_differs_in_what_is_changed_alone() -> None:
    model, _ = read("<s switch='on'><driver kind='b'/></s>")
    assert model is not None
    copy = model.replace(kind="a", note="new")
    assert copy == Sample(switch=True, kind="a", note="new", places=model.places)
    assert [copy.given(name) for name in fields_of(Sample)] == [model.given(name) for name in fields_of(Sample)]
    assert (model.kind, model.note) == ("b", None), "the original is as it was"
    assert copy.place("switch") == model.place("switch")


def test_faults_stand_in_the_order_of_the_fields_whatever_the_order_of_the_xml() -> None:
    class Three(Element):
        first: Annotated[OnOff, At("@first")]
        second: Annotated[OnOff, At("@second")]
        third: Annotated[OnOff, At("third/@on")] = False

    reader = Reader()
    assert reader.read(Three, etree.fromstring("<s second='x'><third on='y'/></s>"), "/s") is None
    assert [str(refusal) for refusal in reader.refusals] == [
        "1: /s: attribute first is missing",
        "1: /s/@second: 'x' is neither 'on' nor 'off'",
        "1: /s/third/@on: 'y' is neither 'on' nor 'off'",
    ]


def test_what_was_read_is_what_the_class_itself_would_make() -> None:
    model, _ = read("<s><driver kind='b'/><note>x</note></s>")
    assert model is not None
    assert model == element_of(Sample, kind="b", note="x").replace(places=model.places)


def test_of_many_attributes_that_nobody_knows_a_hundred_are_told_and_how_many_more() -> None:
    reader = Reader()
    names = [f"a{number}" for number in range(250)]
    attributes = " ".join(f"{name}='1'" for name in names)
    assert reader.read(Sample, etree.fromstring(f"<s {attributes}/>"), "/s") is not None
    *told, more = reader.all_refusals()
    assert [refusal.place.path for refusal in told] == [f"/s/@{name}" for name in names[:100]]
    assert str(more) == "1: /s: and 150 more of this kind"
