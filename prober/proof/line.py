"""How a QEMU is started with somebody's line: as it is, stopped, and with QMP on a descriptor of its own."""

from __future__ import annotations

from dataclasses import dataclass

from prober.qemu.box.model import Box
from prober.qemu.launch import Launch

#: Its character device and its monitor; no id of QEMU's, nor of anybody's.
_MONITOR_ID = "prober-qmp"


@dataclass(frozen=True)
class LineLaunch(Launch):
    """A binary with these ``words``; ``is_stopped`` keeps the guest from running."""

    is_stopped: bool = True

    def argv(self, descriptor: int = 1) -> list[str]:
        """The command line; its monitor comes last, so that a line's own is the first as it would be without us."""
        return [
            *super().argv(descriptor),
            *(("-S",) if self.is_stopped else ()),
            *("-chardev", f"socket,fd={descriptor},id={_MONITOR_ID}"),
            *("-mon", f"chardev={_MONITOR_ID},mode=control"),
        ]


def launch_of(box: Box, words: tuple[str, ...], *, is_stopped: bool = True) -> LineLaunch:
    """The launch of the box's binary with these words."""
    return LineLaunch(box.view.binary, words=words, box=box, apart=True, is_stopped=is_stopped)
