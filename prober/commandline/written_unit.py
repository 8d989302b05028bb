"""A systemd unit taken apart: the commands of ``ExecStart=``, with its ``Environment=`` and its own name filled in.

The form is that of systemd.syntax(7) and systemd.service(5), "COMMAND LINES": not a shell's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prober.commandline.written_word import Word

_SECTION = re.compile(r"^\[Service\]\s*$", re.MULTILINE)
#: A setting, to the end of its last continued line; comments may stand between those.
_SETTING = re.compile(r"^[ \t]*(ExecStart|Environment)[ \t]*=[ \t]*((?:[^\n\\]|\\.)*)", re.MULTILINE | re.DOTALL)
#: Comments, with the continued line before them.
_COMMENTS = re.compile(r"(\\\r?\n)?((?:^[ \t]*[#;][^\n]*\n?)+)", re.MULTILINE)
_WORDS = re.compile(
    r"(?P<space>(?:\s|\\\r?\n)+)"
    r"|(?P<word>(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\\[^\r\n]|[^\s\\\"'])+)",
    re.DOTALL,
)
_PIECE = re.compile(
    r"\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'|\\(?P<escaped>.)|(?P<plain>[^\\])", re.DOTALL
)
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+)$)")
_SPECIFIER = re.compile(r"%(.)")

#: What may stand before a program: not an argument of it.
_PREFIXES = "@-:+!|"


class _Name(NamedTuple):
    """The parts of a unit's name."""

    whole: str
    prefix: str
    instance: str


def is_unit(text: str) -> bool:
    """Whether it has the section of a service."""
    return _SECTION.search(text) is not None


def split_unit(text: str, name: str, known: Mapping[str, str]) -> list[list[Word]]:
    """The commands of a unit; ``name`` is that of its file, ``known`` the environment where the unit sets none.

    :raise ValueError: where a quote does not end.
    """
    whole = name.rpartition("/")[2]
    stem = whole.rpartition(".")[0] or whole
    prefix, _, instance = stem.partition("@")
    named = _Name(whole, prefix, instance)
    variables = dict(known)
    commands: list[list[Word]] = []
    text = _COMMENTS.sub(_blank, text)
    for setting in _SETTING.finditer(text):
        if not setting[2].strip():
            continue
        words = list(_split(text, setting.start(2), setting.end(2), named))
        if setting[1] == "Environment":
            variables |= dict(word.text.partition("=")[::2] for word in words)
            continue
        words[0] = words[0]._replace(text=words[0].text.lstrip(_PREFIXES))
        commands += _commands([filled for word in words for filled in _fill(word, variables)])
    return commands


def _blank(match: re.Match[str]) -> str:
    """A comment as so many spaces: one between continued lines does not end them."""
    is_within = match[1] is not None
    return (match[1] or "") + re.sub(r"[^\n]" if not is_within else r"[^\r]", " ", match[2])


def _split(text: str, start: int, end: int, name: _Name) -> Iterator[Word]:
    place = start
    while place < end:
        match = _WORDS.match(text, place, end)
        if match is None:
            raise ValueError("No closing quotation")
        place = match.end()
        if match.lastgroup == "word":
            yield _unquote(match["word"], match.start(), match.end(), name)


def _unquote(raw: str, start: int, end: int, name: _Name) -> Word:
    pieces = []
    for piece in _PIECE.finditer(raw):
        if piece.lastgroup in ("double", "single"):
            pieces.append(_ESCAPED.sub(_unescape, piece[str(piece.lastgroup)]))
        else:
            pieces.append(_ESCAPED.sub(_unescape, piece[0]))
    unknown = ""

    def specify(match: re.Match[str]) -> str:
        nonlocal unknown
        letter = match[1]
        told = {"%": "%", "n": name.whole, "N": name.whole.rpartition(".")[0], "p": name.prefix, "i": name.instance}
        told["I"] = told["i"]
        if not told.get(letter):
            unknown = unknown or f"%{letter}"
        return told.get(letter, match[0])

    return Word(_SPECIFIER.sub(specify, "".join(pieces)), start, end, unknown)


def _unescape(match: re.Match[str]) -> str:
    told = match[1]
    if len(told) == 3:
        return chr(int(told[1:], 16) if told[0] == "x" else int(told, 8))
    return _ESCAPES.get(told, told)


def _fill(word: Word, variables: Mapping[str, str]) -> Iterator[Word]:
    """A word with its variables; one that is a variable alone (``$OPTIONS``) is as many words as that has."""
    alone = re.fullmatch(r"\$(\w+)", word.text)
    if alone is not None and alone[1] in variables:
        yield from (word._replace(text=one) for one in variables[alone[1]].split())
        return
    unknown = word.unknown

    def fill(match: re.Match[str]) -> str:
        nonlocal unknown
        name = match[1] or match[2]
        if name is None:
            return "$"
        if name not in variables:
            unknown = unknown or name
        return variables.get(name, "")

    yield word._replace(text=_VARIABLE.sub(fill, word.text), unknown=unknown)


def _commands(words: list[Word]) -> Iterator[list[Word]]:
    """A setting has several commands where a word is ``;``."""
    command: list[Word] = []
    for word in words:
        if word.text == ";":
            yield command
            command = []
        else:
            command.append(word)
    yield command
