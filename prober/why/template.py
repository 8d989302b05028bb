"""Sentences with holes: how a message is written down, and matched.

``Property '{type}.{property}' not found``: what stands in braces may be anything of its kind, all else must be there
word for word.  The whole sentence is matched, from where a message begins to where it ends; so nothing that merely
contains the words is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

#: What may stand in a hole, by its kind.  Each is bounded, so that no text takes long to be looked through.
KINDS: Mapping[str, str] = {
    # a name without spaces or quotes, as most are
    "word": r"[^\s'\"]{1,300}",
    # a number, as C prints it
    "n": r"[-+]?(?:0x[0-9a-fA-F]{1,16}|[0-9.]{1,24}|\[\.\.\.\])",
    # a path, or another text without quotes
    "path": r"[^\n'\"]{1,400}?",
    # whatever stands there, quotes included
    "text": r"[^\n]{1,400}?",
    # what the system says of an error: words, and no other message behind a colon
    "error": r"[A-Z][\w /,()-]{2,60}?",
}

_HOLE = re.compile(r"\{(\w+)(?::(\w+))?\}")
#: What a line is looked up by.
WORD = re.compile(r"[A-Za-z][A-Za-z]+")

#: What may stand behind the end of a message: nothing, or what others put around it.
_END = (
    r"(?=[.!]?(?:\s*$|['\"\u2019\u201d)\]}`<>]|\\[nrt\"]|&#1[03];|: unknown\b|\s+\(\w+::\w+\)|\s+TASK ERROR|"
    r"\s+\S*(?:qemu|kvm)[\w-]*: |\s+(?:%s)))"
)


#: So much of a hint (characters) tells that it is one.
_HEAD = 24


@dataclass(frozen=True)
class Template:
    """One sentence with holes.

    :raise ValueError: where a hole has no kind that is known, or nothing but holes is there.
    """

    text: str

    def __post_init__(self) -> None:
        for name, kind in self.holes.items():
            if kind not in KINDS:
                raise ValueError(f"{self.text!r}: the hole {name} has no kind that is known")
        if not self.words:
            raise ValueError(f"{self.text!r} has no word that could be looked for")

    @cached_property
    def holes(self) -> dict[str, str]:
        """The kind of each hole, by its name."""
        return {name: kind or "word" for name, kind in _HOLE.findall(self.text)}

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """What stands between the holes."""
        return tuple(_HOLE.sub("\0", self.text).split("\0"))

    @cached_property
    def weight(self) -> int:
        """How much of it is told word for word; of two that fit, the heavier one says more."""
        return sum(len(literal) for literal in self.literals)

    @cached_property
    def words(self) -> frozenset[str]:
        """Words, in small letters, that are in every text that it fits; none that a hole could be a part of."""
        found = set()
        for place, literal in enumerate(self.literals):
            for match in WORD.finditer(literal):
                begins, ends = match.start() == 0 and place > 0, match.end() == len(literal)
                if not begins and not (ends and place < len(self.literals) - 1):
                    found.add(match[0].lower())
        return frozenset(found)

    def pattern(self, hints: Sequence[Template] = ()) -> re.Pattern[str]:
        """A pattern that matches where the sentence begins; one of ``hints`` may stand right behind it."""
        follow = "|".join(sorted({re.escape(hint.literals[0][:_HEAD]) for hint in hints})) or r"(?!)"
        return re.compile(self._named + _END % follow)

    @cached_property
    def body(self) -> str:
        """The pattern without its end, and without names for the holes."""
        parts = [re.escape(self.literals[0])]
        for kind, literal in zip(self.holes.values(), self.literals[1:], strict=True):
            parts += [f"(?:{KINDS[kind]})", re.escape(literal)]
        return "".join(parts)

    @cached_property
    def _named(self) -> str:
        first = self.literals[0]
        # Who hands a message on may begin it with a capital letter, or with none.
        begin = f"[{first[0].lower()}{first[0].upper()}]{re.escape(first[1:])}" if first[:1].isalpha() else None
        parts = [begin if begin is not None else re.escape(first)]
        for (name, kind), literal in zip(self.holes.items(), self.literals[1:], strict=True):
            parts += [f"(?P<{name}>{KINDS[kind]})", re.escape(literal)]
        return "".join(parts)
