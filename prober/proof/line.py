"""How a QEMU is started with somebody's line: as it is, stopped, and with QMP on a descriptor of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from prober.qemu.box.model import Box
from prober.qemu.launch import Launch

#: What the id of its character device begins with.
_MONITOR_ID = "prober-qmp"


def unused_id(stem: str, words: Iterable[str]) -> str:
    """An id that no option of a line names: it ends in a digest of the whole."""
    text = "\0".join(words)
    return f"{stem}-{blake2b(text.encode(errors='surrogateescape'), digest_size=8).hexdigest()}"


def without_own_words(stderr: str) -> str:
    """What was written to standard error, without what is said of our own monitor (11.1 warns of it)."""
    return "".join(line for line in stderr.splitlines(keepends=True) if _MONITOR_ID not in line)


@dataclass(frozen=True)
class LineLaunch(Launch):
    """A binary with these ``words``; ``is_stopped`` keeps the guest from running."""

    is_stopped: bool = True

    def argv(self, descriptor: int = 1) -> list[str]:
        """The command line; its monitor comes last, so that a line's own is the first as it would be without us."""
        monitor = unused_id(_MONITOR_ID, self.words or ())
        return [
            *super().argv(descriptor),
            *(("-S",) if self.is_stopped else ()),
            *("-chardev", f"socket,fd={descriptor},id={monitor}"),
            *("-mon", f"chardev={monitor},mode=control"),
        ]


def launch_of(box: Box, words: tuple[str, ...], *, is_stopped: bool = True) -> LineLaunch:
    """The launch of the box's binary with these words."""
    return LineLaunch(box.view.binary, words=words, box=box, apart=True, is_stopped=is_stopped)
