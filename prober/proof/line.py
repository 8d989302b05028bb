"""How a QEMU is started with somebody's line: as it is, stopped, and with QMP on a descriptor of its own."""

from __future__ import annotations

from dataclasses import dataclass

from prober.qemu.launch import Launch

#: Its character device and its monitor; no id of QEMU's, nor of anybody's.
_MONITOR_ID = "prober-qmp"


@dataclass(frozen=True)
class LineLaunch(Launch):
    """A binary with these ``words``; ``is_stopped`` keeps the guest from running."""

    words: tuple[str, ...] = ()
    is_stopped: bool = True

    def argv(self) -> list[str]:
        """The command line."""
        return [
            self.binary,
            *self.words,
            *(("-S",) if self.is_stopped else ()),
            *("-chardev", f"socket,fd=1,id={_MONITOR_ID}"),
            *("-mon", f"chardev={_MONITOR_ID},mode=control"),
        ]
