"""The process between us and bubblewrap: nothing that was started below it outlives it, whenever we are killed.

Bubblewrap alone does not see to that.  While it makes a box, the kernel takes the parent-death signal away from it (it
changes its credentials, prctl(2)), its inner process has none yet and waits for the outer one without end, and neither
looks whether its parent is there still when it asks for the signal (``handle_die_with_parent`` of bubblewrap 0.8 and
0.11).  Who was killed in these milliseconds left a box behind, with its QEMU or without.

What loses its parent becomes a child of the guard (PR_SET_CHILD_SUBREAPER, which outlives exec, as the parent-death
signal does).  It is a shell, which costs a millisecond and as much memory as nothing: a second fork of ours would cost
ten times that.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Sequence

#: Has a guard end all that it guards, and itself: sent by us, and by the kernel when we have ended.
ENDS = signal.SIGTERM

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl

#: On which descriptor a QMP of its own is behind a guard: shells know those of one digit.
APART = 8

#: Starts its words with the descriptor that is its own input, closes all that it has itself, and ends as they did,
#: with 128 and the signal's number where they were killed.  Told to end, it kills whoever is its child then.  Behind
#: the end of bubblewrap's outer process that is the inner one: with it all ends that is in the box.  It may be told
#: twice, by us and by the kernel, and each time that interrupts ``wait``, so it waits until that process is gone, and
#: once more for how it ended, of which the shell may have learned while it was interrupted (127: that was told before).
#: (POSIX's shell: what runs beside it has no input but what is named.)
_SCRIPT = """
exec 9<&0
finish() { read -r left </proc/$$/task/$$/children; [ -z "$left" ] || kill -9 $left; }
trap 'told=yes; finish' TERM
"$@" {descriptor}<&9 9<&- &
exec <&- >&- 2>&- 9<&-
wait $!
code=$?
again() { wait $!; now=$?; [ $now != 127 ] && code=$now; }
[ -z "$told" ] || { while kill -0 $!; do again || break; done; again; }
finish
exit $code
"""


def guarded(command: Sequence[str], *, apart: bool) -> list[str]:
    """What is executed so that this command runs below a guard, with the standard input of that as its own; with
    ``apart`` on descriptor :data:`APART`, and with an input that is empty."""
    script = _SCRIPT.replace("{descriptor}", str(APART if apart else 0))
    # What the shell itself says of a command that cannot be had is said in that one's name.
    return ["/bin/sh", "-c", script, "bwrap", *command]


def become_guard() -> None:
    """To be called between fork and exec, where what is executed is :func:`guarded`."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _prctl(_PR_SET_PDEATHSIG, ENDS, 0, 0, 0)
