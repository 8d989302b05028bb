"""What is loaded and run at the start: the kernel and what goes with it, a saved state, and the accelerator."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.drives import DRIVE_OPTIONS
from prober.commandline.line import Line, value_of
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule

#: Options that ``-machine`` has a key for (``softmmu/vl.c``: they set it), and the key.
_OF_KERNEL = {"-append": "append", "-initrd": "initrd", "-shim": "shim"}


_HINT = "what the guest boots from its disk has its own"


def _kernel(line: Line) -> Iterator[Fault]:
    if line.is_open or "-kernel" in line.plain or line.machine_value("kernel") is not None:
        return
    for flag, key in _OF_KERNEL.items():
        # 5.2 takes an empty -append for none.
        may_be_empty = flag == "-append" and line.caps.version.numbers < (7, 2, 0)
        for option in line.plain.get(flag, ()):
            if option.value or not may_be_empty:
                yield Fault(option.place, flag, f"{flag} needs -kernel", _HINT)
        for keyed in line.keyval.get("-machine", ()):
            value = value_of(keyed.pairs, key)
            if value is not None and (value or not may_be_empty):
                yield Fault(keyed.place, key, f"{key} needs a kernel", "add kernel=FILE, or leave it out")


#: What stands for ``-machine accel=``.
_OLD_ACCELERATORS = ("-enable-kvm", "-no-kvm", "-enable-hax")


def _accelerators(line: Line) -> Iterator[Fault]:
    if "-accel" not in line.keyval:
        return
    for keyed in line.keyval.get("-machine", ()):
        if any(item.name == "accel" for item in keyed.pairs):
            hint = "write each accelerator as an -accel of its own"
            yield Fault(keyed.place, "accel", "-machine accel= cannot be with -accel", hint)
    for flag in _OLD_ACCELERATORS:
        for option in line.plain.get(flag, ()):
            yield Fault(option.place, flag, f"{flag} stands for -machine accel=, which cannot be with -accel")


def _no_disk(line: Line) -> Iterator[Fault]:
    flags = {*line.plain, *line.keyval, *line.qapi}
    if line.is_open or not flags.isdisjoint(("-preconfig", "-blockdev", *DRIVE_OPTIONS)):
        return
    for option in line.plain.get("-loadvm", ()):
        yield Fault(option.place, "-loadvm", "-loadvm needs a disk that a snapshot is in, and there is none")


def _with_incoming(line: Line) -> Iterator[Fault]:
    if "-incoming" in line.plain:
        for option in line.plain.get("-loadvm", ()):
            yield Fault(option.place, "-loadvm", "-loadvm cannot be with -incoming: either brings the guest's state")


def _preconfig(line: Line) -> Iterator[Fault]:
    incoming = line.plain.get("-incoming", [])[-1:]
    for option in line.plain.get("-preconfig", ())[:1]:
        if "-loadvm" in line.plain and line.caps.version.numbers >= (7, 2, 0):
            yield Fault(option.place, "-preconfig", "-preconfig cannot be with -loadvm")
        if incoming and incoming[0].value != "defer":
            yield Fault(incoming[0].place, "-incoming", "with -preconfig an -incoming is defer alone")


def _gdb(line: Line) -> Iterator[Fault]:
    places: list[Origin] = [
        option.place for flag in ("-gdb", "-s") for option in line.plain.get(flag, ()) if option.value != "none"
    ]
    for place in places[1:]:
        yield Fault(place, "-gdb", "there is one -gdb (-s is -gdb tcp::1234)")


RULES = (
    Rule(
        "line/kernel",
        "`-append`, `-initrd` and `-shim` go with `-kernel`",
        "softmmu/vl.c, qemu_validate_options (5.2: qemu_init)",
        _kernel,
        about=(*_OF_KERNEL, *_OF_KERNEL.values()),
        wrong="-display none -append quiet",
        right="-display none -S",
    ),
    Rule(
        "line/accelerator-options",
        "accelerators are named by `-accel` or by `-machine accel=`, not by both",
        "softmmu/vl.c, configure_accelerators",
        _accelerators,
        about=("-accel",),
        wrong="-display none -machine pc,accel=tcg -accel tcg",
        right="-display none -machine pc -accel tcg",
    ),
    Rule(
        "line/loadvm-disk",
        "`-loadvm` goes with a disk",
        "migration/savevm.c, load_snapshot; block/snapshot.c, bdrv_all_find_vmstate_bs",
        _no_disk,
        about=("-loadvm",),
        wrong="-display none -nodefaults -loadvm before",
        right="-display none -nodefaults",
    ),
    Rule(
        "line/loadvm-incoming",
        "`-loadvm` and `-incoming` exclude one another",
        # Older ones say that the disk has no snapshots: it is not active before the state has come.
        "system/vl.c, qemu_validate_options (since 9.0); migration/savevm.c, load_snapshot",
        _with_incoming,
        about=("-loadvm",),
        wrong="-display none -loadvm before -incoming defer -drive if=none,file=null-co://,format=raw",
        right="-display none -incoming defer -drive if=none,file=null-co://,format=raw",
    ),
    Rule(
        "line/preconfig",
        "`-preconfig` goes with no state that is loaded but that of `-incoming defer`",
        "softmmu/vl.c, qemu_validate_options",
        _preconfig,
        about=("-preconfig",),
        wrong="-display none -preconfig -incoming tcp:127.0.0.1:0",
        right="-display none -incoming tcp:127.0.0.1:0",
    ),
    Rule(
        "line/gdb-once",
        "there is one server for gdb",
        "gdbstub/system.c, gdbserver_start; chardev/char.c, qemu_chardev_new",
        _gdb,
        about=("-gdb", "-s"),
        wrong="-display none -gdb null -gdb null",
        right="-display none -gdb null",
    ),
)
