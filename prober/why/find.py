"""Known sentences in a text: one that is pasted, or a log of any length.

Who hands a message on puts words before it, and others do so again: ``error: internal error: process exited while
connecting to monitor: 2024-05-01T10:00:00.000000Z qemu-system-x86_64: -device …: `` is all before one sentence.  So a
message may begin at the line's beginning, behind a colon, or within quotes; from there it has to fit to its end.

All of this is pure, and bounded: a line, the starts in it, what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from prober.why.book import Book, Sentence
from prober.why.meaning import Account, Meaning, Said, Unknown

#: Of a line no more than so many characters are read: no message is as long, the command line in a log is longer.
LONGEST_LINE = 12_000

#: So many different sentences, and lines that nothing is known of, are kept.
MOST_SAID, MOST_UNKNOWN = 200, 20

#: A text this short (characters) may be one message that a terminal broke into lines.
_ONE_MESSAGE = 4_000
_STARTS = 400
_SHOWN = 400

#: Where a message may begin: behind a colon, a bracket, a quotation mark (also of Unicode), a line end in escapes.
_START = re.compile(
    r"^|:\s+|['\"\u201c\u2018(>|=]|\]:?\s+|\\[nrt]|&#1[03];|Z\s+|\s[-\u2013]\s+|[.,;]\s+|\)\s+|\bwith\s+|"
    r"\b(?:internal error|unsupported configuration|operation failed|XML error)\s+"  # old ones have no colon behind it
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")

#: The option that QEMU writes before a message, up to the message.
_OPTION = re.compile(
    r"(?:^|:\s+|\s|['\"(])(?P<option>(?P<flag>--?[a-z][\w-]*)(?P<value> .*)?):\s+['\"\u201c\u2018(]?$", re.DOTALL
)

#: How a line begins that complains: who says it, or that it is an error.
_COMPLAINT = re.compile(
    r"(?:^|[\s/])(?:[\w.-]{0,40}qemu[\w.-]{0,40}|kvm|kvm-spice|libvirt\w*|libvirt\.libvirtError|virsh|prober|virtiofsd|"
    r"swtpm\w*|virt-install|error|warning|hint)\s?: +\S",
    re.IGNORECASE,
)


def _complains(line: str) -> bool:
    return ": " in line and _COMPLAINT.search(line) is not None


def find_said(text: str, book: Book) -> Account:
    """What of a text is known, and which lines of it complain of something that is not.

    Each line is looked at by itself.  Where nothing is known of a short text, it is looked at once more as one line.
    """
    account = _look(text.splitlines(), book)
    if not account.said and "\n" in text.strip() and len(text) <= _ONE_MESSAGE:
        joined = _look([" ".join(text.split())], book)
        if joined.said:
            return joined
    if not account.said and not account.unknown and text.strip() and len(text) <= _ONE_MESSAGE:
        return replace(account, unknown=(Unknown(" ".join(text.split())[:_SHOWN], 1),))
    return account


def _look(lines: list[str], book: Book) -> Account:
    said: dict[tuple[str, str, str], Said] = {}
    unknown: dict[str, Unknown] = {}
    for number, written in enumerate(lines, 1):
        line = _ESCAPES.sub("", written[:LONGEST_LINE]).strip()
        found = _of_line(line, number, book, alone=len(lines) == 1)
        for one in found:
            key = (one.meaning.name, one.message, one.flag)
            if key in said:
                said[key] = replace(said[key], count=said[key].count + 1)
            elif len(said) < MOST_SAID:
                said[key] = one
        if not found and _complains(line[:_SHOWN]) and not _is_hint(line, book):
            unknown.setdefault(_without_time(line)[:_SHOWN], Unknown(line[:_SHOWN], number))
    strong = [one for one in said.values() if not one.meaning.weak] or list(said.values())
    told = list(unknown.values())
    return Account(tuple(strong), tuple(told[:MOST_UNKNOWN]), max(0, len(told) - MOST_UNKNOWN))


def _of_line(line: str, number: int, book: Book, *, alone: bool) -> list[Said]:
    """What is said in a line: of sentences that overlap, the one of which most is there word for word.

    ``alone``: it is all that there is, so somebody asks about this very sentence.
    """
    entries = book.entries(line)
    fits: list[tuple[int, re.Match[str], Sentence, re.Match[str] | None]] = []
    starts = [match.end() for match in _START.finditer(line)][:_STARTS] if entries else []
    for start in starts:
        matches = [(entry, match) for entry in entries if (match := entry.pattern.match(line, start)) is not None]
        option = _OPTION.search(line[:start]) if matches else None
        for entry, match in matches:
            if _counts(entry.meaning, match, option, alone=alone):
                weight = entry.template.weight + (_OF_OPTION if entry.meaning.of else 0)
                fits.append((weight, match, entry, option))
    taken: list[tuple[int, int]] = []
    said = []
    for _, match, entry, option in sorted(fits, key=lambda fit: (-fit[0], -fit[1].start())):
        if all(match.end() <= start or match.start() >= end for start, end in taken):
            taken.append(match.span())
            said.append((match.start(), _made(match, number, entry, option)))
    return [one for _, one in sorted(said, key=lambda pair: pair[0])]


def _counts(meaning: Meaning, match: re.Match[str], option: re.Match[str] | None, *, alone: bool) -> bool:
    if meaning.of and (option is None or _flag(option) not in meaning.of):
        return False
    if not meaning.loose or option is not None or (alone and match.start() == 0):
        return True
    return _SPEAKS.search(match.string[: match.start()]) is not None


#: Somebody of ours speaks.
_SPEAKS = re.compile(
    r"qemu|kvm|QEMU|QMP|virt|vir[A-Z]|prober|GenericError|monitor|swtpm|"
    r"unsupported configuration|internal error|XML error|operation failed"
)

#: What is said of one option alone comes before what is said of any.
_OF_OPTION = 1000


def _flag(option: re.Match[str]) -> str:
    flag = option["flag"]
    return {"-M": "-machine"}.get(flag, "-" + flag.lstrip("-"))


def _made(match: re.Match[str], number: int, entry: Sentence, option: re.Match[str] | None) -> Said:
    values = {name: value for name, value in match.groupdict().items() if value is not None}
    meaning = entry.meaning
    flag = _flag(option) if option is not None else ""
    written = option["option"] if option is not None else ""
    known = {**_told(values), **_of_option(option)}
    about = _about(meaning, known)
    return Said(
        message=match[0][:_SHOWN],
        line=number,
        meaning=meaning,
        option=_filled(about[0], known),
        element=_filled(about[1], known),
        means=_filled(meaning.means, known),
        do=_filled(meaning.do, known),
        written=written if len(written) <= _SHOWN else f"{written[:_SHOWN]} …",
        flag=flag,
        fact=_fact(meaning, known),
    )


def _about(meaning: Meaning, known: Mapping[str, str]) -> tuple[str, str]:
    for case in meaning.cases:
        if case.pattern.match(known.get(case.hole, "")):
            return case.option, case.element
    return meaning.option, meaning.element


def _told(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in values.items()}


def _of_option(option: re.Match[str] | None) -> dict[str, str]:
    """``flag`` and ``first``, the first value of the option: the type of a device, the name of a machine."""
    if option is None:
        return {}
    told = {"flag": _flag(option)}
    value = (option["value"] or "").strip()
    if value.startswith("{"):
        named = re.search(r'"(?:driver|qom-type|type)":\s*"([^"]+)"', value)
        return {**told, "first": named[1]} if named else told
    first = value.partition(",")[0]
    first = re.sub(r"^(?:type|driver|qom-type|model|backend)=", "", first)
    return {**told, "first": first} if first and "=" not in first and " " not in first else told


_HOLE = re.compile(r"\{(\w+)\}")


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: known.get(hole[1], "…"), text)


def _fact(meaning: Meaning, known: Mapping[str, str]) -> str:
    if any(name not in known for name in _HOLE.findall(meaning.fact)):
        return ""
    return _filled(meaning.fact, known)


def _is_hint(line: str, book: Book) -> bool:
    return any(re.search(one.body, line) for one in (*book.hints, *book.noise))


_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d{4}:?)?|\b\d{2,}\b")


def _without_time(line: str) -> str:
    """The same for lines that differ in their time alone."""
    return _TIME.sub("0", line)
