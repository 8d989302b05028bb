"""A shell's script taken apart: its simple commands, with what it sets by itself filled in.

It is the part of POSIX's shell, and of bash's arrays, in which people start a QEMU: quotes, continued lines, comments,
``NAME=VALUE``, ``$NAME``, ``${NAME:-VALUE}`` and its like with ``=`` and ``+``, ``NAME=(WORD …)``, ``NAME+=(WORD …)``,
``"${NAME[@]}"``.  Conditions and loops are not followed: what is set in them counts as set.  What a variable is that
nobody sets is not known, unless the script says what to take then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from prober.commandline.parse import MOST_CHARACTERS
from prober.commandline.written_word import Word

_PIECE = re.compile(
    r"(?P<joined>\\\r?\n)|(?P<space>[ \t\r]+)|(?P<newline>\n)|(?P<end>;;?|&&?(?!>)|\|\|?|\))|(?P<open>\()"
    r"|(?P<redirect>(?:&>>?|[<>]{1,3}[&|-]?))"
    r"|'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\(?P<escaped>.)"
    r"|(?P<dollar>\$(?:\{(?:[^{}]|\$\{[^{}]*\})*\}|\w+|[@*#?$!-]))|(?P<output>\$\(|`)|(?P<plain>[^\s'\"\\$;&|()<>`]+|\$)",
    re.DOTALL,
)
_IN_QUOTES = re.compile(
    r"\\(?P<escaped>[$`\"\\\n])|(?P<dollar>\$(?:\{(?:[^{}]|\$\{[^{}]*\})*\}|\w+|[@*#?$!-]))|(?P<output>\$\(|`)|(?P<plain>[^$`\\]+|.)",
    re.DOTALL,
)
_REFERENCE = re.compile(
    r"\$(?:(?P<bare>\w+|[@*])|\{(?P<name>\w+|[@*])(?P<all>\[[@*]\])?(?:(?P<how>:?[-=+])(?P<word>.*))?\})", re.DOTALL
)
_SET = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<more>\+?)=(?P<value>.*)", re.DOTALL)
_SETS = re.compile(r"[A-Za-z_]\w*\+?=")
_SETTERS = frozenset(("export", "local", "declare", "readonly", "typeset"))


def _choose(how: str, value: str | None) -> tuple[bool, str | None]:
    """Whether the word behind ``how`` (``:-`` and its like) stands in a variable's place, else what does."""
    # With the colon an empty one is as good as none.
    is_there = bool(value) if how[0] == ":" else value is not None
    if how[-1] == "+":
        return is_there, ""
    return not is_there, value


@dataclass
class _Being:
    """A word that is being read."""

    start: int
    text: list[str] = field(default_factory=list)
    unknown: str = ""
    #: Those that are whole: of an array, and of a variable that has several.
    words: list[Word] = field(default_factory=list)
    has_text: bool = False
    #: Whether it sets a variable, once that was asked.
    sets: bool | None = None

    def cut(self, end: int) -> None:
        """What there is becomes a word of its own; the next begins."""
        if self.text or self.has_text or self.unknown:
            self.words.append(Word("".join(self.text), self.start, end, self.unknown))
        self.text, self.unknown, self.has_text = [], "", False


