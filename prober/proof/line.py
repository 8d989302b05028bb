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


@dataclass(frozen=True)
class LineLaunch(Launch):
    """A binary with these ``words``; ``is_stopped`` keeps the guest from running."""

    is_stopped: bool = True

    def argv(self, descriptor: int = 1) -> list[str]:
        """The command line; its monitor comes last, so that a line's own is the first as it would be without us."""
        stopped = ("-S",) if self.is_stopped else ()
        monitor = unused_id(_MONITOR_ID, self.words or ())
        channel = ("-chardev", f"socket,fd={descriptor},id={monitor}")
        return [*super().argv(descriptor), *stopped, *channel, *self.monitor]

    @property
    def monitor(self) -> tuple[str, str]:
        """The option by which it has our monitor, of which QEMU 11.1 says that it is deprecated."""
        return "-mon", f"chardev={unused_id(_MONITOR_ID, self.words or ())},mode=control"


def launch_of(box: Box, words: tuple[str, ...], *, is_stopped: bool = True) -> LineLaunch:
    """The launch of the box's binary with these words."""
    return LineLaunch(box.view.binary, words=words, box=box, apart=True, is_stopped=is_stopped)
