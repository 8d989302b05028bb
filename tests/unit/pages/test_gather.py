"""What a page is told of QEMUs: each thing once, and what is unknown as that."""

from __future__ import annotations

import pytest

from prober.pages.models import NONE, TypeMark, TypeRow
from prober.pages.packed import book_text, book_value
from tests.unit.pages.books import EXAMPLE, REFUSED, book_of, bundled, small


def _types(label: str = "q", *names: str) -> dict[str, TypeRow]:
    book = book_of({label: small(*names)})
    return {book.pools.types[number].name: book.pools.types[number] for number in book.qemus[0].types}


def test_a_second_qemu_of_the_same_kind_adds_a_row_and_nothing_to_the_pools() -> None:
    caps = bundled("7.2.22")
    one, two = book_of({"a": caps}), book_of({"a": caps, "b": caps})
    assert one.pools == two.pools
    assert (two.qemus[0]._replace(label="b"),) == two.qemus[1:]


@pytest.mark.slow
def test_most_of_two_versions_lies_in_the_pools_once() -> None:
    both = len(book_text(book_of({"a": bundled("10.0.13"), "b": bundled("11.1.2")})))
    apart = sum(len(book_text(book_of({"a": bundled(version)}))) for version in ("10.0.13", "11.1.2"))
    assert both < 0.75 * apart


def test_a_type_that_kills_qemu_and_one_that_was_never_asked_have_no_properties() -> None:
    types = _types("q", "edu", "crashing", "silent")
    assert types["edu"].properties != NONE
    assert (types["crashing"].properties, types["silent"].properties) == (NONE, NONE)
    assert TypeMark(types["crashing"].marks) == TypeMark.CONCRETE | TypeMark.CRASHED | TypeMark.DEVICE | TypeMark.ASKED
    assert TypeMark(types["silent"].marks) == TypeMark.CONCRETE | TypeMark.DEVICE
    assert types["crashing"].said == "SIGABRT: assertion failed"


def test_properties_are_those_of_the_qemu() -> None:
    book, caps = book_of({"a": bundled("7.2.22")}), bundled("7.2.22")
    types = {book.pools.types[number].name: book.pools.types[number] for number in book.qemus[0].types}
    assert types.keys() == {*caps.parents, *caps.properties}
    for name, row in types.items():
        known = caps.properties_of(name)
        assert (row.properties == NONE) == (known is None), name
        told = [book.pools.properties[at] for at in book.pools.property_lists[row.properties]] if known else []
        assert [(one.name, one.type, one.default) for one in told] == [
            (one.name, one.type, one.default_value) for one in known or ()
        ]


def test_what_was_never_asked_is_none_and_not_empty() -> None:
    (row,) = book_of({"q": small("edu")}).qemus
    assert (row.commands, row.events, row.options, row.kvm) == (None, None, None, None)
    assert row.backends == (None, None, None)
    assert row.has_types


def test_true_and_one_are_two_defaults() -> None:
    book = book_of({"a": bundled("11.1.2")})
    defaults = {repr(row.default) for row in book.pools.properties}
    assert {"True", "1", "False", "0"} <= defaults


def test_a_book_has_a_cell_for_each_domain_and_qemu() -> None:
    qemus = {version: bundled(version) for version in ("5.2.0", "7.2.22")}
    book = book_of(qemus, [("example.xml", EXAMPLE), ("refused.xml", REFUSED)])
    verdicts = [[book.outcomes[at].verdict for at in row] for row in book.cells]
    assert verdicts == [["yes", "yes"], ["no", "no"]]
    assert book_value(book)["qemus"][0]["version"] == "5.2.0"
