"""Options with one word that QEMU reads in a way of its own, or none: each is checked, or *unknown* with its reason.

What only names something of the host (a file, a user, a keymap) is right whatever it says: nothing of the host is
looked at.  Sources are those of QEMU 7.2 and 10.0, ``system/vl.c`` where nothing else is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from prober.capabilities import Evidence, Verdict
from prober.capabilities.facts import did_you_mean
from prober.commandline.aliases import PLAIN_OPTIONS
from prober.commandline.flags import FLAGS
from prober.commandline.grounds import Grounds, wrong
from prober.commandline.keys import check_keys
from prober.commandline.listed import check_listed
from prober.commandline.options import Keyval, Plain, Property
from prober.commandline.refusal import Finding, Kind, Unfit
from prober.commandline.replaced import replacement
from prober.commandline.text import Text, as_number, is_uuid
from prober.commandline.texts.cards import read_network_word
from prober.commandline.texts.characters import CHARACTER_OPTIONS, read_character

#: Options that take any text: paths, tags, and what is handed on to the guest or to the host.
ANY = frozenset(
    {
        "D", "L", "append", "bios", "cdrom", "chroot", "dtb", "dump-vmstate", "echr", "fda", "fdb", "hda", "hdb", "hdc",
        "hdd", "initrd", "k", "kernel", "loadvm", "mem-path", "mtdblock", "pflash", "pidfile", "qtest-log", "runas",
        "sd", "shim", "writeconfig",
    }
)  # fmt: skip

#: Options of which no answer tells what they take.
UNTOLD: Mapping[str, str] = MappingProxyType(
    {
        "plugin": "a plugin reads its arguments itself",
        "qtest": "it is for QEMU's own tests",
        "readconfig": "the file has further options, and is not read",
    }
)

#: Options that are a display by themselves, as far as a version has them.
_DISPLAYS: Mapping[str, str] = MappingProxyType({"-curses": "curses", "-sdl": "sdl"})

#: Options that take a number.
NUMBERS = frozenset({"seed", "tb-size", "xen-domid"})

#: What ``-vga`` has after its type (``system/vl.c``, ``select_vgahw``).
_RETRACES = re.compile(r"(,retrace=(dumb|precise))*")

#: ``-vga`` and the types of which one has to be there (``vga_interfaces``).
_VGA: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "none": (),
        "std": ("VGA", "isa-vga"),
        "cirrus": ("cirrus-vga", "isa-cirrus-vga"),
        "vmware": ("vmware-svga",),
        "virtio": ("virtio-vga",),
        "qxl": ("qxl-vga",),
        "tcx": ("sun-tcx",),
        "cg3": ("cgthree",),
        "xenfb": (),
    }
)


def check_plain(option: Plain, grounds: Grounds) -> Iterator[Finding]:
    """The findings about an option and its word, where it has one."""
    if not option.flag:
        return  # a disk image by itself
    absent = list(_flag(option, grounds))
    yield from absent
    if option.flag in _DISPLAYS and not absent:
        yield from grounds.backend("display", _DISPLAYS[option.flag], option.place, part="")
    if option.value is not None and not any(finding.kind is Kind.error for finding in absent):
        yield from _word(option, option.value, grounds)


def _flag(option: Plain, grounds: Grounds) -> Iterator[Finding]:
    name = option.flag[1:]
    if name not in FLAGS:
        message = f"no QEMU from 5.2 to 11.1 has an option {option.flag}"
        hint = replacement(option.flag) or did_you_mean(f"-{other}" for other in grounds.nearest(name, FLAGS))
        yield wrong(option, message, hint=hint, rule="option/flag")
    elif option.flag == "-no-acpi":
        # It was on its way out when machines began to say whether they have ACPI (QEMU 8.0).
        if grounds.caps.version.numbers >= (9, 0, 0):
            message = f"QEMU {grounds.caps.version} has no -no-acpi"
            yield wrong(option, message, hint=replacement(option.flag), rule="option/flag")
    elif option.flag not in PLAIN_OPTIONS:
        yield from grounds.flag(option.flag, option.place)


def _word(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    name = option.flag[1:]
    if name in ANY:
        return
    if name in UNTOLD:
        yield _unknown(option, UNTOLD[name], grounds)
    elif name in NUMBERS:
        if as_number(value) is None:
            yield wrong(option, f"{option.flag} is a number, not {value!r}", rule="option/value")
    elif name in READERS:  # what is not is read elsewhere
        yield from READERS[name](option, value, grounds)


def _uuid(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    if not is_uuid(value):
        message = f"-uuid is like c7a5fdbd-edaf-9455-926a-d65c16db1809, not {value!r}"
        yield wrong(option, message, rule="option/value")


def _rotate(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    if as_number(value) not in (0, 90, 180, 270):
        yield wrong(option, f"-rotate is 90, 180 or 270 degrees, not {value[:64]!r}", rule="option/value")


def _vga(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    word, comma, rest = value.partition(",")
    if _RETRACES.fullmatch(comma + rest) is None:
        yield wrong(
            option, f"-vga takes retrace=dumb or retrace=precise after {word!r}, not {rest!r}", rule="option/value"
        )
    if word not in _VGA:
        near = grounds.nearest(word, _VGA)
        message = f"-vga is one of {', '.join(_VGA)}, not {word!r}"
        yield wrong(option, message, hint=did_you_mean(near), rule="option/value")
    elif _VGA[word] and not any(grounds.caps.has(typename) for typename in _VGA[word]):
        yield from grounds.require(grounds.supports(_VGA[word][0]), option.place, rule="option/type")


def _watchdog_action(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    schema = grounds.caps.schema_
    if schema is None or schema.command("watchdog-set-action") is None:
        yield _unknown(option, "no command of this QEMU takes what it takes", grounds)
        return
    yield from grounds.misfits(option, "watchdog-set-action", "arg-type", {"action": Text(value)}, part="it")


def _character(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    """A character device, checked as the ``-chardev`` that QEMU makes of it."""
    try:
        found = read_character(option.flag, value, grounds.caps.version.numbers)
    except Unfit as unfit:
        yield wrong(option, unfit.message, hint=unfit.hint, rule="option/value")
        return
    if found is not None:
        pairs = [Property(name, text, option.place) for name, text in found.pairs if name != "id"]
        # QEMU gives it an id, as serial0.
        pairs.append(Property("id", Text("compat"), option.place))
        made = Keyval("-chardev", found.backend, tuple(pairs), option.place, "chardev")
        yield from check_listed(made, grounds)
        yield from check_keys(made, grounds)


def _net(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    """A netdev, a card (``nic``), or none."""
    try:
        found = read_network_word(option.flag, value)
    except Unfit as unfit:
        yield wrong(option, unfit.message, rule=unfit.rule)
        return
    if found.kind == "none" and (option.flag == "-nic" or found.tree.keys() == {"type", "id"}):
        return
    if found.kind == ("hubport" if option.flag == "-net" else "nic"):
        yield wrong(option, f"{option.flag} takes no {found.kind}", rule="option/value")
    elif not _netdev_types(grounds):
        yield _unknown(option, "this QEMU has no schema of netdevs", grounds)
    else:
        yield from grounds.misfits(option, "netdev_add", "arg-type", dict(found.tree))


def _netdev_types(grounds: Grounds) -> tuple[str, ...]:
    """The types of netdevs, where the schema tells them."""
    schema = grounds.caps.schema_
    if schema is None or schema.command("netdev_add") is None:
        return ()
    outcome, found = schema.find_member("netdev_add", ["type"])
    return schema.enum_values(str(found["name"]) if outcome == "found" and isinstance(found, dict) else "")


#: How the other options' values are read.
READERS: Mapping[str, Callable[[Plain, str, Grounds], Iterator[Finding]]] = MappingProxyType(
    {
        **{flag[1:]: _character for flag in CHARACTER_OPTIONS},
        **dict.fromkeys(("net", "nic"), _net),
        "rotate": _rotate,
        "uuid": _uuid,
        "vga": _vga,
        "watchdog-action": _watchdog_action,
    }
)


def _unknown(option: Plain, why: str, grounds: Grounds) -> Finding:
    value = (option.value or "")[:64]
    return Finding(
        kind=Kind.unknown,
        place=option.place,
        message=f"it is not known whether QEMU {grounds.caps.version} takes {option.flag} {value}: {why}",
        qemu_name=option.flag,
        evidence=Evidence(fact=option.flag, verdict=Verdict.unknown, note=why),
        rule="option/untold",
    )
