"""What of libvirt's names is not understood: the list, held against the models, and against the schema where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.refused_names import find_refused
from tools.schema import NAMES, Schema, find_schemas, read_names, render_names

_GRAMMAR = """<grammar xmlns="http://relaxng.org/ns/structure/1.0">
  <start><ref name="domain"/></start>
  <define name="domain">
    <element name="domain"><interleave>
      <element name="on_poweroff"><ref name="action"/></element>
      <optional><ref name="disk"/></optional>
      <element name="foreign" ns="http://example.org"><empty/></element>
    </interleave></element>
  </define>
  <define name="disk">
    <element name="nothing"><attribute name="kind"><ref name="action"/></attribute>
      <attribute name="path"/><zeroOrMore><ref name="disk"/></zeroOrMore></element>
  </define>
  <define name="action"><choice><value>one</value><value>two</value></choice></define>
</grammar>"""


def test_names_are_read_once_with_their_words(tmp_path: Path) -> None:
    (tmp_path / "domain.rng").write_text(_GRAMMAR)
    assert render_names(Schema(tmp_path).names()).splitlines()[1:] == [
        "nothing",
        "nothing/@kind one two",
        "nothing/@path",
        "on_poweroff",
    ]


def test_only_what_is_not_understood_is_listed() -> None:
    names = {
        "devices": frozenset[str](),
        "devices/rng": frozenset[str](),
        "devices/rng/@model": frozenset({"virtio", "brass"}),
        "devices/rng/@colour": frozenset[str](),
        "devices/clockwork": frozenset[str](),
        "devices/clockwork/@spring": frozenset[str](),
        "metadata": frozenset[str](),
        "metadata/anything": frozenset[str](),
        "name": frozenset[str](),
    }
    assert list(find_refused(names)) == [
        ("devices/rng/@model", ("brass",)),
        ("devices/rng/@colour", ()),
        ("devices/clockwork", ()),
    ]


def test_what_this_release_added_is_understood() -> None:
    refused = dict(find_refused())
    assert len(read_names()) > 2000
    for path in ("devices/disk/driver/statistics", "iommufd", "devices/iommu/driver/granule", "hwuuid"):
        assert path in read_names()
        assert path not in refused


@pytest.mark.roots
def test_the_names_are_those_of_the_schema() -> None:
    place = find_schemas()
    if place is None:
        pytest.skip("the schema is not at hand (`make peer-roots` lays out the root that has it)")
    assert NAMES.read_text() == render_names(Schema(place).names())
