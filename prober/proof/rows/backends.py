"""The rows of options whose value is a character device in one word: ``-serial tcp::4444,server=on``.

Read as QEMU reads it (``chardev/char.c``, ``qemu_chr_parse_compat``, 5.2 to 11.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members, PairMembers
from prober.proof.row import StandInRow, stood_in
from prober.proof.rows.addresses import is_too_long, near_address, near_udp
from prober.proof.rows.chardevs import listening, listens

#: Those that are of QEMU itself, or name one of the line's own.
_KEPT = re.compile(r"none|null|msmouse|wctablet|testdev|stdio|vc(:.*)?|chardev:.*|spicevmc|ringbuf|", re.DOTALL)

#: What one of TCP begins with, and the member that says the same.
_TCP: Mapping[str, str] = MappingProxyType(
    {"tcp": "", "telnet": "telnet", "tn3270": "tn3270", "websocket": "websocket"}
)

#: Options whose monitor, port or debugger may be given so.
_FLAGS = ("debugcon", "gdb", "monitor", "parallel", "qmp", "qmp-pretty", "serial")


class UnknownBackendError(ValueError):
    """A word that no rule is for."""


def near_backend(text: str, bench: Bench) -> str:
    """The same in a box: driver and options stay, the path or the address changes.

    :raise UnknownBackendError: where no rule is for it.
    """
    if text.startswith("mon:"):
        return f"mon:{near_backend(text[4:], bench)}"
    if _KEPT.fullmatch(text):
        return text
    kind, colon, rest = text.partition(":")
    if colon and kind in _TCP:
        return _tcp(kind, rest, bench)
    if colon and kind == "unix":
        return _unix(rest, bench)
    if colon and kind == "udp":
        return f"udp:{near_udp(rest)}"
    if colon and kind in ("file", "pipe"):
        return f"{kind}:{bench.add(rest)}" if rest else text
    if text in ("braille", "pty") or text.startswith(("pty:", "/dev/parport", "/dev/ppi", "/dev/lpt", "con:", "COM")):
        return "null"
    if text.startswith("/dev/"):
        return f"file:{bench.add(text)}"
    raise UnknownBackendError(text)


def _options(rest: str) -> tuple[str, PairMembers]:
    """The address, and what stands behind the first comma."""
    address, _, more = rest.partition(",")
    return address, PairMembers.of(more, "")


def _written(head: str, options: PairMembers) -> str:
    return ",".join(part for part in (head, options.render()) if part)


def _waits_not(options: PairMembers) -> None:
    if options.text("wait") not in ("off", "no", "false", "n"):
        options.set("wait", False)


def _tcp(kind: str, rest: str, bench: Bench) -> str:
    address, options = _options(rest)
    if listens(options):
        _waits_not(options)
        return _written(f"{kind}:{near_address(address)}", options)
    if re.fullmatch(r".*:\d{1,5}", address) is None:
        return f"{kind}:{rest}"  # no address: QEMU says so
    if _TCP[kind]:
        options.set(_TCP[kind], True)
    return _written(f"unix:{listening(bench)}", options)


def _unix(rest: str, bench: Bench) -> str:
    path, options = _options(rest)
    if is_too_long(path):
        return f"unix:{rest}"
    if listens(options):
        _waits_not(options)
        return _written(f"unix:{bench.place(path)}", options)
    return _written(f"unix:{listening(bench)}", options)


def _change(given: Given, _members: Members, bench: Bench) -> None:
    word = given.value or ""
    if given.flag == "-gdb" and (word.isdecimal() or word.startswith(":")):
        return  # a port alone, which QEMU up to 7.2 takes
    try:
        near = _debugger(word, bench) if given.flag == "-gdb" else near_backend(word, bench)
    except UnknownBackendError:
        bench.refuse(given, f"no rule for {given.flag} {word[:80]}")
        return
    if near != word:
        given.change(near)
        bench.replace(given, "", near.replace(bench.theirs, "the directory of stand-ins"))


def _debugger(word: str, bench: Bench) -> str:
    """A debugger's port listens by itself; QEMU adds the rest (``gdbstub``, ``gdbserver_start``)."""
    return f"tcp:{near_address(word[4:])}" if word.startswith("tcp:") else near_backend(word, bench)


def _port_of_debugger(given: Given, _members: Members, bench: Bench) -> None:
    bench.replace(given, "", "-gdb tcp:127.0.0.1:1234")
    given.flag = "-gdb"
    given.change("tcp:127.0.0.1:1234")


#: Devices that ``-usbdevice`` makes of nothing of the host (QEMU, ``hw/usb/bus.c``, ``usbdevice_create``).
_USB = ("audio", "ccid", "keyboard", "mouse", "net", "tablet", "wacom-tablet")


def _usbdevice(given: Given, _members: Members, bench: Bench) -> None:
    word = given.value or ""
    if word == "braille":
        bench.leave_out(given, "a braille display is nothing without the host's daemon")
    elif word not in _USB and ":" in word:
        bench.refuse(given, f"no rule for -usbdevice {word[:80]}")


_WORDS = stood_in("the same as of `-chardev`: paths and addresses change, a terminal of the host is a file", _change)

OPTIONS_OF_BACKENDS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **{f"-{name}": _WORDS for name in _FLAGS},
        "-s": stood_in("`-gdb tcp:127.0.0.1:1234`", _port_of_debugger),
        "-usbdevice": stood_in("itself where it needs nothing of the host; `braille` is left out", _usbdevice),
    }
)
