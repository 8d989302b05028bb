"""The command line of ``bwrap`` that makes a box.  Pure: composing it touches nothing.

The options are those of bubblewrap 0.8 (Debian 12), ``bwrap(1)``.  Its own ``/dev`` has a terminal, ``/dev/pts`` and
links to descriptors; what QEMU gets here is made of single devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prober.qemu.box.view import View

_DEVICES = ("null", "zero", "full", "random", "urandom")

#: Who QEMU is inside, whoever it is outside.
_INSIDE = "65534"

#: What /tmp and /dev/shm may hold (bytes).  /dev/shm is where shm_open() makes a guest's memory (QEMU 9.1,
#: ``backends/hostmem-shm.c``): a file there may be of any size, what is written to it may not.
_TMP_BYTES = 16 << 20


@dataclass(frozen=True)
class Traits:
    """What bubblewrap can do here: a fresh ``/proc`` (not inside of most containers), and forbidding further user
    namespaces.  ``keeps_root`` is where root cannot become another user before bubblewrap starts."""

    proc: bool = True
    userns_disabled: bool = True
    keeps_root: bool = False


ALL_TRAITS = Traits()


def compose(
    bwrap: str, traits: Traits, view: View, stand_ins: tuple[str, str] | None, kvm: bool, argv: Sequence[str]
) -> list[str]:
    """The words that run ``argv`` in a box.

    ``stand_ins`` are the one place of the host to write to, if there is any, and where that is in the box.
    """
    return [
        bwrap,
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *(("--disable-userns",) if traits.userns_disabled else ()),
        *("--uid", _INSIDE, "--gid", _INSIDE, "--hostname", "box", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session"),
        *("--size", str(_TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108 - a fresh one, inside; a tree may lie below it
        *_shown(view),
        *(("--proc", "/proc") if traits.proc else ()),
        *_devices(kvm),
        *(("--bind", *stand_ins) if stand_ins is not None else ()),
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *argv,
    ]


def _shown(view: View) -> Iterator[str]:
    for one in view.seen:
        yield from ("--ro-bind-try", one.source, one.path) if one.link is None else ("--symlink", one.link, one.path)


def _devices(kvm: bool) -> Iterator[str]:
    for name in _DEVICES:
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    if kvm:
        yield from ("--dev-bind-try", "/dev/kvm", "/dev/kvm")
    yield from ("--size", str(_TMP_BYTES), "--tmpfs", "/dev/shm")  # noqa: S108 - a fresh one, inside
