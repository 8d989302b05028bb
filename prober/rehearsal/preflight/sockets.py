"""Unix sockets and ports of the host: those that QEMU connects to, and those that it makes.

Nothing is connected or bound: who listens stands in ``/proc/net`` (proc_net(5), ``net/unix/af_unix.c``).
"""

from __future__ import annotations

import re
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from prober.commandline.refusal import Place
from prober.rehearsal.preflight.ground import (
    Ground,
    is_made_at_start,
    is_right,
    is_unknown,
    is_wrong,
    kind_of_file,
    unless_there,
)
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import SEARCH, WRITE, SeenHost
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

#: As much of a table in ``/proc/net`` as is read (bytes): a line is less than 200.
_MOST_OF_TABLE = 8 << 20

#: In ``/proc/net/unix``: the flag of a socket that is listened on (``__SO_ACCEPTCON``).
_LISTENS = 0x10000

#: In ``/proc/net/tcp``: the state of a socket that is listened on; in ``/proc/net/udp`` each has state 7.
_TCP_LISTEN = "0A"

#: The first port that an ordinary user may have, where nothing says otherwise.
_FIRST_PORT = 1024

_CLIENT = "QEMU connects to it when it starts, and ends where nobody listens"
_SERVER = "QEMU makes the socket there, and ends where it cannot"

#: What stands for all addresses.
_EVERY = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared with, and never bound


class _Listening(NamedTuple):
    """A port that somebody has; ``address`` is empty for all addresses."""

    address: str
    port: int


def listening_paths(view: SeenHost) -> frozenset[str] | None:
    """The paths that somebody listens on; None where that cannot be told."""
    text = view.read("/proc/net/unix", _MOST_OF_TABLE)
    if text is None:
        return None
    found = set()
    for line in text.splitlines()[1:]:
        words = line.split(None, 7)
        if len(words) == 8 and re.fullmatch(r"[0-9A-Fa-f]{1,8}", words[3]) and int(words[3], 16) & _LISTENS:
            found.add(words[7])
    return frozenset(found)


def taken_ports(view: SeenHost, protocol: str = "tcp") -> list[_Listening] | None:
    """The ports that somebody has; None where that cannot be told.  ``protocol`` is ``tcp`` or ``udp``."""
    tables = [view.read(f"/proc/net/{protocol}{end}", _MOST_OF_TABLE) for end in ("", "6")]
    if tables[0] is None:
        return None
    found = []
    for text in tables:
        for line in (text or "").splitlines()[1:]:
            words = line.split()
            if len(words) > 3 and (protocol == "udp" or words[3] == _TCP_LISTEN):
                address, _, port = words[1].partition(":")
                if re.fullmatch(r"[0-9A-F]{8}|[0-9A-F]{32}", address) and re.fullmatch(r"[0-9A-F]{4}", port):
                    found.append(_Listening(_address(address), int(port, 16)))
    return found


def _address(text: str) -> str:
    """An address of the table, each word of it in the order of this processor's bytes; empty for all addresses."""
    words = bytes.fromhex(text)
    turned = words
    if sys.byteorder == "little":
        turned = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    shown = socket.inet_ntop(socket.AF_INET if len(turned) == 4 else socket.AF_INET6, turned)
    return "" if shown in _EVERY else shown


def look_at_port(text: str, port: int, place: Place, on: Ground, protocol: str = "tcp") -> Iterator[HostFinding]:
    """A port that QEMU itself takes, on an address, a name, or everywhere."""
    name = f"{protocol} port {port} of {text or 'all addresses'}"
    taken = taken_ports(on.view, protocol)
    if taken is None:
        yield is_unknown(
            "port", f"whether {name} is free is not known: there is no /proc/net/{protocol}", place, _SERVER
        )
        return
    same = [one for one in taken if one.port == port]
    everywhere = text in _EVERY
    if any(everywhere or not one.address or one.address == text.strip("[]") for one in same):
        todo = f"find who has it: ss -lnp{protocol[0]} 'sport = :{port}'; stop that, or choose another port"
        yield is_wrong("port", f"{name} is taken", place, "QEMU ends: Address already in use", todo)
        return
    if same and not re.fullmatch(r"[0-9.]+|\[?[0-9a-fA-F:]+\]?", text):
        yield is_unknown("port", f"whether {name} is free hangs on what {text} is", place, _SERVER)
        return
    first = on.view.number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if port < (_FIRST_PORT if first is None else first) and on.view.user.uid != 0:
        todo = f"choose a higher port, or: sysctl net.ipv4.ip_unprivileged_port_start={port}"
        yield is_wrong("port", f"{on.view.user.name} may not take {name}", place, "QEMU ends: Permission denied", todo)
        return
    yield is_right("port", f"{name} is free", place)


