"""The book of known sentences: read from the files beside this one, and looked up by a line's words.

A file is TOML: ``speaker``, ``[[hint]]`` (what stands behind or below a message and says nothing by itself),
``[[noise]]`` (lines that only name what failed) and ``[[meaning]]`` with the fields of
:class:`~prober.why.meaning.Meaning`.  ``said.json`` has which recorded QEMUs have each sentence in their programs;
``tools/sentences.py`` writes it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from prober.why.meaning import Case, Meaning, Speaker
from prober.why.template import WORD, Template

#: Where the files are.
PLACE = Path(__file__).parent / "book"

_FIELDS = {"name", "says", "option", "element", "means", "do", "of", "fact", "weak", "loose", "text", "case"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, as it is looked for."""

    meaning: Meaning
    template: Template
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Book:
    """All that is known."""

    meanings: tuple[Meaning, ...]
    hints: tuple[Template, ...] = ()
    noise: tuple[Template, ...] = ()
    _made: dict[tuple[int, int], Sentence] = field(default_factory=dict, repr=False, compare=False)
    _index: dict[str, list[tuple[int, int]]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        seen = Counter(word for meaning in self.meanings for says in meaning.says for word in says.words)
        for number, meaning in enumerate(self.meanings):
            for which, says in enumerate(meaning.says):
                # By the word that the fewest others have, so that few are tried of any line.
                key = min(says.words, key=lambda word: (seen[word], -len(word), word))
                self._index.setdefault(key, []).append((number, which))

    def entries(self, line: str) -> list[Sentence]:
        """The sentences that may stand in a line, by its words; the heaviest first."""
        words = {word.lower() for word in WORD.findall(line)}
        places = [place for word in words for place in self._index.get(word, ())]
        found = [self._entry(place) for place in places if self._template(place).words <= words]
        return sorted(found, key=lambda entry: (-entry.template.weight, entry.meaning.name))

    def _template(self, place: tuple[int, int]) -> Template:
        return self.meanings[place[0]].says[place[1]]

    def _entry(self, place: tuple[int, int]) -> Sentence:
        # A pattern is made when it is needed: most of them are not.
        made = self._made.get(place)
        if made is None:
            meaning = self.meanings[place[0]]
            template = meaning.says[place[1]]
            made = self._made[place] = Sentence(meaning, template, template.pattern(self.hints))
        return made


@cache
def load_book() -> Book:
    """The book that comes along.

    :raise ValueError: where a file of it is not as it has to be.
    """
    said = json.loads((PLACE / "said.json").read_text()) if (PLACE / "said.json").exists() else {}
    meanings: list[Meaning] = []
    hints: list[Template] = []
    noise: list[Template] = []
    for path in sorted(PLACE.glob("*.toml")):
        told = tomllib.loads(path.read_text())
        speaker = Speaker(told["speaker"])
        hints += [Template(text) for hint in told.get("hint", ()) for text in hint["says"]]
        noise += [Template(text) for one in told.get("noise", ()) for text in one["says"]]
        meanings += _meanings(told.get("meaning", ()), speaker, said)
    return Book(tuple(meanings), tuple(hints), tuple(noise))


def _meanings(
    tables: Iterable[Mapping[str, Any]], speaker: Speaker, said: Mapping[str, Sequence[str]]
) -> Iterator[Meaning]:
    for table in tables:
        if table.keys() - _FIELDS:
            raise ValueError(f"{table['name']}: no field is called {', '.join(sorted(table.keys() - _FIELDS))}")
        name = table["name"]
        yield Meaning(
            name=name,
            speaker=speaker,
            says=tuple(map(Template, table["says"])),
            option=table.get("option", ""),
            element=table.get("element", ""),
            means=table["means"],
            do=table["do"],
            of=tuple(table.get("of", ())),
            fact=table.get("fact", ""),
            weak=table.get("weak", False),
            loose=table.get("loose", False),
            cases=tuple(_cases(table.get("case", ()))),
            text=tuple(table["text"]) if "text" in table else None,
            said_by=tuple(said[name]) if name in said else None,
        )


def _cases(tables: Iterable[Mapping[str, str]]) -> Iterator[Case]:
    for table in tables:
        (hole,) = table.keys() - {"option", "element"}
        yield Case(hole, re.compile(table[hole], re.IGNORECASE), table["option"], table["element"])
