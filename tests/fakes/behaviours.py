"""How fake QEMUs behave, each a function.  Standard library only: they run as processes of their own.

``at`` names a command or a type: the question at which something happens.  ``marks`` is a file that survives
the process, for what happens only once, and for a test to see what was done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable

from tests.fakes.speaker import TYPE_CHECKING, Speaker, names

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tests.fakes.speaker import Request


def run(behaviour: str, table: str, options: dict[str, Any]) -> None:
    globals()[behaviour](Speaker(table), **options)


def _serve(speaker: Speaker, at: str | None = None, instead: Callable[[Request], object] | None = None) -> None:
    """Greet and answer; at one question do something else."""
    speaker.greet()
    for request in speaker.requests():
        if at is not None and instead is not None and names(request, at):
            instead(request)
        else:
            speaker.answer(request)


def _hang(*_: object) -> NoReturn:
    while True:
        time.sleep(3600)


def _mark(marks: str) -> int:
    """One more line; returns how many there are."""
    with open(marks, "a") as file:
        file.write(f"{os.getpid()}\n")
    with open(marks) as file:
        return len(file.readlines())


def _die(how: int) -> NoReturn:
    if how < 0:
        os.kill(os.getpid(), -how)
        _hang()
    os._exit(how)


# Well behaved, some with the limits of their age.


def good(speaker: Speaker) -> None:
    _serve(speaker)


def notes_its_launches(speaker: Speaker, marks: str) -> None:
    _mark(marks)
    _serve(speaker)


def without_option(speaker: Speaker, option: str, words: str, marks: str) -> None:
    """Does not know one of the options that it is given."""
    _mark(marks)
    if any(option in argument for argument in sys.argv):
        sys.stderr.write(f"qemu: {words}\n")
        sys.exit(1)
    _serve(speaker)


def shows_itself(speaker: Speaker, marks: str) -> None:
    """Writes down what it was started with."""
    with open(marks, "w") as file:
        umask = os.umask(0)
        print(
            {
                "argv": sys.argv[1:],
                "environment": dict(os.environ),
                "directory": os.getcwd(),
                "umask": umask,
                "session": os.getsid(0) == os.getpid(),
                "descriptors": sorted(os.listdir("/proc/self/fd")),
            },
            file=file,
        )
    _serve(speaker)


def needs_modules(speaker: Speaker, types: list[str]) -> None:
    """Knows some types only once all types were listed."""
    speaker.greet()
    loaded = False
    for request in speaker.requests():
        loaded = loaded or request["execute"] == "qom-list-types"
        if not loaded and any(names(request, one) for one in types):
            error = {"class": "DeviceNotFound", "desc": "Class not found"}
            speaker.send({"error": error, "id": request["id"]})
        else:
            speaker.answer(request)


def tells_of_files(speaker: Speaker) -> None:
    """Its version's package is what the last line of each of some files says, its own among them; others it has mapped.

    The table names them (``files``, ``mapped``): in its text they would be programs of a script.
    """
    import mmap

    held, told = [], {}
    for name, path in {"program": sys.argv[0], **speaker.answers["files"], **speaker.answers["mapped"]}.items():
        try:
            with open(path, "rb") as file:
                told[name] = file.read().decode(errors="replace").strip().rpartition("\n")[2]
                if name in speaker.answers["mapped"]:
                    held.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            told[name] = type(error).__name__
    version = speaker.answers["query-version"]["return"]
    version["package"] = json.dumps(told)
    _serve(speaker)


# Given `help`.


def lists(speaker: Speaker) -> None:
    """As Debian 12's QEMU does, of each option."""
    heading = {"-display": "Available display backend types:", "-chardev": "Available chardev backend types: "}
    sys.stdout.write(f"{heading.get(sys.argv[-2], 'Available audio drivers:')}\nnone\n  sdl\n")
    sys.stderr.write("qemu: module ui-ui-gtk not found, do you want to install qemu-system-gui package?\n")


def replays_help(speaker: Speaker) -> None:
    """As the table has it."""
    said = speaker.answers[f'x-prober-help {{"option":"{sys.argv[-2][1:]}"}}']["return"]
    sys.stdout.write("".join(f"{line}\n" for line in said["stdout"]))
    sys.stderr.write("".join(f"{line}\n" for line in said["stderr"]))
    sys.exit(said["status"])


def lists_without_end(speaker: Speaker) -> None:
    sys.stdout.write("Available audio drivers:\n")
    while True:
        sys.stdout.write("none\n")


def lists_nonsense(speaker: Speaker) -> None:
    os.write(1, b"\xff\x00" + b"\n" * 500)
    os.write(2, b"\xff" * 100_000)


def crashes_of_help(speaker: Speaker) -> None:
    _die(-signal.SIGSEGV)


def hangs_at_help(speaker: Speaker) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang()


def leaves_a_child_at_help(speaker: Speaker) -> None:
    """A child that holds its output open, in its group."""
    if os.fork() == 0:
        _hang()


# Never a session.


def silent(speaker: Speaker) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang()


def closes_at_once(speaker: Speaker) -> None:
    pass


def complains(speaker: Speaker, words: str, status: int = 1) -> None:
    sys.stderr.write(words)
    sys.stderr.flush()
    os._exit(status)


