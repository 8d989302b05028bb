"""What a QEMU wrote to standard error, as messages: errors, warnings, and what it merely mentions.

Each begins with the program's name (QEMU, ``util/error-report.c``, ``error_vreport``), and after it, where QEMU was
reading an option, the option as it was written; hints stand on lines of their own below.  What GLib and libraries say
has no such beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

#: A line of a failed assertion: ``ERROR:file:line:function``, ``qemu: file:1: function: Assertion … failed.``
_ASSERTION = re.compile(r"\*\*|Bail out!|.*: Assertion .* failed\.?|.*ERROR:[\w./-]+:\d+:.*", re.DOTALL)

#: What ``-msg timestamp=on`` puts before the program's name (QEMU, ``util/error-report.c``, ``real_time_iso8601``).
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ")

#: The longest text that is kept of one message, in characters.
_MOST = 4000


class Tone(Enum):
    """How a message is meant."""

    error = "error"
    warning = "warning"
    info = "info"


@dataclass(frozen=True, slots=True)
class Message:
    """One message.  ``option`` is the index of the option that it begins with, of those that were started, or None.

    ``text`` is what it says, without the program's name and the option; ``hint`` what stands below it.
    """

    tone: Tone
    text: str
    option: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text}\n{self.hint}" if self.hint else self.text


def messages_of(stderr: str, programs: Iterable[str], options: Iterable[list[str]]) -> list[Message]:
    """The messages in the order of their coming.

    ``programs`` are the names that QEMU may call itself by (the last part of its path, also of that behind a wrapper),
    ``options`` are the words of each option that it was started with.
    """
    # The longest first, as one option may be how another begins.
    numbered = [(f"{' '.join(words)}: ", number) for number, words in enumerate(options) if words]
    texts = sorted(numbered, key=lambda item: -len(item[0]))
    pieces = _pieces(stderr, tuple(f"{program}:" for program in programs), [text for text, _ in texts if "\n" in text])
    return [_message(text, hint, texts) for text, hint in pieces if text.strip() or hint]


def _pieces(stderr: str, begins: tuple[str, ...], broken: list[str]) -> list[tuple[str, str]]:
    """Each message without the program's name, and the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for written in _joined(stderr, broken).split("\0"):
        line = _TIME.sub("", written)
        begin = next((one for one in begins if line.startswith(one)), "")
        if begin:
            found.append((line[len(begin) :].lstrip(" "), []))
        elif _ASSERTION.fullmatch(line) or not found:
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return [(text, "\n".join(below).strip()) for text, below in found]


def _joined(stderr: str, broken: list[str]) -> str:
    """Lines with NUL between them; an option that holds newlines stays in one piece."""
    marked = stderr.replace("\0", "")
    for text in broken:
        marked = marked.replace(text, text.replace("\n", "\1"))
    return marked.replace("\n", "\0").replace("\1", "\n")


def _message(text: str, hint: str, texts: list[tuple[str, int]]) -> Message:
    option = None
    for written, number in texts:
        if text.startswith(written):
            text, option = text[len(written) :], number
            break
    tone = Tone.error
    for word in (Tone.warning, Tone.info):
        if text.startswith(f"{word.value}: "):
            text, tone = text[len(word.value) + 2 :], word
    if text.startswith("WARNING: "):  # of the block layer (QEMU, ``block.c``)
        text, tone = text[9:], Tone.warning
    return Message(tone, text.strip()[:_MOST], option, hint[:_MOST])
