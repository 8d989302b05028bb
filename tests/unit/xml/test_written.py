"""Texts as they stand in a document that is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from prober.xml.written import xml_text

#: What XML 1.0 can hold (its section 2.2).
_SPEAKABLE = st.text(
    st.one_of(st.sampled_from("\t\n\r'\"<>&"), st.characters(min_codepoint=0x20, exclude_categories=["Cs"])).filter(
        lambda letter: letter not in "\ufffe\uffff"
    )
)


@given(text=_SPEAKABLE)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_attribute_and_an_element_hold_the_same_text_again(quote: str, text: str) -> None:
    read = etree.fromstring(f"<a b={quote}{xml_text(text)}{quote}>{xml_text(text)}</a>")
    assert (read.get("b"), read.text or "") == (text, text)


def test_what_xml_cannot_hold_is_told_by_a_character_that_stands_for_it() -> None:
    assert xml_text("a\0b\x1f\ufffe") == "a\ufffdb\ufffd\ufffd"