def look_at_client(path: str, place: Place, on: Ground, *, who: str = "what it belongs to") -> Iterator[HostFinding]:
    """A unix socket that QEMU connects to: there, open to the user, listened on."""
    way = on.view.walk(path, WRITE)
    lost = unless_there("socket", way, place, _CLIENT, f"start {who}, which makes {path}")
    if lost is not None:
        yield lost
        return
    assert way.found is not None
    if not stat.S_ISSOCK(way.found.st_mode):
        said = f"{path} is {kind_of_file(way.found)}, no socket"
        yield is_wrong("socket", said, place, _CLIENT, f"rm {path}, and start {who}")
        return
    listening = listening_paths(on.view)
    if listening is None:
        yield is_unknown("socket", f"whether anybody listens on {path} is not known", place, _CLIENT)
    elif path in listening or way.where in listening:
        owner = way.found.st_uid
        yield is_right("socket", f"somebody listens on {path}, which belongs to user {owner}", place)
    else:
        yield is_wrong("socket", f"nobody listens on {path}", place, _CLIENT, f"start {who} again")


def look_at_server(path: str, place: Place, on: Ground, *, by_user: bool = True) -> Iterator[HostFinding]:
    """A unix socket that QEMU makes; with ``by_user`` false, whoever starts it."""
    if not path.startswith("/"):
        return
    listening = listening_paths(on.view)
    if listening is not None and path in listening:
        todo = f"find who has it: ss -lxp src {path}; stop that, or choose another path"
        yield is_wrong("socket", f"somebody listens on {path} already", place, "QEMU would take it away", todo)
        return
    directory = path.rpartition("/")[0] or "/"
    by_user = by_user and not is_made_at_start(path, on)
    way = on.view.walk(directory, *((WRITE, SEARCH) if by_user else ()))
    if not by_user and way.end != "there":
        yield is_right("socket", f"{path} is made by whoever starts QEMU, with the way to it", place)
        return
    lost = unless_there("socket", way, place, _SERVER, f"mkdir -p {directory}; chown {on.view.user.name} {directory}")
    if lost is not None:
        yield lost
        return
    there = on.view.walk(path)
    if there.found is not None and not stat.S_ISSOCK(there.found.st_mode):
        said = f"{path} is {kind_of_file(there.found)}, which the socket would replace"
        yield is_wrong("socket", said, place, "QEMU removes what is at the path of its socket", f"mv {path} elsewhere")
        return
    yield is_right("socket", f"{on.view.user.name if by_user else 'whoever starts QEMU'} can make {path}", place)


