"""Lines and columns of what stands in an XML document."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some
from lxml import etree

from prober.xml.columns import find_columns

XML = b"""<domain xmlns:q='urn:q'>
  <name>\xc3\xa9</name><os/> <os a="x" b = 'a=&quot;/>' c='1'/>
  <q:arg
     value="a=1"
     name='n'/>
</domain>
"""


def place(path: str) -> tuple[int, int] | None:
    found = find_columns(XML)(path)
    return None if found is None else found[:2]


def marked(path: str) -> str:
    """What is written from the place on to its end."""
    found = find_columns(XML)(path)
    assert found is not None
    assert found.end
    return XML.decode().splitlines()[found.line - 1][found.column - 1 : found.end - 1]


def test_the_end_is_that_of_the_attribute_or_the_tag() -> None:
    assert marked("/domain/os[2]/@a") == 'a="x"'
    assert marked("/domain/os[2]") == """<os a="x" b = 'a=&quot;/>' c='1'/>"""
    assert marked("/domain/name") == "<name>"
    several = find_columns(b"<a>\n<b\n c='1'\n/><d e='x\ny'/></a>")
    assert several("/a/b") == (2, 1, 0)
    assert several("/a/b/@c") == (3, 2, 7)
    assert several("/a/d/@e") == (4, 6, 0)


def test_an_element_and_its_attributes_stand_where_they_are_written() -> None:
    assert place("/domain") == (1, 1)
    assert place("/domain/os[1]") == (2, 17)
    assert place("/domain/os[2]/@a") == (2, 27)
    assert place("/domain/os[2]/@c") == (2, 50)
    assert place("/domain/q:arg") == (3, 3)
    assert place("/domain/q:arg/@name") == (5, 6)


def test_what_is_not_there_has_no_place_and_an_attribute_that_is_missing_its_element() -> None:
    assert place("/domain/os") is None
    assert place("/domain/os[2]/@d") == (2, 23)
    for broken in (b"<a", b"", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "<a/>".encode("utf-16")):
        assert find_columns(broken)("/a") is None


@settings(deadline=None, max_examples=100)
@given(some.recursive(some.just(()), lambda below: some.lists(some.tuples(some.sampled_from("ab"), below), max_size=3)))
def test_each_element_is_found_by_its_path(tree: object) -> None:
    """The paths are lxml's own; the line of a start tag that is on one line is, too."""

    def make(parent: etree._Element, below: object) -> None:
        assert isinstance(below, list | tuple)
        for tag, more in below:
            make(etree.SubElement(parent, tag), more)

    root = etree.Element("r")
    make(root, tree)
    etree.indent(root)
    xml = etree.tostring(root)
    read = etree.fromstring(xml)
    find = find_columns(xml)
    for element in read.iter():
        found = find(read.getroottree().getpath(element))
        assert found is not None
        assert xml.splitlines()[found.line - 1][found.column - 1 :].startswith(b"<")
        assert str(found.line) == str(element.sourceline)
