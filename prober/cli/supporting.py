"""What ``prober supports`` does, without the parser of its options.

Scripts ask for facts one call after the other, and the parser takes longer to load than the service to answer: where
the words are as plain as they mostly are, they are read here (:func:`read_plain_words`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.kept_answers import KeptAnswers
from prober.errors import UsageError

#: Nothing near this size (bytes) is a list of facts; it keeps an endless file out of memory.
_READ_AT_MOST = 4 << 20

_CODES = {"present": ExitCode.ok, "absent": ExitCode.absent, "unknown": ExitCode.unknown}


class PlainWords(NamedTuple):  # A dataclass takes the module inspect, ten milliseconds.
    """The words of a call, told apart."""

    facts: list[str]
    options: dict[str, str]
    flags: set[str]

    def run(self) -> None:
        """Answer, as the command does.

        :raise SystemExit: with the exit code.
        """
        output.hush(answer="quiet" in self.flags, words="quiet" in self.flags)
        socket, replies = (Path(one) if (one := self.options.get(name)) else None for name in ("socket", "replies"))
        binary, as_json = self.options.get("binary"), "json" in self.flags
        if replies is None or socket is not None or binary is not None:
            from prober.cli.choosing import choose

            raise SystemExit(run_supports(choose(socket, binary, replies), self.facts, as_json=as_json))
        answers = _kept_answers(replies)
        code = run_supports(answers, self.facts, as_json=as_json)
        answers.keep()
        raise SystemExit(code)


def _kept_answers(replies: Path) -> KeptAnswers:
    """Those of a recording, which is read where something is asked for the first time."""
    found: list[Any] = []

    def ask(fact: str) -> tuple[str, dict[str, Any]]:
        if not found:
            from prober.cli.local import recorded

            found.append(recorded(replies))
        return found[0].qemu(), found[0].supports(fact)

    return KeptAnswers(replies, ask)


_FLAGS = {"--json": "json", "-q": "quiet", "--quiet": "quiet"}
_OPTIONS = {"--socket": "socket", "--binary": "binary", "--replies": "replies"}


def read_plain_words(words: Sequence[str]) -> PlainWords | None:
    """The words of ``prober supports``; None where one is not plain, and the parser is to read them or complain.

    >>> read_plain_words(["--socket", "s", "e1000", "--json"])
    PlainWords(facts=['e1000'], options={'socket': 's'}, flags={'json'})
    >>> read_plain_words(["--soket", "s", "e1000"])
    """
    told, left = PlainWords([], {}, set()), list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            told.facts.extend(left)
            break
        if word in _FLAGS:
            told.flags.add(_FLAGS[word])
        elif word in _OPTIONS:
            if not left or left[0][:1] in ("-", "") or _OPTIONS[word] in told.options:
                return None
            told.options[_OPTIONS[word]] = left.pop(0)
        elif word[:1] == "-" and word != "-":
            return None
        else:
            told.facts.append(word)
    return told if told.facts else None


class FactTeller(Protocol):
    """Who tells of facts, as every :class:`~prober.cli.answerer.Answerer` does."""

    def name(self) -> str:
        """Which QEMU it is."""
        ...

    def supports(self, fact: str) -> dict[str, Any]:
        """The evidence for a fact."""
        ...


def run_supports(answerer: FactTeller, facts: Sequence[str], *, as_json: bool) -> ExitCode:
    """Print the evidence of each; the exit code is the answer.

    :raise UsageError: where stdin has no fact, or one is none.
    """
    named = _read_facts() if list(facts) == ["-"] else facts
    told = [answerer.supports(fact) for fact in named]
    if as_json:
        output.write_json(told if list(facts) == ["-"] or len(told) > 1 else told[0])
    else:
        name = answerer.name()
        output.write("\n\n".join(format_evidence(evidence, name) for evidence in told))
    codes = {_CODES[evidence["verdict"]] for evidence in told}
    return next((code for code in (ExitCode.absent, ExitCode.unknown) if code in codes), ExitCode.ok)


def _read_facts() -> list[str]:
    """The facts of stdin, one a line; an empty line is none.

    :raise UsageError: where there are none.
    """
    try:
        lines = sys.stdin.buffer.read(_READ_AT_MOST).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"<stdin>: cannot be read: {error}") from error
    facts = [line.strip() for line in lines if line.strip()]
    if not facts:
        raise UsageError("<stdin> has no facts", hint="write one a line")
    return facts


def format_evidence(evidence: dict[str, Any], qemu: str) -> str:
    """The evidence in lines: the verdict, then its grounds.

    >>> print(format_evidence({"fact": "a.b", "verdict": "unknown", "note": "never asked"}, "QEMU 7.2.0"))
    a.b: unknown
      of        QEMU 7.2.0
      because   never asked
    """
    return "\n".join([f"{evidence['fact']}: {evidence['verdict']}", _line("of", qemu), *format_grounds(evidence)])


def format_grounds(evidence: dict[str, Any]) -> list[str]:
    """Why the verdict is what it is, in lines."""
    lines = [("because", evidence["note"])]
    if evidence.get("command"):
        arguments = evidence.get("arguments")
        lines.append(("asked", evidence["command"] + (f" {_compact(arguments)}" if arguments else "")))
    if evidence.get("reply") is not None:
        lines.append(("answered", _compact(evidence["reply"])))
    if evidence.get("error"):
        lines.append(("error", evidence["error"]))
    if evidence.get("suggestions"):
        lines.append(("near", ", ".join(evidence["suggestions"])))
    return [_line(key, text) for key, text in lines]


def _line(key: str, text: str) -> str:
    return f"  {key:<9} {text}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