def look_at_socket(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-chardev socket``, or a console option with one."""
    if item.needs or item.text("fd"):
        return  # Its need tells of it.
    path = item.text("path")
    if path and item.is_on("abstract"):
        yield is_unknown("socket", f"the abstract socket {path} is not looked at", item.where("path"), _CLIENT)
    elif path and item.is_on("server"):
        yield from look_at_server(path, item.where("path"), on)
    elif path:
        yield from look_at_client(path, item.where("path"), on)
    elif item.values.get("port") is not None:
        yield from _look_at_address(item, on)


def _look_at_address(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    host, port = item.text("host"), str(item.values["port"])
    place = item.where("port")
    if not item.is_on("server"):
        why = "another program has to listen there, maybe on another host"
        yield is_unknown("socket", f"{host}:{port} is not connected to", place, why)
    elif port.isdecimal() and len(port) <= 5:
        yield from look_at_port(host, int(port), place, on)
    else:
        yield is_unknown("port", f"{port[:80]!r} is a name of a port", place, "it is not looked up")


def look_at_udp(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-chardev udp``: what it is bound to."""
    port = str(item.values.get("localport") or "0")
    if port.isdecimal() and len(port) <= 5 and int(port):
        yield from look_at_port(item.text("localaddr"), int(port), item.where("localport"), on, "udp")
    else:
        yield is_right("port", "it is sent from any port that is free", item.place)


def look_at_listened(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A socket that is listened on by whoever starts QEMU, and passed, or that a display makes."""
    path = wish.need.file or wish.text.removeprefix("unix:")
    yield from look_at_server(path, wish.place, on, by_user=not wish.need.file)


def look_at_chosen_port(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A port that whoever starts QEMU chooses: the one that stands on the line, or the next that is free."""
    match = re.search(r"\bport (\d{1,5})\b", wish.need.todo)
    taken = taken_ports(on.view)
    if match is None or taken is None:
        why = "whoever starts QEMU puts a free one there"
        yield is_unknown("port", "which port is free is not known", wish.place, why)
        return
    first, ports = int(match[1]), {one.port for one in taken}
    free = next((port for port in range(first, 65536) if port not in ports), None)
    if free is None:
        why, todo = "the display has no port", "stop what has them: ss -lnt"
        yield is_wrong("port", f"no port from {first} on is free", wish.place, why, todo)
    elif free == first:
        yield is_right("port", f"tcp port {first} is free", wish.place)
    else:
        yield is_right(
            "port", f"tcp port {first} is taken; whoever starts QEMU takes {free}, which is free", wish.place
        )


#: The first port of VNC; a display's number is added (RFC 6143, and QEMU's documentation of ``-vnc``).
_VNC = 5900


def look_at_vnc(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-vnc``: a socket, or an address and the number of a display."""
    where = item.text("vnc") or item.text("")
    chosen = {need.kind for need in item.needs}
    if where.startswith("unix:"):
        if "socket" not in chosen:
            yield from look_at_server(where.removeprefix("unix:"), item.where("vnc"), on)
        return
    host, _, number = where.rpartition(":")
    if "port" not in chosen and number.isdecimal() and len(number) <= 5:
        yield from look_at_port(host, _VNC + int(number), item.place, on)
    websocket = str(item.values.get("websocket", ""))
    if websocket.isdecimal() and len(websocket) <= 5 and "vnc-websocket" not in {need.name for need in item.needs}:
        yield from look_at_port(host, int(websocket), item.where("websocket"), on)


def look_at_spice(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-spice``: ports, or a socket at the path that ``addr`` is."""
    if item.is_on("unix"):
        if "socket" not in {need.kind for need in item.needs}:
            yield from look_at_server(item.text("addr"), item.where("addr"), on)
        return
    if "port" in {need.kind for need in item.needs}:
        return
    for key in ("port", "tls-port"):
        port = str(item.values.get(key, ""))
        if port.isdecimal() and len(port) <= 5 and int(port):
            yield from look_at_port(item.text("addr"), int(port), item.where(key), on)


#: ``tcp:127.0.0.1:8022-:22`` (``net/slirp.c``, ``slirp_hostfwd``).
_FORWARD = re.compile(r"(tcp|udp)?:([^:]*):(\d{1,5})-.*", re.DOTALL)


def look_at_user_network(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-netdev user``: the ports of the host that lead to the guest."""
    forwards = item.values.get("hostfwd")
    for one in forwards if isinstance(forwards, list) else [forwards]:
        text = one.get("str") if isinstance(one, dict) else one
        match = _FORWARD.fullmatch(text) if isinstance(text, str) else None
        if match is not None:
            yield from look_at_port(match[2], int(match[3]), item.place, on, match[1] or "tcp")


def look_at_nbd(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A disk that a server of NBD has: on a unix socket of this host, or elsewhere."""
    server = item.values.get("server")
    path = server.get("path") if isinstance(server, dict) else item.values.get("path")
    if isinstance(path, str) and path:
        yield from look_at_client(str(path), item.place, on, who="the server of NBD")
    else:
        why = "QEMU connects to it when it starts"
        yield is_unknown("image", "the server of an NBD disk is not connected to", item.place, why)


def look_at_stream(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-netdev stream``: a socket to be made or connected to."""
    if item.needs:
        return
    address = item.values.get("addr")
    values = address if isinstance(address, dict) else {}
    merged = {**values, "server": item.values.get("server")}
    if values.get("type") in ("inet", "unix"):
        yield from look_at_socket(replace(item, values=merged), on)
    elif values.get("type") != "fd":
        yield is_unknown("socket", f"where {item.text('id')} leads is not known", item.place, _CLIENT)


#: ``listen=:1234`` and the like of ``-netdev socket``, and the protocol of each.
_OLD_KEYS = {"listen": "tcp", "udp": "udp", "localaddr": "udp", "mcast": "udp", "connect": "tcp"}


def look_at_netdev_socket(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-netdev socket`` and ``dgram``: the address on this host, where there is one."""
    local = item.values.get("local")
    if isinstance(local, dict) and str(local.get("port", "")).isdecimal():
        yield from look_at_port(str(local.get("host", "")), int(str(local["port"])[:5]), item.place, on, "udp")
    for key, protocol in _OLD_KEYS.items():
        host, _, port = item.text(key).rpartition(":")
        if key in ("connect", "mcast", "udp") and port:
            yield is_unknown(
                "socket", f"{item.text(key)} is not connected to", item.where(key), "another guest is there"
            )
        elif port.isdecimal() and len(port) <= 5:
            yield from look_at_port(host, int(port), item.where(key), on, protocol)


def look_at_helper_socket(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A helper of QEMU's that listens, where nobody starts it for this guest: ``pr-manager-helper``."""
    if item.text("path") and not item.needs:
        yield from look_at_client(item.text("path"), item.where("path"), on, who="qemu-pr-helper")
