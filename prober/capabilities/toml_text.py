"""Reading TOML that somebody else wrote, without what Python's reader makes of it where its keys are deep.

That takes time and memory by the square of the parts of a key (14 s and 3.4 GB for ``a.a.a.… = 1`` of 60 KB), as it
keeps each beginning of one as a tuple of its own.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

#: No key and no table's name has more parts.  Those that mean something have three.
MOST_PARTS = 10

#: What a dot is no part of a key in, and what a key is over with.  One that is not closed goes to its end, so that
#: nothing is looked at twice.
_TOKEN = re.compile(
    r'''"""(?:\\.?|[^\\])*?(?:"""|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*|[.=,\[\]{}\n]''',
    re.DOTALL,
)


def parse_toml(text: str) -> dict[str, Any]:
    """What a text says, in time and memory that grow as it does.

    :raise ValueError: where it is no TOML, or has a key of more than :data:`MOST_PARTS` parts; the words end with
        ``(at line N, column M)`` where that is known.
    """
    _refuse_deep_keys(text)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("It is nested too deeply") from error


def _refuse_deep_keys(text: str) -> None:
    parts = 1
    for token in _TOKEN.finditer(text):
        if token[0] == ".":
            parts += 1
        elif token[0][0] not in "\"'":
            parts = 1
        if parts > MOST_PARTS:
            start = token.start()
            line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
            raise ValueError(f"A key has more than {MOST_PARTS} parts (at line {line}, column {column})")
