"""One QEMU process: start it, talk QMP to it, record what it says, and always reap it."""

from prober.qemu.interview import Interview, interview
from prober.qemu.limits import Limits

__all__ = ["Interview", "Limits", "interview"]
