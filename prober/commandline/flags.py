"""QEMU's options by name: whether each takes a value, and in which versions x86's QEMU has it.

No QMP answer lists them all: ``query-command-line-options`` knows those with keys.  Read from
``qemu-options.hx`` of 7.2 and 10.0, and from ``-help`` of 5.2, 7.2 and 11.1; of versions in between nothing is
said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: A version's first two numbers.
MajorMinor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flag:
    """One option.

    ``absent_from``: the first version that is known not to have it any more.  ``absent_to``: the last version
    that is known not to have it yet.  What lies between the last known to have it and ``absent_from`` is
    not known.
    """

    takes_value: bool
    last_known: MajorMinor | None = None
    absent_from: MajorMinor | None = None
    absent_to: MajorMinor | None = None
    first_known: MajorMinor | None = None


_VALUES = [
    "D", "L", "M", "accel", "acpitable", "action", "add-fd", "append", "audio", "audiodev", "bios", "blockdev",
    "boot", "cdrom", "chardev", "chroot", "compat", "cpu", "d", "debugcon", "device", "dfilter", "display", "drive",
    "dtb", "dump-vmstate", "echr", "fda", "fdb", "fsdev", "fw_cfg", "gdb", "global", "hda", "hdb", "hdc", "hdd",
    "icount", "incoming", "initrd", "iscsi", "k", "kernel", "loadvm", "m", "machine", "mem-path", "mon", "monitor",
    "msg", "mtdblock", "name", "net", "netdev", "nic", "numa", "object", "option-rom", "overcommit", "parallel",
    "pflash", "pidfile", "plugin", "qmp", "qmp-pretty", "qtest", "qtest-log", "readconfig", "realtime", "rotate",
    "rtc", "run-with", "runas", "sandbox", "sd", "seed", "serial", "set", "shim", "smbios", "smp", "soundhw", "spice",
    "tb-size", "tpmdev", "trace", "usbdevice", "uuid", "vga", "virtfs", "vnc", "watchdog", "watchdog-action",
    "writeconfig", "xen-domid",
]  # fmt: skip

_BARE = [
    "S", "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize", "enable-fips", "enable-kvm",
    "enable-sync-profile", "full-screen", "h", "help", "jitdump", "mem-prealloc", "no-acpi", "no-fd-bootchk",
    "no-hpet", "no-quit", "no-reboot", "no-shutdown", "no-user-config", "nodefaults", "nographic", "only-migratable",
    "perfmap", "portrait", "preconfig", "s", "sdl", "show-cursor", "singlestep", "snapshot", "usb", "version",
    "win2k-hack", "xen-attach", "xen-domid-restrict",
]  # fmt: skip

#: Options that went: the last version seen with them, and the first without.
_GONE: dict[str, tuple[MajorMinor, MajorMinor]] = {
    **dict.fromkeys(
        ("alt-grab", "ctrl-grab", "curses", "enable-fips", "no-quit", "realtime", "sdl", "show-cursor", "soundhw",
         "tb-size", "watchdog", "writeconfig"),
        ((5, 2), (7, 2)),
    ),
    **dict.fromkeys(
        ("async-teardown", "audio-help", "chroot", "no-acpi", "no-hpet", "portrait", "rotate", "runas", "singlestep"),
        ((7, 2), (10, 0)),
    ),
}  # fmt: skip

#: Options that came: the last version seen without them, and the first with.
_CAME: dict[str, tuple[MajorMinor, MajorMinor]] = {
    **dict.fromkeys(("action", "async-teardown", "audio", "compat"), ((5, 2), (7, 2))),
    **dict.fromkeys(("jitdump", "perfmap", "run-with", "shim"), ((7, 2), (10, 0))),
}


_X86, _X86_AND_ARM = frozenset({"x86_64", "i386"}), frozenset({"x86_64", "i386", "aarch64", "arm"})

#: Options that are for some targets alone: which, and the version from which on nothing is said of the others, where
#: they got it later (``qemu-options.hx``: the last word of a ``DEF``; seen with 7.2 for ARM, RISC-V and LoongArch).
_OF_TARGETS: Mapping[str, tuple[frozenset[str], MajorMinor | None]] = MappingProxyType(
    {
        "-acpitable": (_X86, (8, 0)),
        "-no-acpi": (_X86_AND_ARM, None),
        "-no-fd-bootchk": (_X86, None),
        "-no-hpet": (_X86, None),
        "-smbios": (_X86_AND_ARM, (8, 0)),
        "-win2k-hack": (_X86, None),
    }
)


def is_of_other_targets(flag: str, target: str, version: tuple[int, int, int]) -> bool:
    """Whether a QEMU that knows an option says that its target has it not."""
    targets, until = _OF_TARGETS.get(flag, (frozenset({target}), None))
    return target not in targets and (until is None or version[:2] < until)


def _flag(name: str, takes_value: bool) -> Flag:
    last_known, absent_from = _GONE.get(name, (None, None))
    absent_to, first_known = _CAME.get(name, (None, None))
    return Flag(takes_value, last_known, absent_from, absent_to, first_known)


#: Every option, without its dash.
FLAGS: Mapping[str, Flag] = MappingProxyType(
    {
        **{name: _flag(name, True) for name in _VALUES},
        **{name: _flag(name, False) for name in _BARE},
    }
)
