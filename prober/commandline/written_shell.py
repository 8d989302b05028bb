"""A shell's script taken apart: its simple commands, with what it sets by itself filled in.

It is the part of POSIX's shell, and of bash's arrays, in which people start a QEMU: quotes, continued lines, comments,
``NAME=VALUE``, ``$NAME``, ``${NAME:-VALUE}``, ``NAME=(WORD …)``, ``NAME+=(WORD …)``, ``"${NAME[@]}"``.  Conditions and
loops are not followed: what is set in them counts as set.
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
    r"|(?P<dollar>\$(?:\{[^{}]*\}|\w+|[@*#?$!-]))|(?P<output>\$\(|`)|(?P<plain>[^\s'\"\\$;&|()<>`]+|\$)",
    re.DOTALL,
)
_IN_QUOTES = re.compile(
    r"\\(?P<escaped>[$`\"\\\n])|(?P<dollar>\$(?:\{[^{}]*\}|\w+|[@*#?$!-]))|(?P<output>\$\(|`)|(?P<plain>[^$`\\]+|.)",
    re.DOTALL,
)
_REFERENCE = re.compile(r"\$\{?(?P<name>\w+|[@*])(?P<all>\[[@*]\])?(?::?[-=](?P<default>[^}]*))?\}?", re.DOTALL)
_SET = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<more>\+?)=(?P<value>.*)", re.DOTALL)
_SETTERS = frozenset(("export", "local", "declare", "readonly", "typeset"))


@dataclass
class _Being:
    """A word that is being read."""

    start: int
    text: list[str] = field(default_factory=list)
    unknown: str = ""
    #: What an array that stands alone brings.
    words: list[Word] = field(default_factory=list)
    has_text: bool = False


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
            if self._array is not None and match[0] != ")":
                return place
            if self._array is not None:
                self._arrays[self._array[0]] = self._array[1]
                self._array = None
            self._end_command()
            if kind == "newline" and self._ends:
                place = self._skip_documents(place)
        return place

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
        name = reference.strip("${}") if match is None else match["name"]
        if match is not None and match["all"] and name in self._arrays:
            self._spend(sum(len(word.text) + 1 for word in self._arrays[name]))
            being.words += self._arrays[name]
            return
        value = self._known.get(name) if match is not None else None
        if not value and match is not None and match["default"] is not None:
            value = match["default"]
        self._spend(len(value or ""))
        if value is None:
            being.unknown = being.unknown or name
        elif is_quoted or not value.split()[1:]:
            being.text.append(value)
            being.has_text = being.has_text or is_quoted
        else:  # A shell makes words of it.
            start = being.start
            being.words += [Word(word, start, start + len(reference)) for word in value.split()]

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
        if being.words and not being.text:
            into += being.words
        elif being.text or being.has_text or being.unknown:
            into.append(Word("".join(being.text), being.start, end, being.unknown))

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
