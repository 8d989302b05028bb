"""Command lines as files have them: libvirt's ``.args``, shell scripts, systemd's units; each word with its place.

Nothing is run.  What a script sets by itself is known, and what the environment has; anything else that a word depends
on is not, and a line with such a word is no line that could be checked.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prober.commandline.parse import MOST_CHARACTERS
from prober.commandline.written_shell import split_script
from prober.commandline.written_unit import is_unit, split_unit
from prober.commandline.written_word import Word
from prober.errors import UsageError

#: What a QEMU is called, wherever it lies; Debian and Proxmox call it kvm, RHEL qemu-kvm.
_QEMU = re.compile(r"(?:.*/)?(?:qemu-system-\w+|qemu-kvm|kvm|qemu)")

#: Who starts another program that stands behind it, after options and numbers of its own.
_WRAPPERS = frozenset(
    (
        *("exec", "sudo", "doas", "env", "nohup", "nice", "ionice", "setsid", "taskset", "numactl", "time"),
        *("systemd-run", "command", "chrt", "stdbuf", "strace", "gdb", "valgrind", "unshare", "ip", "netns", "eval"),
        *("then", "else", "do", "if", "while", "until", "!"),
    )
)

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)

#: What stands between a wrapper and its program: options, numbers, settings of the environment.
_OF_A_WRAPPER = re.compile(r"-.*|[\d,x-]+|[A-Za-z_]\w*=.*|--", re.DOTALL)


#: All that a script was called with.
_OF_THE_CALLER = ("@", "*")


class FilePlace(NamedTuple):
    """A place in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class WrittenLine:
    """One command line of a text, the binary first.  ``left_out`` are words that only whoever calls a script knows."""

    words: tuple[Word, ...]
    text: str
    left_out: tuple[Word, ...] = ()

    @property
    def argv(self) -> list[str]:
        """The words alone."""
        return [word.text for word in self.words]

    def find(self, position: int, part: str, place: Callable[[int], FilePlace]) -> FilePlace:
        """Where a finding points to: the part of the option at a position, or else the option."""
        for word in self.words[position + 1 : position + 2], self.words[position : position + 1]:
            for one in word:
                at = self.text.find(part, one.start, one.end) if part else -1
                if at >= 0:
                    return place(at)
        return place(self.words[position].start if position < len(self.words) else 0)


def places(text: str) -> Callable[[int], FilePlace]:
    """Who tells the line and column of a place in a text."""
    begins = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> FilePlace:
        line = bisect_right(begins, offset)
        return FilePlace(line, offset - begins[line - 1] + 1)

    return place


def read_written(text: str, name: str, environment: Mapping[str, str] | None = None) -> list[WrittenLine]:
    """Every command line of QEMU's in a text, in order.

    ``name`` is what the text is called: a unit may depend on it.  Without any QEMU by name, a text of one command is
    taken for a QEMU's.

    :raise UsageError: where there is none, a quote does not end, or a word depends on what is not known.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"{name}: it has more than {MOST_CHARACTERS} characters", hint="is this another file?")
    known = os.environ if environment is None else environment
    try:
        commands = split_unit(text, name, known) if is_unit(text) else split_script(text, known)
    except ValueError as error:
        raise UsageError(f"{name}: not a shell command line: {error}") from error
    commands = [bare for command in commands if (bare := _without_assignments(command))]
    found = [line for command in commands if (line := _of_qemu(command))]
    commands = found or commands
    # Where it is, whether it runs, and of which version it is, is asked without a guest.
    found = commands if len(commands) == 1 else [line for line in found if len(line) > 1]
    if not found:
        raise UsageError(f"{name}: it has no command line of a QEMU", hint="its first word is qemu-system-…, or kvm")
    return [_known(line, text, name) for line in found]


def is_called_qemu(program: str) -> bool:
    """Whether a program is called as a QEMU is."""
    return _QEMU.fullmatch(program) is not None


def _without_assignments(command: Sequence[Word]) -> list[Word]:
    first = next((number for number, word in enumerate(command) if not _ASSIGNMENT.fullmatch(word.text)), len(command))
    return list(command[first:])


def _of_qemu(command: Sequence[Word]) -> list[Word]:
    """The words from a QEMU on, where the command starts one; else none."""
    is_wrapped = False
    for number, word in enumerate(command):
        if is_called_qemu(word.text) or (word.unknown and "QEMU" in word.unknown.upper()):
            return list(command[number:])
        is_of_option = number > 0 and command[number - 1].text[:1] == "-"
        if word.text.rpartition("/")[2] in _WRAPPERS:
            is_wrapped = True
        elif not is_wrapped or not (is_of_option or _OF_A_WRAPPER.fullmatch(word.text)):
            return []
    return []


def _known(words: Sequence[Word], text: str, name: str) -> WrittenLine:
    """A line without what its caller gives (``"$@"``).

    :raise UsageError: where another word is not known.
    """
    kept = [word for word in words if word.unknown not in _OF_THE_CALLER]
    for word in kept[1:]:
        if word.unknown:
            line, column = places(text)(word.start)
            raise UsageError(
                f"{name}:{line}:{column}: nobody can tell what ${word.unknown} is before this is run",
                hint="set it in the environment, or give the words after --",
            )
    return WrittenLine(tuple(kept), text, tuple(word for word in words if word.unknown in _OF_THE_CALLER))
