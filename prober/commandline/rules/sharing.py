"""Backends that serve one alone: a netdev, and a chardev that is no mux."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.line import Line, Made, kept_by_line, switch
from prober.commandline.options import Global, Keyval, Object, Plain, Qapi, Value
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.terminals import named_chardev

#: Chardevs that lie over others.
_LAYERS = ("mux", "hub")


def _netdevs(line: Line) -> Iterator[Fault]:
    users: list[tuple[Value, Origin]] = []
    for option in line.qapi.get("-netdev", ()):
        users.append((option.value.get("netdev"), option.place))  # of a hubport
    users += [(device.values["netdev"], device.place) for device in line.devices if "netdev" in device.values]
    yield from _second_users(users, "netdev")


def _chardevs(line: Line) -> Iterator[Fault]:
    many = _shared(line)
    users = [user for user in _users_of_chardevs(line) if user[0] not in many]
    yield from _second_users(users, "chardev")


#: ``chardev/chardev-internal.h``, ``MAX_MUX``.
_MOST_OF_MUX = 4


def _muxes(line: Line) -> Iterator[Fault]:
    many = _shared(line)
    counts: dict[str, int] = {}
    for name, place in _users_of_chardevs(line) if many else ():
        if name in many:
            counts[name] = counts.get(name, 0) + 1
            if counts[name] > _MOST_OF_MUX:
                yield Fault(place, "chardev", f"the mux {name[:64]!r} serves {_MOST_OF_MUX} others already")


@kept_by_line
def _shared(line: Line) -> set[str]:
    """The chardevs that serve several."""
    return {
        str(item.value)
        for option in line.keyval.get("-chardev", ())
        if option.first == "mux" or any(name == "mux" and switch(value) for name, value, _ in option.pairs)
        for item in option.pairs
        if item.name == "id"
    }


@kept_by_line
def _users_of_chardevs(line: Line) -> list[tuple[str, Origin]]:
    """Each name of a chardev that something uses; a list or an object, which JSON may have there, names nothing."""
    return [(name, place) for name, place in _named_chardevs(line) if isinstance(name, str)]


def _named_chardevs(line: Line) -> Iterator[tuple[Value, Origin]]:
    for option in line.options:
        if isinstance(option, Made):
            if "chardev" in option.values:
                yield option.values["chardev"], option.place
        elif not isinstance(option, (Global, Object)) and option.flag in _NAMING:
            for name in _named_by(option):
                yield name, option.place


#: Options besides devices that name a chardev.
_NAMING = frozenset({"-netdev", "-serial", "-parallel", "-monitor", "-qmp", "-qmp-pretty", "-gdb", "-mon", "-chardev"})


def _named_by(option: Qapi | Keyval | Plain) -> Iterator[Value]:
    match option:
        case Qapi():
            yield option.value.get("chardev")
        case Plain():
            yield named_chardev(option)
        case Keyval(flag="-mon"):
            yield next((item.value for item in option.pairs if item.name == "chardev"), option.first)
        case Keyval(flag="-chardev") if option.first in _LAYERS:
            yield from [value for name, value, _ in option.pairs if name == "chardev" or name.startswith("chardevs.")]


def _second_users(users: Iterable[tuple[Value, Origin]], what: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for name, place in users:
        if not isinstance(name, str) or not name:
            continue
        if name in seen:
            yield Fault(place, what, f"the {what} {name!r} serves another already", f"give each a {what} of its own")
        seen.add(name)


RULES = (
    Rule(
        "line/netdev-used-once",
        "a netdev serves one device",
        "hw/core/qdev-properties-system.c, set_netdev; net/hub.c, net_init_hubport",
        _netdevs,
        about=("netdev",),
        wrong=("-display none -netdev user,id=n -netdev user,id=o -device e1000,netdev=n -device e1000,netdev=n"),
        right=("-display none -netdev user,id=n -netdev user,id=o -device e1000,netdev=n -device e1000,netdev=o"),
    ),
    Rule(
        "line/chardev-used-once",
        "a chardev that is no mux serves one device or monitor",
        "hw/core/qdev-properties-system.c, set_chr; chardev/char-fe.c, qemu_chr_fe_init",
        _chardevs,
        about=("chardev", "-mon", "mux", "hub", "-serial", "-parallel", "-monitor", "-qmp", "-qmp-pretty", "-gdb"),
        wrong=(
            "-display none -chardev null,id=c -chardev null,id=d -device "
            "isa-debugcon,chardev=c,iobase=0x402 -device isa-debugcon,iobase=0x403,chardev=c"
        ),
        right=(
            "-display none -chardev null,id=c -chardev null,id=d -device "
            "isa-debugcon,chardev=c,iobase=0x402 -device isa-debugcon,iobase=0x403,chardev=d"
        ),
    ),
    Rule(
        "line/mux-users",
        "a mux serves at most four",
        "chardev/char-fe.c, qemu_chr_fe_init",
        _muxes,
        about=("-chardev",),
        wrong="-display none -machine pc -chardev null,id=a,mux=on -serial chardev:a -serial chardev:a "
        "-serial chardev:a -serial chardev:a -monitor chardev:a",
        right="-display none -machine pc -chardev null,id=a,mux=on -serial chardev:a -serial chardev:a "
        "-serial chardev:a -monitor chardev:a",
    ),
)
