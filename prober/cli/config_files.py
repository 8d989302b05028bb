"""The files that ``-readconfig`` names: the command reads them, and asks about the options that are in them.

The service opens nothing that a client names, so it is sent the options.  A file that is not here is left to who
answers, who says that it was not read.  What reads a file is imported where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from prober.errors import UsageError

_FLAG = "-readconfig"

#: Two words of ``<qemu:commandline>``, whatever the prefix of their namespace is.
_IN_XML = re.compile(
    r"""<(?P<prefix>[\w.-]{1,64}):arg\s+value=(?P<a>['"])--?readconfig(?P=a)\s*/>\s*"""
    r"""<(?P=prefix):arg\s+value=(?P<b>['"])(?P<file>[^'"<>]{1,4096})(?P=b)\s*/>"""
)


class ExpandedWords(NamedTuple):
    """The words of a command line with what its files say, and for each the word that it comes from, with a name of the
    place in the file (empty for what stood there itself)."""

    words: list[str]
    origins: list[tuple[int, str]]

    def put_back(self, told: Any) -> Any:
        """What is told of the words, by the words that were given; what is told of a file names it."""
        if isinstance(told, list):
            return [self.put_back(item) for item in told]
        if not isinstance(told, dict):
            return told
        changed = {key: self.put_back(value) for key, value in told.items()}
        at = told.get("position")
        if isinstance(at, int) and at < len(self.origins):
            changed["position"], place = self.origins[at]
            if place and "message" in changed:
                changed["message"] = f"{place}: {changed['message']}"
        return changed


def expand_words(words: Sequence[str]) -> ExpandedWords:
    """The words with the options of each file of ``-readconfig`` in its place, as far as they are here.

    :raise UsageError: where a file is not one that QEMU reads.
    """
    if not any(word.endswith("-readconfig") for word in words):
        return ExpandedWords([*words], [(at, "") for at in range(len(words))])
    from prober.commandline.parse import split_options

    files = {
        position.word: (value, found)
        for position, value in split_options([*words])
        if position.flag == _FLAG and value is not None and (found := _read(value)) is not None
    }
    expanded: list[str] = []
    origins: list[tuple[int, str]] = []
    for at, word in enumerate(words):
        if at in files:
            name, options = files[at]
            for line, flag, value in options:
                expanded += [flag, value]
                origins += [(at, f"{name}:{line}")] * 2
        elif at - 1 not in files:
            expanded.append(word)
            origins.append((at, ""))
    return ExpandedWords(expanded, origins)


def expand_xml(xml: bytes) -> bytes:
    """A domain whose ``<qemu:commandline>`` has the options of each file of ``-readconfig`` in its place, in the same
    line.

    :raise UsageError: where a file is not one that QEMU reads.
    """
    if b"readconfig" not in xml:
        return xml
    try:
        text = xml.decode()
    except UnicodeDecodeError:
        return xml  # in another encoding; what is not read is refused
    return _IN_XML.sub(lambda match: _arguments(match), text).encode()


def _arguments(match: re.Match[str]) -> str:
    found = _read(unescape(match["file"]))
    if found is None:
        return match[0]
    lines = match[0].count("\n")
    return "".join(_argument_words(found, match["prefix"])) + "\n" * lines


def _argument_words(options: Sequence[tuple[int, str, str]], prefix: str) -> Iterator[str]:
    from xml.sax.saxutils import quoteattr

    for _, *words in options:
        for word in words:
            yield f"<{prefix}:arg value={quoteattr(word)}/>"


def _read(name: str) -> Sequence[tuple[int, str, str]] | None:
    """The options of a file: line, flag and value; None where it is not here."""
    from prober.capabilities.plain import read_plain
    from prober.commandline.config_file import MOST_OF_A_CONFIG, read_config

    try:
        data = read_plain(Path(name), MOST_OF_A_CONFIG)
    except (OSError, ValueError):
        return None
    try:
        return read_config(data.decode(), name)
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8") from error
