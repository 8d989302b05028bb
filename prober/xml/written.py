"""Texts as they stand in a document that is written."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

#: What XML 1.0 cannot hold in any form; nothing sound has it, and a document with it could not be read.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_QUOTES = {"'": "&apos;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def xml_text(text: str) -> str:
    """A text as an element or an attribute has it: whoever reads the document gets the same again, but for characters
    that XML cannot hold, of which each is told by U+FFFD.

    >>> xml_text("a<b & 'c'")
    'a&lt;b &amp; &apos;c&apos;'
    """
    return escape(_UNSPEAKABLE.sub("\ufffd", text), _QUOTES)
