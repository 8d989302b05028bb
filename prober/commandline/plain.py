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
from prober.commandline.options import Plain, Value
from prober.commandline.refusal import Finding, Kind
from prober.commandline.replaced import replacement
from prober.commandline.text import Text, as_number, collect_items, last_item, split_pairs

#: Options that take any text: paths, tags, and what is handed on to the guest or to the host.
ANY = frozenset(
    {
        "D", "L", "append", "bios", "cdrom", "chroot", "dtb", "dump-vmstate", "fda", "fdb", "hda", "hdb", "hdc", "hdd",
        "initrd", "k", "kernel", "loadvm", "mem-path", "mtdblock", "pflash", "pidfile", "qtest-log", "runas", "sd",
        "shim", "writeconfig",
    }
)  # fmt: skip

#: Options of which no answer tells what they take.
UNTOLD: Mapping[str, str] = MappingProxyType(
    {
        "audio": "which models of sound cards it takes is in no answer",
        "d": "which items of the log there are is in no answer",
        "dfilter": "its ranges are read by QEMU's log alone",
        "plugin": "a plugin reads its arguments itself",
        "qtest": "it is for QEMU's own tests",
        "readconfig": "the file has further options, and is not read",
        "set": "it changes another option behind this check",
        "soundhw": "which cards it takes is in no answer",
        "usbdevice": "which devices it takes is in no answer",
        "watchdog": "which cards it takes is in no answer",
    }
)

#: Options that are a display by themselves, as far as a version has them.
_DISPLAYS: Mapping[str, str] = MappingProxyType({"-curses": "curses", "-sdl": "sdl"})

#: Options that take a number.
NUMBERS = frozenset({"echr", "rotate", "seed", "tb-size", "xen-domid"})

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

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

#: Where a migration may come from (``migration/migration.c``, ``qemu_start_incoming_migration``).
_INCOMING = re.compile(r"defer|(tcp|unix|fd|exec|file|rdma|vsock):.+|\{.*", re.DOTALL)

#: Backends that a word alone stands for, and what begins one with more behind it (``chardev/char.c``,
#: ``qemu_chr_parse_compat``; ``none`` is of the options themselves, ``chardev:`` of most).
_BACKEND = re.compile(
    r"none|null|pty|msmouse|wctablet|braille|testdev|stdio|vc(:\d{1,7}C?x\d{1,7}C?)?|con:|COM.*|chardev:.+|(file|pipe):.*"
    r"|(tcp|telnet|tn3270|websocket|udp):[^:]{0,64}:[^,]{1,32}(,.*)?|unix:.+|/dev/.+"
)
#: Those behind which QEMU reads further keys.
_KEYED_BACKEND = re.compile(r"(tcp|telnet|tn3270|websocket|udp|unix):[^,]*,.*")

#: Keys that ``-net`` and ``-nic`` take beside those of the netdev.
_OF_CARD = ("model", "mac", "macaddr", "addr", "vectors", "name", "netdev")


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
    if not _UUID.fullmatch(value):
        message = f"-uuid is like c7a5fdbd-edaf-9455-926a-d65c16db1809, not {value!r}"
        yield wrong(option, message, rule="option/value")


def _vga(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    word = value.partition(",")[0]
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


def _incoming(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    if not _INCOMING.fullmatch(value):
        yield _unknown(option, "a migration from such an address was not seen", grounds)


def _backend(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    word = value.removeprefix("mon:") if option.flag == "-serial" else value
    if option.flag == "-gdb" and re.fullmatch(r"\d+|none|:.*", word):
        return  # ``gdbstub``: a port alone is one of TCP
    if not _BACKEND.fullmatch(word):
        message = f"{word[:64]!r} is no character device that {option.flag} takes"
        yield wrong(option, message, rule="option/value")
    elif _KEYED_BACKEND.fullmatch(word):
        yield _unknown(option, "what stands behind the address is read by QEMU's sockets alone", grounds)


def _net(option: Plain, value: str, grounds: Grounds) -> Iterator[Finding]:
    """A netdev, a card (``nic``), or none (``net/net.c``, ``net_init_client`` and ``net_param_nic``)."""
    pairs = [(key, text if text is not None else Text("on")) for key, text in split_pairs(value, "type")]
    of_card = any(key in _OF_CARD for key, _ in pairs)
    tree: dict[str, Value] = collect_items((key, text) for key, text in pairs if key not in _OF_CARD)
    kind = str(last_item(tree.get("type", "")))
    if kind == "none" and len(pairs) == 1:
        return
    if kind == "nic" or of_card:
        yield _unknown(option, "which network cards it takes is in no answer", grounds)
    elif not _netdev_types(grounds):
        yield _unknown(option, "this QEMU has no schema of netdevs", grounds)
    else:
        tree.setdefault("id", Text("net"))
        yield from grounds.misfits(option, "netdev_add", "arg-type", tree)


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
        **dict.fromkeys(("debugcon", "gdb", "monitor", "parallel", "qmp", "qmp-pretty", "serial"), _backend),
        **dict.fromkeys(("net", "nic"), _net),
        "incoming": _incoming,
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
