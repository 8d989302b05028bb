"""A report: one file, of which nothing runs but what its policy names, and whose data is no markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib

import pytest
from lxml import html

from prober.pages.models import PageBook
from prober.pages.packed import book_text, packed
from prober.pages.report import render_report, render_upgrade
from tests.unit.pages.books import EXAMPLE, HOSTILE, book_of, bundled, data_of, small
from tests.unit.pages.upgrades import CI, hostile_upgraded, upgrade_of, upgraded


@pytest.fixture(scope="module")
def hostile() -> PageBook:
    """A book in which all that comes from outside would end a script or an attribute."""
    caps = small(f"dev{HOSTILE}", described=HOSTILE)
    xml = EXAMPLE.replace("<name>", "<!-- </script><script>window.hurt=1</script> --><name>")
    return book_of({f"/tmp/{HOSTILE}": caps}, [(f"vm{HOSTILE}.xml", xml)], title=HOSTILE)


def _texts(page: html.HtmlElement, path: str) -> list[str]:
    """What an XPath that gives texts gives."""
    found = page.xpath(path)
    assert isinstance(found, list)
    return [str(one) for one in found]


def _digests(texts: list[str]) -> list[str]:
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]


def test_the_policy_names_each_script_and_style_and_nothing_else(hostile: PageBook) -> None:
    page = html.document_fromstring(render_report(hostile))
    (policy,) = _texts(page, "//meta[@http-equiv='Content-Security-Policy']/@content")
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["script-src"].split() == _digests(_texts(page, "//script[not(@type)]/text()"))
    assert parts["style-src"].split() == _digests(_texts(page, "//style/text()"))
    assert (parts["default-src"], parts["base-uri"], parts["form-action"]) == ("'none'",) * 3
    assert "unsafe" not in policy and "http" not in policy


def test_it_asks_for_nothing_outside(hostile: PageBook) -> None:
    page = html.document_fromstring(render_report(hostile))
    assert page.xpath("//@src | //@action | //iframe | //object | //embed") == []
    assert page.xpath("//@href") == ["data:,"]
    assert page.xpath("//@*[starts-with(name(), 'on')]") == []


def test_what_comes_from_outside_is_in_the_data_alone_but_for_the_title(hostile: PageBook) -> None:
    text = render_report(hostile)
    assert "onerror" not in re.sub(r"&[#\w]+;", "", text.partition("</title>")[2])
    page = html.document_fromstring(text)
    assert page.xpath("string(//title)") == HOSTILE
    assert page.xpath("//img") == []


def test_the_data_is_the_book(hostile: PageBook) -> None:
    page = html.document_fromstring(render_report(hostile))
    (data,) = _texts(page, "//script[@type='text/plain']/text()")
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", data)
    told = json.loads(zlib.decompress(base64.b64decode(data)))
    assert told["title"] == HOSTILE
    assert told["domains"][0][0] == f"vm{HOSTILE}.xml"
    assert told == json.loads(book_text(hostile))


@pytest.fixture(scope="module")
def hostile_upgrade() -> str:
    """A page of an upgrade in which all that comes from outside would end a script or an attribute."""
    hurt = "<!-- </script><script>window.hurt=1</script> -->"
    told = hostile_upgraded()
    return render_upgrade(upgrade_of((told, CI.replace("<name>", f"{hurt}<name>")), title=HOSTILE))


def test_the_page_of_an_upgrade_keeps_to_the_same(hostile_upgrade: str) -> None:
    page = html.document_fromstring(hostile_upgrade)
    (policy,) = _texts(page, "//meta[@http-equiv='Content-Security-Policy']/@content")
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["script-src"].split() == _digests(_texts(page, "//script[not(@type)]/text()"))
    assert parts["style-src"].split() == _digests(_texts(page, "//style/text()"))
    assert "unsafe" not in policy and "http" not in policy
    assert page.xpath("//@src | //@action | //iframe | //object | //embed | //img") == []
    assert "onerror" not in re.sub(r"&[#\w]+;", "", hostile_upgrade.partition("</title>")[2])
    assert page.xpath("string(//title)") == HOSTILE
    data = data_of(hostile_upgrade)
    (row,) = data["domains"]
    assert data["directory"] + row["name"] == f"vm{HOSTILE}.xml"
    assert (row["starts"]["said"], row["there"]["said"]) == (HOSTILE, HOSTILE)


def test_the_same_book_makes_the_same_page() -> None:
    caps = bundled("5.2.0")
    assert render_report(book_of({"a": caps})) == render_report(book_of({"a": caps}))


def test_the_packed_text_unpacks_to_itself() -> None:
    assert zlib.decompress(base64.b64decode(packed("ä€😀"))).decode() == "ä€😀"


def test_a_name_that_is_no_utf_8_is_in_it_all_the_same() -> None:
    name = b"vm\xff.xml".decode(errors="surrogateescape")
    assert data_of(render_report(book_of({"a": small("edu")}, [(name, EXAMPLE)])))["domains"][0][0] == "vm\ufffd.xml"
    assert data_of(render_upgrade(upgrade_of((upgraded(name), CI))))["domains"][0]["name"] == "vm\ufffd.xml"
