"""A book as text: compact JSON, and deflated within a page.  Pure."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

from prober.pages.models import PageBook, Remark
from prober.pages.upgrade_models import UpgradeBook

#: Half of a surrogate pair, which stands for no character and cannot be written.
_NO_CHARACTER = re.compile("[\ud800-\udfff]")


def sound_text(text: str) -> str:
    """The text with U+FFFD for what is no character: a file may have a name that is no UTF-8, and a QEMU say anything.

    >>> sound_text("vm\\udcff.xml")
    'vm\ufffd.xml'
    """
    return _NO_CHARACTER.sub("\ufffd", text)


def book_text(book: PageBook) -> str:
    """JSON of objects and lists: what has a name each is an object, and what is in a pool a list."""
    return sound_text(json.dumps(book_value(book), separators=(",", ":"), ensure_ascii=False))


def book_value(book: PageBook) -> dict[str, Any]:
    """The same before it is text."""
    return {**book._asdict(), "pools": book.pools._asdict(), "qemus": [one._asdict() for one in book.qemus]}


def upgrade_text(book: UpgradeBook) -> str:
    """JSON of objects alone, each row by the names of its fields; a remark is a list, as in a book."""
    return sound_text(json.dumps(_named(book), separators=(",", ":"), ensure_ascii=False))


def _named(value: Any) -> Any:
    if isinstance(value, Remark) or not isinstance(value, tuple):
        return value
    if hasattr(value, "_asdict"):
        return {name: _named(part) for name, part in value._asdict().items()}
    return [_named(part) for part in value]


def packed(text: str) -> str:
    """Text of letters, digits and ``+/=`` alone, which a browser unpacks by itself (``deflate``, RFC 1950)."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
