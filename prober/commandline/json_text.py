"""JSON as QEMU reads it on a command line (``qobject/json-lexer.c``, ``json-parser.c``, 5.2 to 11.1).

It takes texts in single quotes as well, and refuses what Python's reader would take: a key that is given twice, half of
a surrogate pair, ``NaN`` and ``Infinity``.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: A text in either quotes; nothing but texts has any.
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)

_BRACKET = re.compile(r"[{}\[\]]")

#: QEMU takes 1,024 levels of JSON, and no block nodes are nested like that.
_DEEPEST = 100

#: What is written otherwise within double quotes.
_OF_QUOTES = re.compile(r"\\.|\"", re.DOTALL)


def read_json(text: str) -> Any:
    """The value that QEMU reads.

    :raise ValueError: where QEMU reads none.
    :raise RecursionError: where it is nested more deeply than this program goes.
    """
    if "'" in text:
        text = _TEXT.sub(_in_double_quotes, text)
    # Without the search for space around it, which takes half the time.
    tree, end = _DECODER.raw_decode(text)
    if end != len(text):
        tree = _DECODER.decode(text)
    if "\\u" in text:
        try:
            json.dumps(tree, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair is no character") from None
    return tree


def _in_double_quotes(match: re.Match[str]) -> str:
    text = match[0]
    if text[0] == '"':
        # QEMU knows \' there too.
        return _OF_QUOTES.sub(lambda found: "'" if found[0] == "\\'" else found[0], text)
    inner = _OF_QUOTES.sub(lambda found: {"\\'": "'", '"': '\\"'}.get(found[0], found[0]), text[1:-1])
    return f'"{inner}"'


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        raise ValueError("a key is given twice")
    return tree


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


#: Made once, as ``json.loads`` with a hook makes a decoder at every call.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def has_too_many_levels(text: str) -> bool:
    """Whether an option's value, in JSON or as ``key=value``, has more levels than any that means something."""
    if not text.startswith("{"):
        return text.count(".") > _DEEPEST and any(
            pair.partition("=")[0].count(".") > _DEEPEST for pair in text.split(",")
        )
    if text.count("{") + text.count("[") <= _DEEPEST:
        return False
    depth = deepest = 0
    for bracket in _BRACKET.findall(_TEXT.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        deepest = max(deepest, depth)
    return deepest > _DEEPEST
