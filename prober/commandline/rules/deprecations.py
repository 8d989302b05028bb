"""What QEMU takes and warns of, or its documentation says will go, and no answer of the binary tells.

What the schema, ``query-machines`` and ``query-cpu-definitions`` call deprecated is told where they are read.  Most of
these are options that went later: from which version on is in ``docs/about/deprecated.rst``, until when in
``docs/about/removed-features.rst``, which also say what to write instead (:mod:`prober.commandline.replaced`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

from prober.commandline.line import Line, number
from prober.commandline.refusal import Fault, Kind, Origin
from prober.commandline.replaced import replacement
from prober.commandline.rules.rule import Rule, Version
from prober.commandline.rules.sound import cards_without_audiodev
from prober.commandline.text import Short

#: Finds the places of what is deprecated, and the part of the option that it is.
_Find: TypeAlias = Callable[[Line], Iterator[tuple[Origin, str]]]


class _Row(NamedTuple):
    """``part`` is what is deprecated, as the message has it; ``since`` and ``until`` the versions in which it is.

    ``warns`` is what QEMU's warning has in it; empty where only the documentation says so.
    """

    name: str
    part: str
    find: _Find
    about: tuple[str, ...]
    wrong: str
    right: str
    since: Version = (0, 0, 0)
    until: Version | None = None
    warns: str = "deprecated"
    hint: str = ""
    source: str = "docs/about/deprecated.rst"

    def on(self, line: Line) -> Iterator[Fault]:
        """What is deprecated on a line."""
        for place, part in self.find(line):
            yield Fault(place, part, f"{self.part} is deprecated", self.hint or replacement(self.part))


def _options(flag: str, line: Line) -> Iterator[tuple[Origin, str]]:
    for option in (*line.plain.get(flag, ()), *line.keyval.get(flag, ())):
        yield option.place, ""


def _devices(typename: str, key: str, line: Line) -> Iterator[tuple[Origin, str]]:
    """Devices of a type that have a property; all of it where that is empty."""
    for device in line.of_type(typename):
        if not key or key in device.values:
            yield device.place, key or "driver"


def _chardevs(first: str, key: str, line: Line) -> Iterator[tuple[Origin, str]]:
    """Those of a kind that have a key; all of it where that is empty."""
    for option in line.keyval.get("-chardev", ()):
        # Of a word alone QEMU says the same in another way (:mod:`prober.commandline.rules.switches`).
        given = any(item.name == key and not isinstance(item.value, Short) for item in option.pairs)
        if option.first == first and (given or not key):
            yield option.place, key or "backend"


def _keys(flag: str, key: str, value: str | None, line: Line) -> Iterator[tuple[Origin, str]]:
    """Keys that have a value; with any where that is None."""
    for option in line.keyval.get(flag, ()):
        for item in option.pairs:
            if item.name == key and value in (None, str(item.value)):
                yield item.place, key


def _no_counts(line: Line) -> Iterator[tuple[Origin, str]]:
    for option in line.keyval.get("-smp", ()):
        for item in option.pairs:
            if number(item.value) == 0:
                yield item.place, item.name


def _numa_memory(line: Line) -> Iterator[tuple[Origin, str]]:
    """Memory by its size; a machine that does not take it refuses it."""
    if line.machine is not None and line.machine.numa_mem_supported is not False:
        yield from _keys("-numa", "mem", None, line)


def _cards(line: Line) -> Iterator[tuple[Origin, str]]:
    """Sound cards that name no audiodev where there is one, which QEMU takes for them."""
    if "-audiodev" not in line.qapi or "audiodev" in line.globals:
        return
    for device in cards_without_audiodev(line):
        yield device.place, "audiodev"


def _floppy_drives(line: Line) -> Iterator[tuple[Origin, str]]:
    for key in ("driveA", "driveB"):
        yield from _devices("isa-fdc", key, line)


#: Options that are deprecated as a whole: what is written behind one, what to write, since when and until when, and
#: what QEMU's warning has in it.
_WHOLE: tuple[tuple[str, str, str, Version, Version | None, str], ...] = (
    ("-tb-size", "32", "-display none -accel tcg,tb-size=32", (5, 0, 0), (6, 0, 0), "deprecated"),
    ("-realtime", "mlock=off", "-display none -overcommit mem-lock=off", (2, 12, 0), (6, 0, 0), "deprecated"),
    ("-show-cursor", "", "-display none", (5, 0, 0), (6, 0, 0), "deprecated"),
    ("-no-hpet", "", "-display none -machine hpet=off", (8, 0, 0), (9, 0, 0), ""),
    ("-no-acpi", "", "-display none -machine acpi=off", (8, 0, 0), (9, 0, 0), ""),
    ("-async-teardown", "", "-display none -run-with async-teardown=on", (8, 1, 0), (9, 0, 0), ""),
    ("-chroot", "/", "-display none -run-with chroot=/", (8, 1, 0), (9, 0, 0), ""),
    ("-singlestep", "", "-display none -accel tcg,one-insn-per-tb=on", (8, 1, 0), (9, 0, 0), ""),
    ("-runas", "nobody", "-display none -run-with user=nobody", (9, 1, 0), (10, 0, 0), ""),
)

_CXL = (
    "-display none -M q35,cxl=on -m 256M,slots=2,maxmem=4G -object memory-backend-ram,id=m,size=256M "
    "-object memory-backend-ram,id=l,size=1M -device pxb-cxl,bus_nr=12,id=c,bus=pcie.0 "
    "-device cxl-rp,id=r,bus=c,chassis=0,slot=2 -device cxl-type3,bus=r,lsa=l,id=p"
)

_ROWS = (
    *(
        _Row(
            f"line/deprecated{flag}",
            flag,
            partial(_options, flag),
            (flag,),
            f"-display none {flag} {value}".rstrip(),
            right,
            since,
            until,
            warns,
        )
        for flag, value, right, since, until, warns in _WHOLE
    ),
    _Row(
        "line/deprecated-usbdevice",
        "-usbdevice",
        partial(_options, "-usbdevice"),
        ("-usbdevice",),
        "-display none -usb -usbdevice tablet",
        "-display none -usb -device usb-tablet",
        until=(6, 0, 0),
        hint="write -device usb-tablet and the like",
    ),
    _Row(
        "line/deprecated-mon",
        "-mon",
        partial(_options, "-mon"),
        ("-mon",),
        "-display none -chardev null,id=c -mon chardev=c",
        "-display none -chardev null,id=c -object monitor-hmp,id=m,chardev=c",
        since=(11, 1, 0),
        hint="write -object monitor-hmp,id=ID,chardev=CHARDEV, or monitor-qmp for mode=control",
        source="system/vl.c, mon_init_func (seen in 11.1)",
    ),
    _Row(
        "line/deprecated-ide-drive",
        "ide-drive",
        partial(_devices, "ide-drive", ""),
        ("ide-drive",),
        "-display none -M pc -blockdev null-co,node-name=n -device ide-drive,drive=n",
        "-display none -M pc -blockdev null-co,node-name=n -device ide-hd,drive=n",
        until=(6, 0, 0),
    ),
    _Row(
        "line/deprecated-scsi-disk",
        "scsi-disk",
        partial(_devices, "scsi-disk", ""),
        ("scsi-disk",),
        "-display none -device virtio-scsi-pci -blockdev null-co,node-name=n -device scsi-disk,drive=n",
        "-display none -device virtio-scsi-pci -blockdev null-co,node-name=n -device scsi-hd,drive=n",
        until=(6, 0, 0),
    ),
    _Row(
        "line/deprecated-sga",
        "sga",
        partial(_devices, "sga", ""),
        ("sga",),
        "-display none -device sga",
        "-display none -machine graphics=off",
        since=(6, 2, 0),
        until=(8, 0, 0),
    ),
    _Row(
        "line/deprecated-tty",
        "-chardev tty",
        partial(_chardevs, "tty", ""),
        ("tty",),
        "-display none -chardev tty,id=c,path=/dev/null",
        "-display none -chardev serial,id=c,path=/dev/null",
        since=(6, 0, 0),
        until=(8, 0, 0),
        hint="write serial",
    ),
    _Row(
        "line/deprecated-memory",
        "-chardev memory",
        partial(_chardevs, "memory", ""),
        ("memory",),
        "-display none -chardev memory,id=c",
        "-display none -chardev ringbuf,id=c",
        since=(9, 0, 0),
        warns="",
        hint="write ringbuf",
    ),
    _Row(
        "line/deprecated-reconnect",
        "-chardev reconnect",
        partial(_chardevs, "socket", "reconnect"),
        ("socket",),
        "-display none -chardev socket,id=c,host=127.0.0.1,port=1,reconnect=1",
        "-display none -chardev socket,id=c,host=127.0.0.1,port=1,reconnect-ms=1000",
        since=(9, 2, 0),
        until=(11, 0, 0),
        warns="",
        hint=replacement("-chardev.reconnect"),
    ),
    _Row(
        "line/deprecated-delay",
        "delay of a socket chardev",
        partial(_chardevs, "socket", "delay"),
        ("socket",),
        "-display none -chardev socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,delay=off",
        "-display none -chardev socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,nodelay=on",
        since=(6, 0, 0),
        warns="",
        hint="write nodelay=on for delay=off, and nodelay=off for delay=on",
    ),
    _Row(
        "line/deprecated-floppy-drive",
        "driveA or driveB of isa-fdc",
        _floppy_drives,
        ("driveA", "driveB"),
        "-display none -nodefaults -M isapc -blockdev null-co,node-name=n -device isa-fdc,driveA=n",
        "-display none -nodefaults -M isapc -device isa-fdc",
        until=(6, 0, 0),
        hint=f"{replacement('isa-fdc.driveA')}, and with unit=1 for driveB",
    ),
    _Row(
        "line/deprecated-smp-0",
        "a 0 in -smp",
        _no_counts,
        ("-smp",),
        "-display none -smp 2,sockets=0",
        "-display none -smp 2,sockets=2",
        since=(6, 2, 0),
        until=(9, 0, 0),
        warns="Deprecated",
        hint="leave it out",
    ),
    _Row(
        "line/deprecated-numa-mem",
        "mem of -numa node",
        _numa_memory,
        ("-numa",),
        "-display none -M pc-i440fx-5.0 -m 128 -numa node,mem=128M",
        "-display none -M pc-i440fx-5.0 -m 128 -object memory-backend-ram,id=m,size=128M -numa node,memdev=m",
        until=(11, 0, 0),
        hint="write memdev=ID, and -object memory-backend-ram,id=ID with its size",
    ),
    _Row(
        "line/deprecated-spice-password",
        "-spice password",
        partial(_keys, "-spice", "password", None),
        ("-spice",),
        "-display none -spice port=0,password=abc",
        "-display none -object secret,id=s,data=abc -spice port=0,password-secret=s",
        since=(6, 0, 0),
        until=(8, 0, 0),
        hint=replacement("-spice.password"),
    ),
    _Row(
        "line/deprecated-backing",
        "an empty backing of -drive",
        partial(_keys, "-drive", "backing", ""),
        ("-drive",),
        "-display none -drive if=none,driver=null-co,backing=",
        "-display none -drive if=none,driver=null-co",
        hint="leave it out, or write a -blockdev in JSON with a backing of null",
    ),
    _Row(
        "line/deprecated-audiodev",
        "a sound card without an audiodev",
        _cards,
        ("-audiodev",),
        "-display none -audiodev none,id=a -device AC97",
        "-display none -audiodev none,id=a -device AC97,audiodev=a",
        until=(8, 2, 0),
        hint="write audiodev=ID behind the card",
    ),
    _Row(
        "line/deprecated-debug-threads",
        "debug-threads of -name",
        partial(_keys, "-name", "debug-threads", None),
        ("-name",),
        "-display none -name a,debug-threads=on",
        "-display none -name a",
        since=(11, 0, 0),
        warns="",
        hint="leave it out: threads have names always",
    ),
    _Row(
        "line/deprecated-iscsi-password",
        "password of -iscsi",
        partial(_keys, "-iscsi", "password", None),
        ("-iscsi",),
        "-display none -iscsi user=a,password=b",
        "-display none -object secret,id=s,data=b -iscsi user=a,password-secret=s",
        since=(8, 0, 0),
        warns="",
        hint="write password-secret=ID, and -object secret,id=ID,file=FILE",
    ),
    _Row(
        "line/deprecated-num-queues",
        "num_queues of nvme",
        partial(_devices, "nvme", "num_queues"),
        ("num_queues",),
        "-display none -device nvme,serial=a,num_queues=2",
        "-display none -device nvme,serial=a,max_ioqpairs=1",
        hint="write max_ioqpairs, which is one less: the queue of the administration is not counted",
        source="hw/nvme/ctrl.c, nvme_check_params (5.2: hw/block/nvme.c, nvme_check_constraints)",
    ),
    _Row(
        "line/deprecated-use-intel-id",
        "use-intel-id of nvme",
        partial(_devices, "nvme", "use-intel-id"),
        ("use-intel-id",),
        "-display none -device nvme,serial=a,use-intel-id=on",
        "-display none -device nvme,serial=a",
        since=(7, 1, 0),
        warns="",
        hint="leave it out",
    ),
    _Row(
        "line/deprecated-cxl-memdev",
        "memdev of cxl-type3",
        partial(_devices, "cxl-type3", "memdev"),
        ("cxl-type3",),
        f"{_CXL},memdev=m",
        f"{_CXL},persistent-memdev=m",
        since=(8, 0, 0),
        warns="",
        hint="write persistent-memdev=ID",
    ),
)


RULES = tuple(
    Rule(
        row.name,
        f"{row.part} is left out",
        row.source,
        row.on,
        about=row.about,
        wrong=row.wrong,
        right=row.right,
        since=row.since,
        until=row.until,
        kind=Kind.deprecated,
        warns=row.warns,
    )
    for row in _ROWS
)