def says_first(speaker: Speaker, data: bytes) -> None:
    """Begins with these bytes instead of a greeting, and stays."""
    speaker.send(data)
    _hang()


def greets_slowly(speaker: Speaker, seconds: float) -> None:
    time.sleep(seconds)
    _serve(speaker)


def refuses_to_negotiate(speaker: Speaker) -> None:
    speaker.greet()
    next(speaker.requests())
    speaker.send({"error": {"class": "GenericError", "desc": "not today"}})
    _hang()


# Floods.


def endless_line(speaker: Speaker, at: str | None = None) -> None:
    def flood(*_: object) -> None:
        while True:
            speaker.send(b"x" * 65536)

    if at is None:
        flood()
    _serve(speaker, at, flood)


def endless_events(speaker: Speaker, at: str) -> None:
    def flood(*_: object) -> None:
        while True:
            speaker.send({"event": "NOISE", "timestamp": {"seconds": 1, "microseconds": 2}, "data": {"x": "y" * 900}})

    _serve(speaker, at, flood)


def endless_stderr(speaker: Speaker, at: str) -> None:
    def flood(*_: object) -> None:
        while True:
            os.write(2, b"noise noise noise\n" * 1000)

    _serve(speaker, at, flood)


def huge_reply(speaker: Speaker, at: str, size: int) -> None:
    _serve(speaker, at, lambda request: speaker.send({"return": "x" * size, "id": request["id"]}))


# Wrong answers.


def says_at(speaker: Speaker, at: str, data: bytes) -> None:
    """Answers one question with these bytes."""
    _serve(speaker, at, lambda request: speaker.send(data.replace(b"ID", request["id"].encode())))


def hangs_at(speaker: Speaker, at: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _serve(speaker, at, _hang)


def hangs_until(speaker: Speaker, at: str, marks: str) -> None:
    """Hangs at a question in each process, until there is a file."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def hang(request: Request) -> None:
        if not os.path.exists(marks):
            _hang()
        speaker.answer(request)

    _serve(speaker, at, hang)


def answers_slowly(speaker: Speaker, seconds: float) -> None:
    speaker.greet()
    for request in speaker.requests():
        time.sleep(seconds)
        speaker.answer(request)


def hangs_up_at(speaker: Speaker, at: str) -> None:
    """Closes its connection, and lives on."""

    def close(*_: object) -> None:
        os.close(0)
        os.close(1)
        _hang()

    _serve(speaker, at, close)


def says_half_at(speaker: Speaker, at: str) -> None:
    def half(*_: object) -> None:
        speaker.send(b'{"return": [{"na')
        os._exit(0)

    _serve(speaker, at, half)


# Deaths.


def dies_at(
    speaker: Speaker, at: str, how: int, marks: str, times: int = 1 << 30, words: str = "", says: bytes = b""
) -> None:
    """Dies of a question, the first ``times`` times that it is asked."""

    def die(request: Request) -> None:
        if _mark(marks) > times:
            speaker.answer(request)
            return
        sys.stderr.write(words)
        sys.stderr.flush()
        speaker.send(says)
        _die(how)

    _serve(speaker, at, die)


def dies_in_a_module(speaker: Speaker, at: str, modules: str, how: int, marks: str) -> None:
    """Dies of each of some questions; types in ``modules`` it does not know before it has listed all types."""
    has_modules = False
    speaker.greet()
    for request in speaker.requests():
        has_modules |= names(request, "qom-list-types")
        if names(request, modules) and not has_modules:
            error = {"class": "DeviceNotFound", "desc": "not found"}
            speaker.send(json.dumps({"error": error, "id": request["id"]}).encode() + b"\n")
        elif names(request, at):
            _mark(marks)
            _die(how)
        else:
            speaker.answer(request)


def dies_late(speaker: Speaker, at: str, after: int, how: int, marks: str) -> None:
    """Answers ``at``, and dies some answers later, wherever that is."""
    speaker.greet()
    left = None
    for request in speaker.requests():
        if left == 0:
            _mark(marks)
            _die(how)
        speaker.answer(request)
        if names(request, at):
            left = after
        elif left is not None:
            left -= 1


def never_greets_again(speaker: Speaker, at: str, marks: str) -> None:
    """Dies of a question; every process after that is silent."""
    if os.path.exists(marks):
        _hang()
    _serve(speaker, at, lambda request: (_mark(marks), _die(-signal.SIGSEGV)))


def vanishes_at(speaker: Speaker, at: str) -> None:
    """Dies of a question, and its executable is gone."""

    def vanish(*_: object) -> None:
        os.unlink(sys.argv[0])
        _die(-signal.SIGSEGV)

    _serve(speaker, at, vanish)


def leaves_a_child(speaker: Speaker, marks: str, escapes: bool, at: str | None = None) -> None:
    """A child inherits its connection and its group, or leaves the group; it dies itself at a question or not."""
    child = os.fork()
    if child == 0:
        if escapes:
            os.setsid()
        _mark(marks)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(20)
        os._exit(0)
    while not os.path.exists(marks):
        time.sleep(0.01)
    _serve(speaker, at, lambda request: _die(-signal.SIGSEGV))
