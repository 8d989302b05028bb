"""From the bytes of a domain XML to an element tree, with everything refused that XML can do to a reader.

Only UTF-8 is read, no DTD, no entities but the five that XML itself has, no processing instructions'
effects, a bounded size and depth.  libvirt writes nothing else.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from prober.errors import UnreadableDomainError

#: The start of a document up to its root element or DTD: declaration, comments, instructions, space.
_PROLOG = re.compile(r"(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_ENCODING = re.compile(r"""^<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """How large a document may be: bytes in all, elements within elements, and elements in all."""

    bytes: int = 1024 * 1024
    depth: int = 64
    elements: int = 20_000


#: What to do about a document that is larger.
NOT_A_DOMAIN = "a domain has some KiB: is this another file? A service reads as many bytes as its setting max_body says"

#: How many characters of documents a thread parses itself.  libxml2 keeps every name that it has seen (and short runs
#: of space) for as long as the thread lives, so that names which are made up one after the other would take all memory.
#: Above it each document has a thread of its own, which takes 0.1 ms more and leaves nothing.
_MOST_OF_A_THREAD = 16 << 20


class _Threads(threading.local):
    """A parser for each thread, as lxml has threads that share one wait for each other, and what it has parsed."""

    def __init__(self) -> None:
        self.parsed = 0
        self.parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )


_threads = _Threads()


def parse_xml(data: bytes, limits: XmlLimits | None = None) -> etree._Element:
    """The root element.

    :raise UnreadableDomainError: for anything that is not a plain, bounded UTF-8 XML document, with the
        line where the reader can name one.
    """
    limits = limits or XmlLimits()
    if len(data) > limits.bytes:
        raise UnreadableDomainError(
            f"the document has {len(data)} bytes, more than the {limits.bytes} that are read",
            hint=NOT_A_DOMAIN,
        )
    text = _decode(data)
    _refuse_dtd(text)
    if _threads.parsed > _MOST_OF_A_THREAD:
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(_parse, text, limits).result()
    _threads.parsed += len(text)
    return _parse(text, limits)


def _parse(text: str, limits: XmlLimits) -> etree._Element:
    try:
        root = etree.fromstring(text.encode(), _threads.parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        reason = (error.msg or "not well-formed").rsplit(", line", 1)[0]
        raise UnreadableDomainError(f"not well-formed XML: {reason}", line=line) from error
    tags = text.count("<")
    # Of elements within elements each has two tags, but for the innermost: fewer are not nested so deep.
    if tags > limits.elements or (tags > 2 * limits.depth and _has_depth(limits.depth + 1)(root)):
        _bound(root, limits)
    return root


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableDomainError("the document is UTF-16", hint="write it in UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableDomainError(
            f"byte {error.start} is not UTF-8", line=line, hint="write the document in UTF-8"
        ) from error
    declared = _ENCODING.match(text)
    if declared and declared.group(1).lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise UnreadableDomainError(
            f"the document says that it is in {declared.group(1)}", line=1, hint="write it in UTF-8"
        )
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableDomainError("the document has a NUL character", line=line)
    return text


def _refuse_dtd(text: str) -> None:
    """A DTD may only stand before the root element, so the prolog is all there is to look at."""
    prolog = _PROLOG.match(text)
    assert prolog is not None
    if text.startswith("<!DOCTYPE", prolog.end()):
        line = text.count("\n", 0, prolog.end()) + 1
        raise UnreadableDomainError(
            "the document has a DTD (<!DOCTYPE …>), which is not read", line=line, hint="remove it"
        )


@lru_cache(maxsize=8)
def _has_depth(depth: int) -> etree.XPath:
    """Whether a document has elements nested so deep: one step down for each level, which libxml2 takes in a tenth of
    the time that a walk of ours needs."""
    return etree.XPath(f"boolean({'/*' * depth})")


def _bound(root: etree._Element, limits: XmlLimits) -> None:
    """Walk a document that may be beyond the limits, without recursion: depth and number of its elements."""
    count = depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        count += 1
        if depth > limits.depth:
            raise UnreadableDomainError(
                f"elements are nested more than {limits.depth} deep", line=element.sourceline or 0
            )
        if count > limits.elements:
            raise UnreadableDomainError(
                f"the document has more than {limits.elements} elements", line=element.sourceline or 0
            )
