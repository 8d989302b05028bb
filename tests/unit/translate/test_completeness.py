"""Nothing that is declared goes unused: every field has a case, every path its words."""

from __future__ import annotations

from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.read import read_domain
from tests.recordings import ROOT
from tests.unit.translate.models import claimed_fields, given_fields
from tools.domain_xml import PAGE, Writer, render_page


def test_every_field_is_in_a_case() -> None:
    given: set[tuple[str, str]] = set()
    for path in (ROOT / "tests" / "cases").glob("*.xml"):
        try:
            given.update(given_fields(read_domain(path.read_bytes())))
        except (RefusedError, UnreadableDomainError):
            continue
    assert claimed_fields() - given == set(), "fields without a case that gives them"


def test_the_document_says_what_the_models_say() -> None:
    page = PAGE.read_text()
    assert render_page(page) == page, "run `make docs`"


def test_every_field_says_what_it_becomes() -> None:
    writer = Writer()
    writer.write()
    assert writer.silent == []
