"""Which words may stand where a command line is being typed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from prober.cli.commands import COMMANDS, Command
from prober.cli.completion.names import Names, Nobody, Recorded, Served
from prober.qemu.bundled import bundled_names, named_recording

#: Options of QEMU's whose value begins with a name that a QEMU lists.
_DEVICES = ("-device", "--device", "-object", "--object", "-global", "--global")
_MACHINES = ("-machine", "--machine", "-M")
_CPUS = ("-cpu", "--cpu")

#: Parameters whose value is a file, by the word that stands for it in the help.
_FILES = ("FILE", "PATH", "DIR", "VM.xml", "[VM.xml]", "QEMU")

#: Where QEMUs are found, as the service looks for them.
_QEMUS = (Path("/usr/bin"), Path("/usr/local/bin"))


@dataclass
class Candidates:
    """Words that may stand there, each with what it is (empty: nothing to say).

    ``files``: so may any file.  ``open``: more may follow without a space.
    """

    words: dict[str, str] = field(default_factory=dict)
    files: bool = False
    open: bool = False

    def add(self, words: Iterable[str], begin: str) -> None:
        """These, as far as they begin so."""
        for word in words:
            if word.startswith(begin):
                self.words.setdefault(word, "")


def find_candidates(words: Sequence[str]) -> Candidates:
    """What may stand in the place of the last word; the first is the command itself."""
    found = Candidates()
    *before, current = list(words[1:]) or [""]
    rows: Sequence[Command] = COMMANDS
    row: Command | None = None
    while before and (row is None or row.within):
        word = before.pop(0)
        row = next((one for one in rows if one.name == word), None)
        if row is None:
            if word.startswith("-"):
                continue
            return found
        rows = row.within
    if row is None or row.within:
        found.words = {one.name: one.summary for one in rows if one.name.startswith(current)}
        if current.startswith("-"):
            found.add(("--version", "--help") if row is None else ("--help",), current)
        return found
    return _Typed(row, before, current).candidates(found)


class _Typed:
    """What is typed of one command's own words."""

    def __init__(self, row: Command, before: list[str], current: str) -> None:
        from prober.cli.main import declare

        self._row = row
        self._current = current
        declared = declare(row)
        self._arguments = [one for one in declared.params if one.param_type_name == "argument"]
        self._options = [one for one in declared.params if one.param_type_name == "option" and not one.hidden]
        self._by_name = {name: one for one in self._options for name in (*one.opts, *one.secondary_opts)}
        self._given: dict[str, str] = {}
        self._words: list[str] = []
        self._awaits: Any = None
        self._ended = False
        self._read(before)

    def _read(self, before: list[str]) -> None:
        """Take the words before the last apart, as the command would."""
        interspersed = self._row.settings.get("allow_interspersed_args", True)
        for number, word in enumerate(before):
            if self._awaits is not None:
                self._given[self._awaits.name] = word
                self._awaits = None
            elif self._ended or (self._words and not interspersed):
                self._words.append(word)
            elif word == "--":
                self._ended = True
            elif word.startswith("--") and "=" in word:
                name, _, value = word.partition("=")
                if name in self._by_name:
                    self._given[self._by_name[name].name] = value
            elif word in self._by_name:
                option = self._by_name[word]
                self._given.setdefault(option.name, "")
                if not option.is_flag and number < len(before):
                    self._awaits = option
            elif not word.startswith("-"):
                self._words.append(word)

    def candidates(self, found: Candidates) -> Candidates:
        """What may stand there, put into ``found``."""
        current = self._current
        if self._awaits is not None:
            self._value(self._awaits, current, found)
        elif not self._ended and current.startswith("--") and "=" in current:
            name, _, value = current.partition("=")
            if name in self._by_name and not self._by_name[name].is_flag:
                self._value(self._by_name[name], value, found)
        elif self._row.name in ("check-argv", "prove") and (self._ended or self._words):
            self._of_qemu(found)
        elif not self._ended and current.startswith("-"):
            self._option(found)
        else:
            self._argument(found)
        return found

    def _option(self, found: Candidates) -> None:
        """The options that are not given yet, or may be given again."""
        for option in self._options:
            if option.multiple or option.name not in self._given:
                help_text = " ".join((option.help or "").split())
                found.words.update({name: help_text for name in option.opts if name.startswith(self._current)})
        found.add(("--help",), self._current)

    def _argument(self, found: Candidates) -> None:
        if not self._arguments:
            return
        argument = self._arguments[min(len(self._words), len(self._arguments) - 1)]
        if len(self._words) >= len(self._arguments) and argument.nargs != -1:
            return
        if self._row.name == "show" and argument.name == "name":
            what = self._words[0] if self._words else ""
            names = {"type": self._names.types, "command": self._names.commands}.get(what)
            found.add(sorted(names()) if names else (), self._current)
        else:
            self._value(argument, self._current, found)

    def _value(self, parameter: Any, begin: str, found: Candidates) -> None:
        named = str(parameter.metavar or "")
        choices = getattr(parameter.type, "choices", None)
        if choices:
            found.add(map(str, choices), begin)
        elif "FACT" in named:
            self._facts(begin, found)
        elif named == "MACHINE" or parameter.name == "machine":
            found.add(sorted(self._names.machines()), begin)
        elif parameter.name == "virttype":
            found.add(("kvm", "qemu"), begin)
        elif parameter.name in ("words", "text") and self._row.name == "why":
            found.files = True
        else:
            self._file(parameter, named, begin, found)

    def _file(self, parameter: Any, named: str, begin: str, found: Candidates) -> None:
        name = parameter.name
        if name in ("binary", "binaries") or "QEMU" in named or "BINARY" in named:
            qemus = {str(path) for place in _QEMUS for path in place.glob("qemu-system-*")}
            found.add(sorted(qemus), begin)
        if name in ("replies", "fallback_replies", "recordings", "against", "a", "b", "first", "second", "old", "new"):
            found.add(bundled_names(), begin)
        is_path = type(parameter.type).__name__ in ("TyperPath", "Path")
        found.files = is_path or bool(found.words) or any(word in named for word in _FILES)

    def _facts(self, begin: str, found: Candidates) -> None:
        owner, dot, _ = begin.partition(".")
        if begin.startswith("-"):
            options = self._names.options()
            if dot:
                found.add((f"{owner}.{key}" for key in options.get(owner[1:], ())), begin)
            else:
                found.add((f"-{name}" for name in options), begin)
            return
        if dot:
            # A type's own name may have a dot in it.
            owners = [begin[:place] for place, one in enumerate(begin) if one == "."]
            for name in reversed(owners):
                found.add((f"{name}.{one}" for one in sorted(self._names.properties(name))), begin)
                if found.words:
                    return
        found.open = True  # A dot and the name of a property may follow.
        # Machines and CPU models have shorter names than their types.
        found.add(sorted(name for name in self._names.types() if not name.endswith(("-machine", "-cpu"))), begin)
        for names in (self._names.machines, self._names.cpus, self._names.commands):
            found.add(sorted(names()), begin)

    def _of_qemu(self, found: Candidates) -> None:
        """The words of a QEMU's own command line."""
        current = self._current
        if not self._words:
            found.files = True
        elif self._words[-1] in _DEVICES:
            driver, comma, rest = current.rpartition(",")
            if comma:
                typename = driver.partition(",")[0]
                properties = (f"{driver},{one}=" for one in sorted(self._names.properties(typename)))
                found.add(properties, current)
                found.open = "=" not in rest
            else:
                found.add(sorted(self._names.types()), current)
        elif self._words[-1] in _MACHINES:
            found.add(sorted(self._names.machines()), current)
        elif self._words[-1] in _CPUS:
            found.add(sorted(self._names.cpus()), current)
        elif current.startswith("-"):
            found.add((f"-{name}" for name in sorted(self._names.options())), current)
        else:
            found.files = True

    @cached_property
    def _names(self) -> Names:
        """Who the words before name; else the service that would be asked, or the newest recording that comes along."""
        if self._given.get("replies"):
            path = find_recording(self._given["replies"])
            return Recorded(path) if path is not None else Nobody()
        from prober.cli.choosing import find_socket

        told = self._given.get("socket")
        socket = Path(told) if told else find_socket()
        if socket is not None and socket.is_socket():
            return Served(socket, self._given.get("binary") or None)
        path = find_recording("")
        return Recorded(path) if path is not None else Nobody()


def find_recording(word: str) -> Path | None:
    """The recording that a word names: a file, or one that comes along; the newest of these for none."""
    if word and os.path.isfile(word):  # noqa: PTH113 - a word that is no path is none
        return Path(word)
    if "/" in word:
        return None
    names = bundled_names() if not word else [word]
    found = named_recording(Path(names[-1])) if names else None
    return found if found is not None and found.is_file() else None


def lines_of(found: Candidates) -> Iterator[str]:
    """As the shells' scripts read it: ``:files`` and ``:open`` first, then a word a line, a tab, and what it is."""
    if found.files:
        yield ":files"
    if found.open:
        yield ":open"
    for word, what in found.words.items():
        if word.isprintable():
            yield f"{word}\t{what}" if what.isprintable() else word
