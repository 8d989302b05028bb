"""The rows of all other options: the machine's own are kept, what would leave the box or end the proof is not started.

Seen with QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import KEPT, StandInRow, left_out, never, stood_in, treat
from prober.proof.rows.boot import stand_in_machine_files
from prober.proof.rows.chardevs import listening

_ON = ("on", "yes", "true", "y")

#: Options about the machine, the guest, or what QEMU says; they take nothing of the host.
_ARE_KEPT = (
    "S", "accel", "action", "boot", "compat", "cpu", "d", "dfilter", "echr", "enable-fips", "enable-kvm",
    "enable-sync-profile", "m", "mon", "msg", "name", "no-acpi", "no-fd-bootchk", "no-hpet", "no-reboot",
    "no-shutdown", "no-user-config", "nodefaults", "numa", "only-migratable", "rtc", "sandbox", "seed", "singlestep",
    "smp", "tb-size", "usb", "uuid", "watchdog", "watchdog-action", "win2k-hack",
)  # fmt: skip

_FILE = "it writes a file"
_USER = "it is about the user and the root directory that QEMU runs with"
_PRINTS = "it prints something and ends"
_XEN = "it is Xen's"

_NEVER: Mapping[str, str] = MappingProxyType(
    {
        "D": "it writes QEMU's log to a file, where nobody would read why a line is refused",
        "audio-help": _PRINTS,
        "chroot": _USER,
        "daemonize": "it takes QEMU away from who started it",
        "dump-vmstate": _FILE,
        "h": _PRINTS,
        "help": _PRINTS,
        "pidfile": _FILE,
        "plugin": "it loads a library into QEMU",
        "qtest": "it is for QEMU's own tests",
        "qtest-log": "it is for QEMU's own tests",
        "readconfig": "it has further options, which are not read here",
        "runas": _USER,
        "version": _PRINTS,
        "writeconfig": _FILE,
        "xen-attach": _XEN,
        "xen-domid": _XEN,
        "xen-domid-restrict": _XEN,
    }
)


def _machine(given: Given, members: Members, bench: Bench) -> None:
    if members.text("dumpdtb"):
        bench.refuse(given, "it writes a device tree, and ends")
    stand_in_machine_files(given, members, bench)
    if members.inner("sgx-epc") is not None:
        members.drop("sgx-epc")
        bench.leave_out(given, "the memory of an enclave is of the host's processor", part="sgx-epc")


#: Begins like a picture, which is all that is looked at (QEMU, ``hw/nvram/fw_cfg.c``, ``read_splashfile``).
_PICTURE = b"\xff\xd8" + bytes(30)


def _boot(given: Given, members: Members, bench: Bench) -> None:
    if members.text("splash"):
        members.set("splash", bench.add(members.text("splash"), content=_PICTURE))
        bench.replace(given, "splash", "a picture of nothing")


def _off(name: str, why: str) -> StandInRow:
    def change(given: Given, members: Members, bench: Bench) -> None:
        if members.text(name) in (*_ON, "on-fault"):
            members.set(name, "off")
            bench.replace(given, name, "off")

    return stood_in(f"`{name}=off`: {why}", change)


def _run_with(given: Given, members: Members, bench: Bench) -> None:
    for name in ("chroot", "user"):
        if members.value(name) is not None:
            bench.refuse(given, _USER)
    if members.text("async-teardown") in _ON:
        members.set("async-teardown", False)
        bench.replace(given, "async-teardown", "off")


def _icount(given: Given, members: Members, bench: Bench) -> None:
    if members.text("rr"):
        bench.refuse(given, "it records or replays a guest's run")


def _trace(given: Given, members: Members, bench: Bench) -> None:
    if members.text("file"):
        members.set("file", bench.place(members.text("file")))
        bench.replace(given, "file", "a file in the directory of stand-ins")
    if members.text("events"):
        members.set("events", bench.add(members.text("events")))
        bench.replace(given, "events", "an empty list")


def _memory_path(given: Given, _members: Members, bench: Bench) -> None:
    given.change(bench.theirs)
    bench.replace(given, "", "the directory of stand-ins")


def _add_fd(given: Given, members: Members, bench: Bench) -> None:
    """What is no descriptor, or of no set, is left for QEMU to refuse (``system/vl.c``, ``parse_add_fd``)."""
    numbers = [members.text(name) for name in ("fd", "set")]
    if not all(re.fullmatch(r"[0-9]+", number) for number in numbers) or int(numbers[0][:9]) <= 2:
        return
    bench.replace(given, "", "files stand in for all that is in its set")
    given.is_left_out = True


def _set_aside(by: str) -> StandInRow:
    def change(given: Given, _members: Members, bench: Bench) -> None:
        bench.replace(given, "", by)
        given.is_left_out = True

    return stood_in(by, change)


#: Where a migration may come from (QEMU, ``migration/migration.c``, ``qemu_start_incoming_migration``).
_SOURCES = re.compile(r"(tcp|unix|fd|exec|file|rdma|vsock):.*|\{.*\}", re.DOTALL)


def _incoming(given: Given, _members: Members, bench: Bench) -> None:
    word = given.value or ""
    if word == "defer" or not _SOURCES.fullmatch(word):
        return  # QEMU says that it is no source
    if word.startswith("tcp:") and ":" not in word[4:]:
        return  # an address without a port, which it says as well
    if word.startswith("{") and bench.caps.version.numbers < (8, 2, 0):
        return
    given.change("defer")
    bench.replace(given, "", "defer")


def _shared_directory(given: Given, members: Members, bench: Bench) -> None:
    if members.text("path"):
        members.set("path", bench.add(members.text("path"), kind="directory"))
        bench.replace(given, "path", "an empty directory")


def _proxy(given: Given, members: Members, bench: Bench) -> None:
    for name in ("socket", "sock_fd"):
        if members.text(name):
            members.drop(name)
            members.set("socket", listening(bench))
            bench.replace(given, name, "a socket that is listened on, and never answered")
            return


FSDEVS: Mapping[str, StandInRow] = MappingProxyType(
    {
        "local": stood_in("an empty directory", _shared_directory),
        "proxy": stood_in("a socket that is listened on and never answered", _proxy),
        "synth": KEPT,
    }
)

TPMDEVS: Mapping[str, StandInRow] = MappingProxyType(
    {
        "emulator": left_out("it talks to an emulator in another process, which is not here"),
        "passthrough": left_out("the TPM is the host's"),
    }
)


def _by_type(rows: Mapping[str, StandInRow], noun: str, implied: str) -> StandInRow:
    """Without a type, QEMU says so."""

    def change(given: Given, members: Members, bench: Bench) -> None:
        if members.text(implied):
            treat(rows, noun, members.text(implied), given, members, bench)

    return stood_in("by its type, see below", change)


_FSDEV = _by_type(FSDEVS, "fsdev", "fsdriver")
_MACHINE = stood_in("itself; a kernel, firmware and the like as those options, `sgx-epc` is left out", _machine)

OTHER_OPTIONS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **{f"-{name}": KEPT for name in _ARE_KEPT},
        **{f"-{name}": never(why) for name, why in _NEVER.items()},
        "-M": _MACHINE,
        "-add-fd": stood_in("files stand in for all that is in its set", _add_fd),
        "-async-teardown": _set_aside("nothing, as it is about how QEMU ends"),
        "-boot": stood_in("a picture of nothing in `splash`", _boot),
        "-fsdev": _FSDEV,
        "-icount": stood_in("itself; not started with `rr`", _icount),
        "-incoming": stood_in("`defer`", _incoming),
        "-jitdump": left_out(_FILE),
        "-machine": _MACHINE,
        "-mem-path": stood_in("the directory of stand-ins", _memory_path),
        "-mem-prealloc": _set_aside("memory that is never touched"),
        "-overcommit": _off("mem-lock", "no memory is locked"),
        "-perfmap": left_out(_FILE),
        "-preconfig": left_out("it waits for a command before the machine is made"),
        "-realtime": _off("mlock", "no memory is locked"),
        "-run-with": stood_in("`async-teardown=off`; not started with `chroot` or `user`", _run_with),
        "-semihosting-config": left_out("what a guest asks of the host while it runs, which it never does"),
        "-tpmdev": _by_type(TPMDEVS, "tpmdev", "type"),
        "-trace": stood_in("files in the directory of stand-ins", _trace),
        "-virtfs": _FSDEV,
    }
)


#: Options of which some words ask for a list (QEMU, ``is_help_option``).
_WITH_HELP = frozenset(
    (
        "-M", "-accel", "-audio", "-audiodev", "-chardev", "-cpu", "-d", "-device", "-display", "-drive", "-machine",
        "-net", "-netdev", "-nic", "-object", "-soundhw", "-tpmdev", "-trace", "-usbdevice", "-vga", "-watchdog",
    )
)  # fmt: skip
_HELP = ("help", "?")


def asks_for_help(given: Given) -> bool:
    """Whether QEMU would print a list and end: ``-machine help``, ``-device e1000,help``, ``model=help``."""
    if given.flag not in _WITH_HELP or given.value is None:
        return False
    if given.value in _HELP or given.value.rpartition(",")[2] in _HELP:
        return True
    members = given.members
    return members is not None and (
        given.type in _HELP or members.text("model") in _HELP or members.text("format") in _HELP
    )
