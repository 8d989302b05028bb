"""No answer is larger than a mebibyte: what is told of too much is cut, and what has no room is counted.

Nothing is cut or left off of what fits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

#: No answer has more bytes, but for all that is known of a binary.
MOST_OF_AN_ANSWER = 1 << 20

#: What is told one by one has so much of it; the rest is for what stands around it.
_MOST_OF_ITEMS = MOST_OF_AN_ANSWER - (64 << 10)

#: A text of more characters is cut to the fewer of these, where an answer would be too large.
_LONG, _CUT = 1000, 200

#: JSON with escapes in it has at most so many times the bytes of JSON in UTF-8.
_ESCAPED = 3


def within_an_answer(items: Sequence[M]) -> list[M]:
    """The same; where they are too much for an answer, as many of the first as fit, with their longest texts cut."""
    if sum(len(item.model_dump_json().encode()) for item in items) * _ESCAPED <= _MOST_OF_ITEMS:
        return list(items)
    if sum(map(_size, items)) <= _MOST_OF_ITEMS:
        return list(items)
    room, kept = _MOST_OF_ITEMS, list[M]()
    for item in items:
        short = type(item).model_validate(cut(item.model_dump(mode="json")))
        room -= _size(short)
        if room < 0:
            break
        kept.append(short)
    return kept


def _size(item: BaseModel) -> int:
    return len(json.dumps(item.model_dump(mode="json")))


def cut(value: Any) -> Any:
    """A value of JSON without its long texts, be they keys or not; in the place of each is its beginning, and how long
    it was."""
    match value:
        case str() if len(value) > _LONG:
            return f"{value[:_CUT]}… ({len(value)} characters)"
        case list():
            return [cut(item) for item in value]
        case dict():
            return {cut(key): cut(item) for key, item in value.items()}
        case _:
            return value
