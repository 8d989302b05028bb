"""The two forms of a character device: the flat one of ``-chardev``, and the tree that ``chardev-add`` takes.

QEMU reads the first with code of its own for each backend, and only knows the second (``chardev/char.c``,
``qemu_chr_parse_*``; ``qapi/char.json``, ``ChardevBackend``; 5.2 to 11.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from prober.commandline.text import as_number, as_size, as_switch


class _Member(NamedTuple):
    """``flat`` is its name with ``-chardev``, ``path`` where it is in the tree's data, ``kind`` what it is."""

    flat: str
    path: tuple[str, ...]
    kind: str = "text"


def _same(*names: str, kind: str = "text") -> tuple[_Member, ...]:
    return tuple(_Member(name, (name,), kind) for name in names)


_LOG = (*_same("logfile"), *_same("logappend", kind="switch"))
_PATH = (_Member("path", ("device",)),)

#: The members of each backend, besides those of the log.
_MEMBERS: Mapping[str, tuple[_Member, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("null", "msmouse", "wctablet", "braille", "testdev", "console"), ()),
        **dict.fromkeys(("serial", "parallel", "pipe"), _PATH),
        "file": (_Member("path", ("out",)), _Member("input-path", ("in",)), *_same("append", kind="switch")),
        "pty": _same("path"),
        "mux": _same("chardev"),
        "stdio": _same("signal", kind="switch"),
        "spicevmc": (_Member("name", ("type",)),),
        "spiceport": (_Member("name", ("fqdn",)),),
        "dbus": _same("name"),
        "qemu-vdagent": _same("mouse", "clipboard", kind="switch"),
        "vc": _same("width", "height", "cols", "rows", kind="number"),
        **dict.fromkeys(("ringbuf", "memory"), _same("size", kind="size")),
        "socket": (
            *_same("tls-creds", "tls-authz"),
            *_same("server", "wait", "nodelay", "telnet", "tn3270", "websocket", kind="switch"),
            *_same("reconnect", "reconnect-ms", kind="number"),
        ),
        "udp": (
            _Member("host", ("remote", "data", "host")),
            _Member("port", ("remote", "data", "port")),
            *(_Member(name, ("remote", "data", name), "switch") for name in ("ipv4", "ipv6")),
            _Member("localaddr", ("local", "data", "host")),
            _Member("localport", ("local", "data", "port")),
        ),
    }
)  # fmt: skip

#: Other names of a backend that one has in the tree (``chardev/char.c``, ``chardev_alias_table``).
_ALIASES = MappingProxyType({"tty": "serial", "parport": "parallel"})

#: The addresses of a socket, by what tells which it is.
_ADDRESSES: Mapping[str, tuple[_Member, ...]] = MappingProxyType(
    {
        "unix": (*_same("path"), *_same("abstract", "tight", kind="switch")),
        "fd": (_Member("fd", ("str",)),),
        "inet": (*_same("host", "port"), *_same("to", kind="number"), *_same("ipv4", "ipv6", kind="switch")),
    }
)  # fmt: skip


def backend_tree(backend: str, flat: Mapping[str, str]) -> dict[str, Any] | None:
    """What ``chardev-add`` takes as its ``backend``; ``flat`` are the keys of ``-chardev`` without ``backend``, ``id``.

    What a key says by its absence is said where the command has another default: a client, who waits for nobody.  None
    where a key has no place in the tree.
    """
    kind = _ALIASES.get(backend, backend)
    members = _MEMBERS.get(kind)
    if members is None or "mux" in flat:
        return None
    left = dict(flat)
    data: dict[str, Any] = {}
    if kind == "socket":
        data["addr"] = _address(left)
    for path, value in _taken(left, (*members, *_LOG)):
        _put(data, path, value)
    for side in ("remote", "local") if kind == "udp" else ():
        if side in data:
            data[side]["type"] = "inet"
            data[side]["data"] = {"host": "" if side == "local" else "localhost", "port": "0", **data[side]["data"]}
    return None if left else {"type": kind, "data": data}


def _address(left: dict[str, str]) -> dict[str, Any]:
    """The address of a socket, taken out of the keys; and what it is without a word, said."""
    address = next((name for name, key in (("unix", "path"), ("fd", "fd")) if key in left), "inet")
    told: dict[str, Any] = {"port": "", "host": ""} if address == "inet" else {}
    for path, value in _taken(left, _ADDRESSES[address]):
        _put(told, path, value)
    if "delay" in left:
        left["nodelay"] = "off" if as_switch(left.pop("delay")) else "on"
    left.setdefault("server", "off")
    if as_switch(left["server"]):
        left.setdefault("wait", "on")
    return {"type": address, "data": told}


def flat_chardev(backend: Mapping[str, Any]) -> dict[str, str] | None:
    """The keys of ``-chardev`` for what ``chardev-add`` takes as its ``backend``, that itself among them.

    None where a member has no key, or is not of its type.
    """
    kind, data = backend.get("type"), backend.get("data", {})
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None or not isinstance(data, Mapping) or backend.keys() - {"type", "data"}:
        return None
    left = _leaves(data, ())
    flat = {"backend": str(kind)}
    if kind == "socket":
        members = (*members, *_members_of_address(left))
    for side in ("remote", "local") if kind == "udp" else ():
        if left.get((side, "type")) == "inet":
            del left[side, "type"]
    for member in (*members, *_LOG):
        if member.path in left:
            value = left.pop(member.path)
            flat[member.flat] = ("on" if value else "off") if isinstance(value, bool) else str(value)
    return None if left else flat


def _members_of_address(left: dict[tuple[str, ...], Any]) -> Iterator[_Member]:
    """Those of a socket's address, by its type; and what the command takes without a word, said: it listens, and waits
    for nobody."""
    address = left.get(("addr", "type"))
    if isinstance(address, str) and address in _ADDRESSES:
        del left["addr", "type"]
        yield from (one._replace(path=("addr", "data", *one.path)) for one in _ADDRESSES[address])
    left.setdefault(("server",), True)
    if left[("server",)] is True:
        left.setdefault(("wait",), False)


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and len(path) < 4:
            found |= _leaves(value, (*path, name))
        else:
            found[*path, name] = value
    return found


def _taken(left: dict[str, str], members: tuple[_Member, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for member in members:
        if member.flat in left:
            yield member.path, _typed(left.pop(member.flat), member.kind)


def _typed(text: str, kind: str) -> Any:
    """A value as JSON has it; a text that is none of its kind stays one, for QEMU to say so."""
    found: bool | int | None = None
    if kind == "switch":
        found = as_switch(text)
    elif kind in ("number", "size"):
        found = as_number(text) if kind == "number" else as_size(text)
    return text if found is None else found


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value
