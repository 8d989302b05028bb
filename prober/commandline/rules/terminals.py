"""Who has the terminal, which character device is named where, and how many ports there are.

``-serial``, ``-parallel``, ``-monitor``, ``-qmp``, ``-debugcon`` and ``-gdb`` make a character device each, or take one
that is there by ``chardev:ID``.  ``-nographic`` puts a serial port on the terminal that nobody else asked for
(``softmmu/vl.c``, ``qemu_create_default_devices``).
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, number
from prober.commandline.options import Plain
from prober.commandline.refusal import Fault, Kind, Origin
from prober.commandline.rules.rule import Rule

#: Options that are a monitor, and all that are a character device.
_MONITORS = ("-monitor", "-qmp", "-qmp-pretty")
_PORTS = ("-serial", "-parallel", "-debugcon", "-gdb")
_ALL = (*_PORTS, *_MONITORS)

#: The machines whose ports are on an ISA bus, up to as many as QEMU knows.
_PCS = ("pc", "q35", "isapc")

#: Those that have a serial and a parallel port on a line that asks for none; ``microvm`` makes nothing of the parallel
#: one, and QEMU counts it all the same.
_WITH_PORTS = (*_PCS, "microvm")


def _ports(line: Line) -> Iterator[Plain]:
    """Options that are a character device, in the order of the line."""
    for option in line.options:
        if isinstance(option, Plain) and option.flag in _ALL and option.value:
            yield option


def named_chardev(option: Plain) -> str | None:
    """The id of the character device that such an option takes."""
    value = option.value or ""
    return value.removeprefix("chardev:") if value.startswith("chardev:") else None


def _by_itself(line: Line, flag: str, typename: str) -> bool:
    """Whether there is a port that nobody asked for (``default_serial``, ``default_parallel``)."""
    asked = flag in line.plain or typename in line.by_type or any(one.driver == typename for one in line.settings)
    return line.kind in _WITH_PORTS and not asked and "-nodefaults" not in line.plain and not line.is_open


def _on_terminal(line: Line) -> Iterator[tuple[Origin, str]]:
    for option in _ports(line):
        if (option.value or "").removeprefix("mon:") == "stdio":
            yield option.place, f"{option.flag} {option.value}"
    for keyed in line.keyval.get("-chardev", ()):
        if keyed.first == "stdio":
            yield keyed.place, "-chardev stdio"
    for option in line.plain.get("-nographic", ())[:1]:
        if _by_itself(line, "-serial", "isa-serial"):
            yield option.place, "the serial port of -nographic"


def _terminal(line: Line) -> Iterator[Fault]:
    users = list(_on_terminal(line))
    for place, words in users[1:]:
        hint = "one of them can be a mux: -chardev stdio,id=ID,mux=on, which -serial and -monitor take as chardev:ID"
        yield Fault(place, "stdio", f"{words}: the terminal is that of {users[0][1]} already", hint)


def _daemon(line: Line) -> Iterator[Fault]:
    if "-daemonize" not in line.plain:
        return
    for place, words in _on_terminal(line):
        yield Fault(place, "stdio", f"{words} cannot be with -daemonize: there is no terminal then")
    if "-nographic" in line.plain and _by_itself(line, "-parallel", "isa-parallel"):
        hint = "-display none is what is meant"
        yield Fault(line.plain["-nographic"][0].place, "-daemonize", "-nographic cannot be with -daemonize", hint)
    for option in line.qapi.get("-display", ()):
        if option.value.get("type") == "curses":
            yield Fault(
                option.place, "type", "a display of curses cannot be with -daemonize: there is no terminal then"
            )


def _missing(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    there = {str(item.value) for one in line.keyval.get("-chardev", ()) for item in one.pairs if item.name == "id"}
    there.update(str(one.value.get("id")) for one in line.qapi.get("-chardev", ()))
    for option in _ports(line):
        name = named_chardev(option)
        # The others of these options make some too, with names of their own.
        if name is not None and name not in there and not name.startswith(_OWN_NAMES):
            message = f"{option.flag} names a chardev {name[:64]!r}, which is not on this command line"
            yield Fault(option.place, "chardev", message)


#: What QEMU calls the character devices that these options make.
_OWN_NAMES = ("serial", "parallel", "compat_monitor", "debugcon", "gdb")


def _monitors(line: Line) -> Iterator[Fault]:
    seen: set[str] = set()
    for option in _ports(line):
        name = named_chardev(option) if option.flag in _MONITORS else None
        if name is None:
            continue
        if name in seen:
            message = f"there is a monitor on the chardev {name[:64]!r} already, also by its name"
            yield Fault(option.place, "chardev", message, "write -mon chardev=ID for the second")
        seen.add(name)


def _count(line: Line, flag: str) -> list[Plain]:
    return [option for option in line.plain.get(flag, ()) if option.value != "none"]


#: ``include/sysemu/sysemu.h``, ``MAX_PARALLEL_PORTS``.
_MOST_PARALLEL = 3


def _parallels(line: Line) -> Iterator[Fault]:
    for option in _count(line, "-parallel")[_MOST_PARALLEL:]:
        yield Fault(option.place, "-parallel", f"there are at most {_MOST_PARALLEL} parallel ports")


def _serials(line: Line) -> Iterator[Fault]:
    most = line.family.serial.most_of(line.caps.version.numbers)
    if most is None or line.machine is None:
        return
    for option in _count(line, "-serial")[most:]:
        message = f"{line.machine.name} has {most} serial port{'s' if most > 1 else ''}, and makes none of this"
        yield Fault(option.place, "-serial", message, _other_ports(line))


def _other_ports(line: Line) -> str:
    devices = "pci-serial" if line.family.serial.are_built_in else "isa-serial or pci-serial"
    return f"write -device {devices} with a -chardev"


def _isa_ports(line: Line) -> Iterator[Fault]:
    if line.kind not in _PCS or line.is_open or "index" in line.globals:
        return
    for typename, flag, most in (("isa-serial", "-serial", 4), ("isa-parallel", "-parallel", _MOST_PARALLEL)):
        # Each device that names no index gets the number of those before it.
        made = min(len(_count(line, flag)), most)
        for device in line.of_type(typename):
            own = device.values.get("index")
            index = made if own is None else number(own)
            if index is None:
                break
            if own is None and index >= most:
                yield Fault(device.place, "index", f"there are at most {most} of {typename}, {flag} included")
            made += 1


RULES = (
    Rule(
        "line/terminal",
        "the terminal has one user",
        "chardev/char-stdio.c, qemu_chr_open_stdio",
        _terminal,
        about=(*_ALL, "-nographic", "stdio"),
        wrong="-display none -machine pc -serial stdio -monitor stdio",
        right="-display none -machine pc -serial null -monitor null",
    ),
    Rule(
        "line/daemon",
        "a daemon has no terminal",
        "chardev/char-stdio.c, qemu_chr_open_stdio; softmmu/vl.c, qemu_create_default_devices",
        _daemon,
        about=("-daemonize",),
        wrong="-display none -machine pc -daemonize -serial stdio",
        right="-display none -machine pc -serial null",
    ),
    Rule(
        "line/chardev-named",
        "a chardev that an option names is there",
        "chardev/char.c, qemu_chr_new_from_name; monitor/monitor.c, monitor_init",
        _missing,
        about=_ALL,
        wrong="-display none -machine pc -serial chardev:a",
        right="-display none -machine pc -chardev null,id=a -serial chardev:a",
    ),
    Rule(
        "line/monitor-name",
        "a monitor that is named after its chardev is the only one of it",
        "softmmu/vl.c, monitor_parse",
        _monitors,
        about=_MONITORS,
        wrong="-display none -chardev null,id=a,mux=on -monitor chardev:a -monitor chardev:a",
        right="-display none -chardev null,id=a,mux=on -monitor chardev:a",
    ),
    Rule(
        "line/parallel-ports",
        "there are at most three parallel ports",
        "softmmu/vl.c, parallel_parse",
        _parallels,
        about=("-parallel",),
        wrong="-display none -machine pc -parallel null -parallel null -parallel null -parallel null",
        right="-display none -machine pc -parallel null -parallel null -parallel null",
    ),
    Rule(
        "line/serial-ports",
        "the machine has a port for each `-serial`",
        "hw/char/serial-isa.c, serial_hds_isa_init",
        _serials,
        about=("-serial",),
        wrong="-display none -machine pc -serial null -serial null -serial null -serial null -serial null",
        right="-display none -machine pc -serial null -serial null -serial null -serial null",
        kind=Kind.ignored,
    ),
    Rule(
        "line/isa-ports",
        "there are at most four serial and three parallel ports of ISA",
        "hw/char/serial-isa.c, serial_isa_realizefn; hw/char/parallel.c, parallel_isa_realizefn",
        _isa_ports,
        about=("isa-serial", "isa-parallel"),
        wrong="-display none -machine pc -serial null -serial null -serial null -serial null -device isa-serial",
        right="-display none -machine pc -serial null -serial null -serial null -device isa-serial",
    ),
)
