"""The process that forks the workers: it has no thread, no client and no lock, and waits for the service's word.

What every worker needs is imported here once, and is shared by all of them as long as nobody writes to it.  The
service's end of the control socket closes with the service, however that ends; then this ends, and with it its
children (the parent-death signal, prctl(2)).

What a child leaves behind becomes a child of ours (PR_SET_CHILD_SUBREAPER), and is killed.  A box has a guard that sees
to that by itself (:mod:`prober.qemu.box.guard`); here it is seen to that all of it has ended before we do.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from prober.service.logs.start import start_logging
from prober.service.workers.child import work_for

#: The most bytes of what the service asks of the nursery.
_MOST_ASKED = 65536

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36

#: So many more objects before the youngest are looked at: a translation makes and drops thousands, an interview tens of
#: thousands.
_COLLECT_AFTER = 20_000

#: Has the nursery end, and all that it made: sent by the service, and by the kernel when that has ended.
ENDS = signal.SIGUSR1

#: What it takes notice of.
_NOTICED = frozenset({signal.SIGCHLD, ENDS})

#: How long (seconds) it waits at most until all have ended.
_PATIENCE = 5.0

_libc = ctypes.CDLL(None)


def run_nursery(control: socket.socket, parent: int) -> NoReturn:
    """Fork a worker for each socket that comes over ``control``, until the service at its other end has gone.

    This is the whole life of the process, which has nothing else open; ``parent`` is who started it.
    """
    status = 1
    try:
        signal.signal(ENDS, lambda *_: _end())
        _settle(b"prober-nursery", parent, ENDS)
        for handler in logging.getLogger().handlers:
            handler.close()
        _close_all_but(control.fileno())
        start_logging(logging.getLogger("prober").level or logging.WARNING)
        gc.set_threshold(_COLLECT_AFTER, 10, 10)  # as all that it forks have it
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # Who ends is told of by the pidfd that the service has; nobody waits for the status.
        signal.signal(signal.SIGCHLD, lambda *_: _clear_up())
        while _serve_one(control):
            pass
        status = 0
    finally:
        _end(status)


#: Our own children, as far as they have not ended.
_own: set[int] = set()


def _clear_up() -> None:
    """Take notice of who has ended, and kill whom they left behind."""
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            _own.discard(pid)
    for pid in _children():
        if pid not in _own:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _end(status: int = 0) -> NoReturn:
    """End, once all children have, and all that they left behind."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        until = time.monotonic() + _PATIENCE
        while (left := _children()) and time.monotonic() < until:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    finally:
        os._exit(status)


def _children() -> list[int]:
    """All children, also those that were others' before (proc(5)).

    Asked in the middle of anything, also of an import, it imports nothing, and a text's codec would be imported: the
    import that it came into would fail (in Python before 3.13 ``_ModuleLock.acquire`` cannot be entered twice).
    """
    with open("/proc/thread-self/children", "rb", buffering=0) as file:  # noqa: PTH123 - ten times as fast
        return [int(pid) for pid in file.readall().split()]


def _settle(name: bytes, parent: int, death: signal.Signals) -> None:
    """Die with the parent, and with nothing else: who stops the service stops it alone, and it stops us."""
    _libc.prctl(_PR_SET_PDEATHSIG, death, 0, 0, 0)
    _libc.prctl(_PR_SET_NAME, name, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # No SIG_IGN: what we start would inherit it.
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(-1)
    os.environ.pop("NOTIFY_SOCKET", None)


def _close_all_but(kept: int) -> None:
    """No client's socket, no listener, no file: the standard streams and this one alone."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def _serve_one(control: socket.socket) -> bool:
    """Fork one worker; False where the service has gone."""
    asked, descriptors, _, _ = socket.recv_fds(control, _MOST_ASKED, 1)
    if not asked:
        return False
    told: dict[str, Any] = json.loads(asked)
    ours = os.getpid()
    problem = _prepare(told)
    if problem or not descriptors:
        _answer(control, {"error": problem or "no socket came"})
    else:
        # A child that ends at once is there to be opened until this is over.
        signal.pthread_sigmask(signal.SIG_BLOCK, _NOTICED)
        pid = _fork(control, descriptors[0], told, ours)
        pidfd = os.pidfd_open(pid) if pid > 0 else -1
        if pid > 0:
            _own.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOTICED)
        _answer(control, {"pid": pid} if pid > 0 else {"error": f"no process can be had: {os.strerror(-pid)}"}, pidfd)
        if pidfd >= 0:
            os.close(pidfd)
    for descriptor in descriptors:
        os.close(descriptor)
    return True


def _fork(control: socket.socket, descriptor: int, told: Mapping[str, Any], parent: int) -> int:
    """The worker's number; minus an error's number where there is none."""
    try:
        pid = os.fork()
    except OSError as error:
        return -(error.errno or 1)
    if pid:
        return pid
    try:
        for number in _NOTICED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOTICED)
        name = b"prober-asking" if told["kind"] == "asking" else b"prober-worker"
        _settle(name, parent, signal.SIGKILL)
        control.close()
        _child_of(told)(socket.socket(fileno=descriptor), told)
    except BaseException:  # noqa: BLE001 - whatever it was, this process has to end here
        with suppress(Exception):
            sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _child_of(told: Mapping[str, Any]) -> Callable[[socket.socket, Mapping[str, Any]], None]:
    if told["kind"] == "asking":
        from prober.service.workers.asking import ask_for

        return ask_for
    return work_for


def _answer(control: socket.socket, told: Mapping[str, Any], descriptor: int = -1) -> None:
    with suppress(OSError):  # The service has gone; the next look at the socket tells.
        socket.send_fds(control, [json.dumps(told).encode()], [descriptor] if descriptor >= 0 else [])


def _prepare(told: Mapping[str, Any]) -> str:
    """Import what this kind of worker needs, where that was not done yet; what is wrong, or nothing."""
    try:
        if told["kind"] == "asking":
            import prober.service.workers.asking  # noqa: F401 - for each that is forked
        else:
            from prober.service.workers.work import prepare

            if prepare(told.get("host"), told.get("epoch", 0)):
                gc.collect()
                gc.freeze()
    except Exception as error:  # noqa: BLE001 - it is told to the one who asked
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    run_nursery(socket.socket(fileno=int(sys.argv[1])), os.getppid())
