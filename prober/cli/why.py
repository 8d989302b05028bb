"""``prober why``: what a message means, and what to do about it."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, BinaryIO

import typer

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.options import Json, Recordings
from prober.errors import FactError, UsageError
from prober.why.meaning import Account, Said, Speaker

#: So much of a log is read (bytes), from its end: what QEMU died of stands there.
READ_AT_MOST = 8 << 20
_PIECE = 1 << 20

#: The width of a text on a terminal that is wider, in characters.
_WIDEST = 100


def why_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]",
            help="What was said, as it stands there, or the path of a log; without it, or for -, stdin is read.",
        ),
    ] = None,
    recordings: Recordings = None,
    json: Json = False,
) -> None:
    """TEXT is a message, or a log of QEMU, libvirt or a management layer with messages in it; what others put before a
    message does not matter. Of a long log the last 8 MiB are read.

    Each message is told once: who says it, its rule (a name for good), the option and the XML it belongs to, what it
    means and what to do. `said by` has the recorded QEMUs whose program has such a sentence; `concerns` which of them
    have what it is about, as `prober explain` tells it. What is not known is said to be unknown.

    Exit code: 0 where something was explained; 4 where nothing is known of what was said; 2 where nothing was said,
    or it cannot be read.

    Example: `prober why "qemu-system-x86_64: -no-kvm: invalid option"`
    """
    raise typer.Exit(run_why(_read(words or []), recordings or [], as_json=json))


def run_why(text: str, places: Sequence[Path], *, as_json: bool) -> ExitCode:
    """Print what is known of a text; ``places`` are recordings besides those that come with prober.

    :raise UsageError: where the text is empty.
    :raise RecordingError: where one of the recordings cannot be read.
    """
    from prober.why.book import load_book
    from prober.why.find import find_said

    if not text.strip():
        raise UsageError("nothing was said", hint="give the message in quotes, or a log on stdin")
    account = find_said(text, load_book())
    concerned = _concerned({one.fact for one in account.said if one.fact}, places)
    if as_json:
        output.write_json(_as_json(account, concerned))
    else:
        output.write("\n\n".join(_lines(account, concerned)))
    return ExitCode.ok if account.said else ExitCode.unknown


def _read(words: Sequence[str]) -> str:
    """The text: the words, or what a log or stdin has, of which no more than its end is kept."""
    try:
        if not words or list(words) == ["-"]:
            if sys.stdin.isatty():
                raise UsageError("nothing was said", hint="give the message in quotes, or a log on stdin")
            return _end_of(sys.stdin.buffer)
        if len(words) == 1 and "/" in words[0] and "\n" not in words[0] and _is_file(words[0]):
            with Path(words[0]).open("rb") as stream:
                return _end_of(stream)
    except OSError as error:
        raise UsageError(f"cannot read {words[0] if words else '<stdin>'}: {error.strerror}") from error
    return " ".join(words)


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long for a path, or a NUL in it
        return False


def _end_of(stream: BinaryIO) -> str:
    pieces: deque[bytes] = deque()
    while piece := stream.read(_PIECE):
        pieces.append(piece)
        while sum(map(len, pieces)) - len(pieces[0]) >= READ_AT_MOST:
            pieces.popleft()
    return b"".join(pieces)[-READ_AT_MOST:].decode("utf-8", "replace")


def _concerned(facts: set[str], places: Sequence[Path]) -> dict[str, str]:
    """Which recorded QEMUs have each fact; without those that are no fact's name, and that none has."""
    if not facts:
        return {}
    from prober.capabilities.evidence import Verdict
    from prober.capabilities.history import trace
    from prober.cli.recordings import read_recordings

    recordings = read_recordings(places, "x86_64")
    told = {}
    for fact in facts:
        try:
            history = trace(fact, recordings, "x86_64")
        except FactError:
            continue
        if any(span.verdict is Verdict.present for span in history.spans):
            told[fact] = str(history)
        elif history.spans and " " not in fact:
            told[fact] = f"no recorded QEMU has it ({history})"
    return told


def _instead(one: Said) -> str:
    from prober.commandline.replaced import replacement

    return replacement(one.fact) if one.fact else ""


def _belongs_to(one: Said) -> str:
    """The option, as it was given where QEMU wrote the right one before its message, else as it is known."""
    known = one.option
    return one.written if one.written and (not known or one.flag in known or not known.startswith("-")) else known


def _said_by(one: Said) -> str:
    versions = one.meaning.said_by
    if versions is None:
        return one.meaning.speaker.value
    return f"QEMU {', '.join(versions)}"


def _lines(account: Account, concerned: dict[str, str]) -> Iterator[str]:
    for one in account.said:
        lines = [one.message]
        lines += _text("said by", _said_by(one))
        lines += _text("rule", one.meaning.name)
        lines += _text("option", _belongs_to(one))
        lines += _text("xml", one.element)
        lines += _text("means", one.means)
        lines += _text("do", one.do)
        lines += _text("instead", _instead(one))
        if one.fact in concerned and _tells(one, concerned[one.fact]):
            lines += _text("concerns", f"{one.fact}: {concerned[one.fact]}")
        if one.count > 1:
            lines += _text("times", f"{one.count}, first in line {one.line}")
        yield "\n".join(lines)
    if account.unknown:
        lines = ["not known:"]
        lines += [f"  {one.line}: {one.text}" for one in account.unknown]
        if account.left_off:
            lines.append(f"  … and {account.left_off} more")
        yield "\n".join(lines)
    elif not account.said:
        yield "not known: no message of QEMU, libvirt or prober is in it that prober knows"


def _tells(one: Said, history: str) -> bool:
    """libvirt has names of its own for many things, and that no QEMU has such a name says nothing."""
    return one.meaning.speaker is not Speaker.libvirt or not history.startswith("no ")


def _text(key: str, text: str) -> list[str]:
    if not text:
        return []
    if not sys.stdout.isatty():
        return [f"  {key:<9} {text}"]
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    broken = wrap(text, max(width - 12, 20), break_long_words=False, break_on_hyphens=False)
    return [f"  {key if not number else '':<9} {line}" for number, line in enumerate(broken)]


def _as_json(account: Account, concerned: dict[str, str]) -> dict[str, Any]:
    return {
        "said": [
            {
                "message": one.message,
                "line": one.line,
                "count": one.count,
                "speaker": one.meaning.speaker.value,
                "said_by": None if one.meaning.said_by is None else list(one.meaning.said_by),
                "rule": one.meaning.name,
                "option": _belongs_to(one),
                "element": one.element,
                "means": one.means,
                "do": one.do,
                "instead": _instead(one),
                "fact": one.fact or None,
                "concerns": concerned.get(one.fact)
                if one.fact and _tells(one, concerned.get(one.fact, "no "))
                else None,
            }
            for one in account.said
        ],
        "unknown": [{"line": one.line, "text": one.text} for one in account.unknown],
        "left_off": account.left_off,
    }
