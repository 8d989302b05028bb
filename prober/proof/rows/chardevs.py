"""The rows of character devices: driver and options stay, the path or the address changes.

Who listens does so on the loopback or on a socket in the directory of stand-ins, and waits for nobody.  Who connects is
connected to a socket there that is listened on, and never answered.  Seen with QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import JsonMembers, Members
from prober.proof.row import KEPT, StandInRow, stood_in, treat
from prober.proof.rows.addresses import LOOPBACK, free_port, is_too_long, near_host

_ON = ("on", "yes", "true", "y")


def listens(members: Members) -> bool:
    """Whether a socket is one that listens."""
    return members.text("server") in _ON


def _socket(given: Given, members: Members, bench: Bench) -> None:
    if listens(members):
        _listen(given, members, bench)
    elif members.text("tls-creds"):
        _connect_with_tls(given, members, bench)
    else:
        _connect(given, members, bench)


def _listen(given: Given, members: Members, bench: Bench) -> None:
    if members.text("wait") not in ("off", "no", "false", "n"):
        members.set("wait", False)
        bench.replace(given, "wait", "off")
    if members.text("fd"):
        members.drop("fd")
        members.set("path", bench.place("socket"))
        bench.replace(given, "fd", "a socket in the directory of stand-ins")
    elif is_too_long(members.text("path")):
        return
    elif members.text("path"):
        members.set("path", bench.place(members.text("path")))
        bench.replace(given, "path", "a socket in the directory of stand-ins")
    elif members.text("port"):
        near(given, members, bench, host="host", port="port")


def _connect(given: Given, members: Members, bench: Bench) -> None:
    known = [name for name in ("path", "fd", "host", "port") if members.text(name)]
    if not known or known == ["host"] or {"path", "host"} <= {*known} or is_too_long(members.text("path")):
        return  # QEMU says what is missing, or what is too much
    for name in ("fd", "host", "port", "to", "ipv4", "ipv6", "abstract", "tight"):
        members.drop(name)
    members.set("path", listening(bench))
    for name in known:
        bench.replace(given, name, "a socket that is listened on, and never answered")


def _connect_with_tls(given: Given, members: Members, bench: Bench) -> None:
    """Only TCP has TLS; without anybody there, a client that tries again later."""
    if not members.text("host") or not members.text("port"):
        return
    near(given, members, bench, host="host", port="port")
    if not members.text("reconnect") and not members.text("reconnect-ms"):
        # QEMU 9.2 has the one in milliseconds, 11.0 has no other.
        is_new = bench.caps.has("chardev-add.backend.data.reconnect-ms")
        members.set(*(("reconnect-ms", 60_000) if is_new else ("reconnect", 60)))
        bench.replace(given, "reconnect", "trying again later")


def near(given: Given, members: Members, bench: Bench, *, host: str, port: str) -> None:
    """Move one address to the loopback, where it is not there already."""
    there = members.text(host)
    if near_host(there) != there:
        members.set(host, LOOPBACK)
        # The family was that of the address.
        members.drop("ipv6")
        bench.replace(given, host, LOOPBACK)
    number = members.text(port)
    if free_port(number) != number:
        members.set(port, free_port(number))
        bench.replace(given, port, free_port(number))


def listening(bench: Bench) -> str:
    """The path of the one socket of the line that all clients are connected to."""
    return bench.add("listening", kind="socket", shared_as="the socket of all clients")


def _udp(given: Given, members: Members, bench: Bench) -> None:
    near(given, members, bench, host="host", port="port")
    if members.text("localaddr") or members.text("localport"):
        near(given, members, bench, host="localaddr", port="localport")


def _file(given: Given, members: Members, bench: Bench) -> None:
    for name in ("path", "input-path"):
        if members.text(name):
            members.set(name, bench.add(members.text(name)))
            bench.replace(given, name, "an empty file")


def _null(*own: str) -> StandInRow:
    def change(given: Given, members: Members, bench: Bench) -> None:
        for name in own:
            members.drop(name)
        members.set("backend", "null")
        bench.replace(given, "backend", "null")

    return stood_in("`null`", change)


_A_FILE = stood_in("an empty file at `path`", _file)

CHARDEVS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(
            ("hub", "memory", "msmouse", "mux", "null", "qemu-vdagent", "ringbuf", "spiceport", "spicevmc", "stdio",
             "testdev", "vc", "wctablet"),
            KEPT,
        ),
        **dict.fromkeys(("file", "pipe", "serial", "tty"), _A_FILE),
        # There are no terminals in a box.
        "pty": _null("path"),
        "socket": stood_in(
            "a socket in the directory of stand-ins or on the loopback, with `wait=off`; a client is connected to a"
            " socket"
            " that is listened on and never answered",
            _socket,
        ),
        "udp": stood_in("addresses of the loopback", _udp),
        **dict.fromkeys(("parallel", "parport"), _null("path")),
        "braille": _null(),
        "console": _null(),
        "dbus": _null("name"),
    }
)  # fmt: skip


def change_chardev(given: Given, members: Members, bench: Bench) -> None:
    """What becomes of a ``-chardev``; its log goes to the directory of stand-ins."""
    if isinstance(members, JsonMembers):
        # No QEMU up to 11.1 takes it, and no row is for one that does.
        bench.refuse(given, "no rule for -chardev in JSON")
        return
    backend = members.text("backend")
    if not backend:
        return  # QEMU says that it is missing
    if members.text("logfile"):
        members.set("logfile", bench.place(members.text("logfile")))
        bench.replace(given, "logfile", "a file in the directory of stand-ins")
    treat(CHARDEVS, "chardev", backend, given, members, bench)