class _Script:
    def __init__(self, text: str, known: Mapping[str, str]) -> None:
        self._text = text
        self._known = dict(known)
        self._arrays: dict[str, list[Word]] = {}
        self.commands: list[list[Word]] = []
        self._command: list[Word] = []
        self._being: _Being | None = None
        self._array: tuple[str, list[Word]] | None = None
        self._skips_word = False
        self._ends: list[str] = []
        self._spent = 0

    def read(self) -> None:
        """Take all of it apart.

        :raise ValueError: where a quote or an escape does not end.
        """
        place = 0
        while place < len(self._text):
            if self._text[place] == "#" and self._being is None:
                end = self._text.find("\n", place)
                place = len(self._text) if end < 0 else end
                continue
            match = _PIECE.match(self._text, place)
            if match is None:
                raise ValueError("No closing quotation" if self._text[place] != "\\" else "No escaped character")
            place = match.end()
            kind = str(match.lastgroup)
            if kind in ("single", "double", "escaped", "dollar", "output", "plain"):
                self._add(kind, match)
            elif kind != "joined" or self._being is not None:
                place = self._separate(kind, match, place)
        self._end_word(len(self._text))
        self._end_command()

    def _separate(self, kind: str, match: re.Match[str], place: int) -> int:
        """What stands between words; where to go on."""
        being = self._being
        if kind == "redirect" and being is not None and "".join(being.text).isdigit():
            self._being = None  # 2>: the number belongs to it
        if kind == "open" and being is not None and (name := _SET.fullmatch("".join(being.text))):
            self._array = (name["name"], list(self._arrays.get(name["name"], [])) if name["more"] else [])
            self._being = None
            return place
        self._end_word(match.start())
        if kind == "redirect":
            self._skips_word = True
            if match[0].startswith("<<") and not match[0].startswith("<<<"):
                self._ends.append("")
        elif kind in ("newline", "end", "open"):
            return self._break(kind, match[0], place)
        return place

    def _break(self, kind: str, what: str, place: int) -> int:
        """The end of a command, or of an array's words; where to go on."""
        if self._array is not None:
            if what != ")":
                return place
            self._arrays[self._array[0]] = self._array[1]
            self._array = None
        self._end_command()
        return self._skip_documents(place) if kind == "newline" and self._ends else place

    def _skip_documents(self, place: int) -> int:
        """What a command reads from the script itself."""
        for end in self._ends:
            found = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE).search(self._text, place)
            place = len(self._text) if found is None else found.end()
        self._ends = []
        return place

    def _add(self, kind: str, match: re.Match[str]) -> None:
        being = self._being = self._being or _Being(match.start())
        if kind == "dollar":
            self._refer(match[0], being, is_quoted=False)
        elif kind == "output":
            being.unknown = being.unknown or "(…)"
        elif kind == "double":
            being.has_text = being.has_text or not match["double"]
            for piece in _IN_QUOTES.finditer(match["double"]):
                if piece.lastgroup == "dollar":
                    self._refer(piece[0], being, is_quoted=True)
                elif piece.lastgroup == "output":
                    being.unknown = being.unknown or "(…)"
                elif piece[0] != "\\\n":
                    being.text.append(piece[str(piece.lastgroup)])
        else:
            being.has_text = True
            being.text.append(match[kind])

    def _refer(self, reference: str, being: _Being, *, is_quoted: bool) -> None:
        """What a variable stands for."""
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            being.unknown = being.unknown or reference.strip("${}")
            return
        name = match["bare"] or match["name"]
        if match["all"] and name in self._arrays:
            self._spend(sum(len(word.text) + 1 for word in self._arrays[name]))
            being.words += self._arrays[name]
            return
        value, how = self._known.get(name), match["how"]
        takes_word, value = _choose(how, value) if how and name not in "@*" else (False, value)
        if takes_word:
            self._put(match["word"], being, len(reference), is_quoted=is_quoted, name=name if "=" in how else "")
        elif value is None:
            being.unknown = being.unknown or name
        else:
            self._fill(value, being, len(reference), is_quoted=is_quoted)

    def _put(self, word: str, being: _Being, length: int, *, is_quoted: bool, name: str) -> None:
        """What is to be taken in a variable's place; a variable of this name is set to it, and then stands there."""
        outside = is_quoted
        if not is_quoted and len(word) > 1 and word[0] == word[-1] in "\"'" and word[0] not in word[1:-1]:
            word, is_quoted, is_literal = word[1:-1], True, word[0] == "'"
        else:
            is_literal = False
        inner = _Being(being.start)
        for piece in _IN_QUOTES.finditer("" if is_literal else word):
            if piece.lastgroup == "dollar":
                self._refer(piece[0], inner, is_quoted=True)
            elif piece.lastgroup == "output":
                inner.unknown = inner.unknown or "(…)"
            else:
                inner.text.append(piece[str(piece.lastgroup)])
        if inner.unknown:
            being.unknown = being.unknown or inner.unknown
            return
        value = word if is_literal else "".join(inner.text)
        if name:
            self._known[name], is_quoted = value, outside
        self._fill(value, being, length, is_quoted=is_quoted)

    def _fill(self, value: str, being: _Being, length: int, *, is_quoted: bool) -> None:
        """Put a variable's value into a word; a shell makes words of one without quotes."""
        self._spend(len(value))
        if is_quoted or self._sets(being):
            being.text.append(value)
            being.has_text = True
            return
        for number, word in enumerate(value.split()):
            if number or value[0].isspace():
                being.cut(being.start + length)
            being.text.append(word)
        if value[-1:].isspace():
            being.cut(being.start + length)

    def _sets(self, being: _Being) -> bool:
        """Whether a word sets a variable, to all that stands behind its ``=``."""
        if being.sets is None:
            first, last = (self._command[0].text, self._command[-1].text) if self._command else ("", "A=")
            is_first = first in _SETTERS or (_SETS.match(last) is not None and (not first or _SETS.match(first)))
            starts = bool(being.text) and not being.words and _SETS.match(being.text[0]) is not None
            being.sets = starts and self._array is None and bool(is_first)
        return being.sets

    def _spend(self, characters: int) -> None:
        """A script that doubles what it has with each line would fill all memory.

        :raise ValueError: where more comes of it than a command line may have.
        """
        self._spent += characters
        if self._spent > MOST_CHARACTERS:
            raise ValueError(f"its variables come to more than {MOST_CHARACTERS} characters")

    def _end_word(self, end: int) -> None:
        being, self._being = self._being, None
        if being is None:
            return
        if self._skips_word:
            self._skips_word = False
            if self._ends and not self._ends[-1]:
                self._ends[-1] = "".join(being.text)
            return
        into = self._command if self._array is None else self._array[1]
        being.cut(end)
        into += being.words

    def _end_command(self) -> None:
        self._skips_word = False
        command, self._command = self._command, []
        if not command:
            return
        told = command[1:] if command[0].text in _SETTERS else command
        sets = [_SET.fullmatch(word.text) for word in told]
        if all(sets):
            for word, one in zip(told, sets, strict=True):
                assert one is not None
                if word.unknown:
                    self._known.pop(one["name"], None)
                else:
                    self._known[one["name"]] = (self._known.get(one["name"], "") if one["more"] else "") + one["value"]
        else:
            self.commands.append(command)


def split_script(text: str, known: Mapping[str, str]) -> list[list[Word]]:
    """The simple commands of a script; ``known`` are the variables that it is given.

    :raise ValueError: where a quote or an escape does not end.
    """
    script = _Script(text, known)
    script.read()
    return script.commands
