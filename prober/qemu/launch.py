"""How a QEMU is started to be asked: its command line, its surroundings, and what dies with us.

QEMU gets one end of a socketpair as standard input *and* output, and speaks QMP on it: no socket path, no
race, nothing to clean up.  It is told to use descriptor 1 for both directions (``-chardev socket,fd=1``):
introspecting ``chardev-parallel`` makes QEMU close descriptor 0 (seen with 7.2), and one that reads QMP from
its standard input is deaf from then on.  ``fd=`` is known from QEMU 2.12; older ones get ``-chardev stdio``.

The process is forked here, with a function run between fork and exec, and not through asyncio: the
parent-death signal must be set before exec, and the death of a parent that went away *before* that must be
noticed, which no chain of helper programs can do.  The signal is bound to the thread that forks: that is the
event loop's thread, without which nobody would ask the QEMU anything.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from prober.errors import LaunchError, UsageError
from prober.qemu.box.child import prepare_child
from prober.qemu.box.guard import APART
from prober.qemu.box.model import Box

AccelName = Literal["kvm", "tcg"]

_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}

#: The host, or we, are short of something now: processes, descriptors, memory.
_SHORTAGES = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})

_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


@dataclass(frozen=True)
class Launch:
    """One way to start a binary.

    ``root`` is a directory that QEMU is started inside of (chroot); with a box that is the box's matter.
    ``kvm_will_do`` allows KVM for a binary that was built without TCG.  ``words`` are the command line behind the
    binary where it is not that of an interview; QMP is then theirs to speak, on descriptor 1
    (``-chardev socket,fd=1,id=qmp -mon chardev=qmp,mode=control``).  ``box`` confines it, None leaves it as it is.
    ``apart`` has QMP on a descriptor of its own, which :meth:`argv` is told, and nothing on the standard ones: the
    command line of somebody else may use these.
    """

    binary: str
    accel: AccelName = "tcg"
    root: Path | None = None
    sandbox: bool = True
    by_descriptor: bool = True
    kvm_will_do: bool = False
    words: tuple[str, ...] | None = None
    box: Box | None = None
    apart: bool = False

    @property
    def is_guarded(self) -> bool:
        """Whether what is started is the guard of a box (:mod:`prober.qemu.box.guard`)."""
        return self.box is not None and self.box.is_guarded

    def argv(self, descriptor: int = 1) -> list[str]:
        """The command line of QEMU, which speaks QMP on this descriptor."""
        if self.words is not None:
            own = self.box.words if self.box is not None and self.sandbox else ()
            return [self.binary, *self.words, *own]
        # `none,accel=` is understood by every version; `-accel` more than once only from 2.9.
        machine = "none,accel=kvm:tcg" if self.accel == "kvm" else "none,accel=tcg"
        chardev = "socket,fd=1,id=qmp" if self.by_descriptor else "stdio,id=qmp"
        return [
            self.binary,
            "-S",
            "-no-user-config",
            "-nodefaults",
            *("-display", "none"),
            *("-machine", machine),
            *(("-sandbox", _SANDBOX) if self.sandbox else ()),
            *("-chardev", chardev),
            *("-mon", "chardev=qmp,mode=control"),
        ]

    def command(self, descriptor: int = 1) -> list[str]:
        """What is executed: the command line of QEMU, or of what puts it into its box."""
        argv = self.argv(descriptor)
        return argv if self.box is None else self.box.command(argv, apart=self.apart)

    def status(self, code: int) -> int:
        """How QEMU ended, for how what was executed did: its status, or minus the number of the signal."""
        return code if self.box is None else self.box.status(code)

    def plainer(self, stderr: str) -> Launch | None:
        """A plainer way to start a binary that ended at once with these words; None where none would help.

        For what is asked in an interview alone: at the last with less of a box, and then without.
        """
        words = stderr.lower()
        if self.sandbox and ("sandbox" in words or "seccomp" in words):
            return replace(self, sandbox=False)
        if self.by_descriptor and "chardev" in words:
            return replace(self, by_descriptor=False)
        if self.accel == "tcg" and self.kvm_will_do and "accelerator" in words:
            return replace(self, accel="kvm")
        return None if self.box is None else replace(self, box=self.box.without_view())

    def what_helps(self, stderr: str) -> str:
        """What would help a binary that ended at once with these words; empty where that is not known.

        Debian's ``qemu-system-x86_64-microvm`` is built without TCG, and says no more than ``invalid accelerator tcg``.
        """
        if "invalid accelerator tcg" in stderr.lower():
            return "it was built without TCG: it answers where /dev/kvm can be opened, and accel is not tcg"
        return ""


def find_kvm(root: Path | None) -> bool:
    """Whether ``/dev/kvm`` can be opened by us, and so by a QEMU that we start."""
    try:
        os.close(os.open((root or Path("/")) / "dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def may_be_kvm(accel: str) -> bool:
    """Whether it leaves room for KVM: ``auto`` does, ``tcg`` does not.

    :raise UsageError: where it is neither.
    """
    if accel not in ("auto", "tcg"):
        raise UsageError(f"accel is auto or tcg, not {accel!r}")
    return accel == "auto"


def spawn(launch: Launch, qmp: socket.socket, stderr: int) -> subprocess.Popen[bytes]:
    """Start a process of its own session and group, with ``qmp`` as input and output, or apart from these.

    :raise LaunchError: where it cannot be started.  No process is left then.
    """
    descriptor = qmp.fileno()
    standard = subprocess.DEVNULL if launch.apart else descriptor
    theirs = APART if launch.is_guarded else descriptor
    try:
        with ExitStack() as held:
            return subprocess.Popen(  # noqa: S603 - which binaries may be asked is the catalog's decision
                launch.command(theirs if launch.apart else 1),
                stdin=descriptor if launch.is_guarded else standard,
                stdout=standard,
                stderr=stderr,
                pass_fds=(descriptor,) if launch.apart and not launch.is_guarded else (),
                cwd="/",
                env=_environment(launch),
                start_new_session=True,
                umask=0o077,
                preexec_fn=prepare_child(launch.box, launch.root, held),
            )
    except OSError as error:
        reason = error.strerror or str(error)
        refused = LaunchError(f"cannot start {launch.binary}: {reason}", hint=_hint(error))
        refused.may_pass = error.errno in _SHORTAGES
        raise refused from error
    except (subprocess.SubprocessError, ValueError) as error:
        # The first hides any error of the preparation, the second is a NUL in the path.
        raise LaunchError(f"cannot start {launch.binary}: {error}") from error


def _environment(launch: Launch) -> dict[str, str]:
    """QEMU's temporary files (``snapshot=on``) go where it may write."""
    return _ENVIRONMENT if launch.box is None else {**_ENVIRONMENT, "TMPDIR": launch.box.theirs}


def _hint(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "is QEMU installed, the path right, and does its interpreter exist?"
        case errno.EACCES | errno.EPERM:
            return "is it executable by this user?"
        case errno.ENOEXEC:
            return "is it a program for this machine?"
    return ""
