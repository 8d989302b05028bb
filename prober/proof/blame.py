"""What a QEMU's refusal is about: an option of the line, a stand-in, or the host.

In this order.  A sentence of the host is known as a whole.  Then a stand-in is to blame where the message names a key,
value or path that was put there, and nothing else is: to blame any option that something stands in for hides what is
really wrong with it.  All else is the line's, and belongs to the option that QEMU wrote before it, or that a known
sentence is about.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.models import Blamed
from prober.proof.words import Message

#: Sentences that are about an option, though QEMU does not write it before them, as it has read the line by then
#: (QEMU 5.2 to 11.1: ``hw/core/machine-smp.c``, ``hw/core/numa.c``, ``system/vl.c``, ``target/i386/cpu.c``, ``net/``).
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), flag)
    for pattern, flag in (
        (r"Invalid CPU topology.*|Invalid SMP CPUs .*|maxcpus must be .*|cpu topology: .*", "-smp"),
        (r"\w+( > 1)? not supported by this machine's CPU topology|Parameter 'smp\..*|.*-smp configuration.*", "-smp"),
        (r"The number of CPUs .*|Number of (hotpluggable|SMP) cpus .*|apic initialization failed\. .*", "-smp"),
        (r"total memory for NUMA nodes .*|numa: .*|.*NUMA .*|-numa .*|memdev=.*", "-numa"),
        (
            r"unable to find CPU model .*|CPU model .* requires .*|TCG doesn't support requested.*|.*phys-bits.*",
            "-cpu",
        ),
        (r"kernel doesn't allow setting HyperV .*", "-cpu"),
        (r"Unsupported NIC model: .*", "-nic"),
        (r"can't apply global [\w.-]+-cpu\..*|Host doesn't support requested features?.*", "-cpu"),
        (r"invalid value of maxmem.*|unsupported amount of memory slots.*|.*[Rr]AM size.*|ram size .*", "-m"),
        (r"invalid RAM size.*|maxmem .*|'-m.*|.*amount of memory slots.*", "-m"),
        (r"Boot device .*|Invalid boot device .*|(splash|reboot).?timeout is .*|Parameter 'boot\..*", "-boot"),
        (r"invalid datetime format.*|-rtc .*|Invalid -rtc .*|.*driftfix.*", "-rtc"),
        (r"unsupported machine type.*|The -accel and .*|Invalid accelerator.*|.*-machine .*", "-machine"),
        (r"Property '[\w.-]+-machine\..*|pflash\d requires pflash\d|Use -machine help .*", "-machine"),
        (r"Parameter '[\w.-]+' does not accept value .*", "-machine"),
        (r".*invalid accelerator.*|-accel .*|.*[Aa]ccelerator.*", "-accel"),
        (r".*[Dd]isplay .*|.*VGA .*not available.*", "-display"),
        (r"(XLIB|VNC|SPICE|spice).*", "-vnc"),
    )
)

#: ``can't apply global DRIVER.PROPERTY=VALUE: …`` (QEMU, ``qdev_prop_set_globals`` and ``object_apply_global_props``).
_GLOBAL = re.compile(r"can't apply global (?P<driver>[^.]+)\.(?P<name>[^=]+)=(?P<value>.*?): .*", re.DOTALL)

#: An option that QEMU does not know at all (QEMU, ``system/vl.c``, ``lookup_opt``).
_UNKNOWN = re.compile(r"-?(-[\w-]+): (invalid option|requires an argument)")

#: What only the host has to do with: these whole messages, and those that end in one of these errors of the system.
_HOST_SENTENCES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"Could not access KVM kernel module: .*",
        r"failed to initialize kvm: .*",
        r"kvm: .*",
        r"bwrap: .*",
        r"cannot set up guest memory '[^']*': Cannot allocate memory",
        r"(Failed to|cannot) create (a )?(new )?thread: .*|qemu_thread_create: .*",
        r"os_mem_prealloc: .*|.*Insufficient free host memory pages available to allocate guest RAM.*",
        r"unable to map backing store for guest RAM: .*",
        r"mlock(all)?: .*|locking memory failed.*",
        r"address resolution failed for .*|No voice|Initializing audio voice failed|audio: .*",
        r"gtk initialization failed|Could not initialize SDL.*|.*Could not initialize SDL.*",
        r"(egl|opengl|eglInit|render node).*|.*EGL.*(failed|not available).*",
        r"failed to create memfd: .*|.*fallocate.*: No space left on device",
        r"(GLib|Gtk|GSpice|\w+-(WARNING|CRITICAL|ERROR)) .*",
    )
)
_HOST_ERRORS = tuple(
    os.strerror(number)
    for number in (
        errno.EPERM, errno.EACCES, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EBUSY,
        errno.ENXIO, errno.ENODEV, errno.ENOSYS, errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ECONNREFUSED,
        errno.ENETUNREACH, errno.EROFS, errno.EFBIG, errno.EHOSTUNREACH,
    )
)  # fmt: skip

#: Sentences about a part that they do not name: what is there of it may be the stand-in's alone, as two addresses of a
#: host are one of the loopback here, and a file that is loaded is of another size (QEMU 5.2 to 11.1, ``net/slirp.c``,
#: ``slirp_hostfwd``; ``hw/core/loader.c``, ``rom_check_and_register_reset``).
_OF_FORWARDING = re.compile(r"Could not set up host forwarding rule .*", re.DOTALL)
_OF_LOADED = re.compile(r"Some ROM regions are overlapping.*|rom: requested regions overlap .*", re.DOTALL)
_LOADED_BY = frozenset(("-bios", "-device", "-dtb", "-initrd", "-kernel", "-option-rom"))

_QUOTED = re.compile(r"'([^']{1,200})'|\"([^\"]{1,200})\"|\b([a-z][\w.-]{1,60})=")


class Cause(Enum):
    """Who a refusal comes from."""

    line = "line"
    stand_in = "stand-in"
    host = "host"


@dataclass(frozen=True, slots=True)
class Blame:
    """Who is to blame for a message, and the option that it belongs to, where that is known."""

    cause: Cause
    option: Blamed | None


def blame(message: Message, started: Sequence[Given], bench: Bench) -> Blame:
    """Whose fault a message tells of.  ``started`` are the options that QEMU was started with, as it counts them."""
    given = started[message.option] if message.option is not None else _by_sentence(message.text, started)
    option = None
    if given is not None:
        option = Blamed(position=given.position, flag=given.flag, part=_part(message.text, given))
    if _is_of_host(message.text):
        return Blame(Cause.host, option)
    if _is_of_stand_in(message.text, given, bench):
        return Blame(Cause.stand_in, option)
    return Blame(Cause.line, option)


def _is_of_host(text: str) -> bool:
    if any(pattern.fullmatch(text) for pattern in _HOST_SENTENCES):
        return True
    return text.rpartition(": ")[2].rstrip(".") in _HOST_ERRORS


def _is_of_stand_in(text: str, given: Given | None, bench: Bench) -> bool:
    """Whether it names a path of a stand-in, or a part of this option that was replaced."""
    if f"{bench.theirs}/" in text:
        # Two users of one image are the line's own, whatever the image is called.
        return not text.startswith(("Failed to get ", "Failed to lock "))
    if _OF_LOADED.fullmatch(text):
        return any(item.flag in _LOADED_BY for item in bench.replaced)
    if given is None:
        return False
    parts = {item.part for item in bench.replaced if item.position == given.position and item.part}
    if _OF_FORWARDING.fullmatch(text):
        return "hostfwd" in parts
    names = {name for found in _QUOTED.finditer(text) for name in found.groups() if name}
    return any(name in parts or name.rpartition(".")[2] in parts for name in names)


def _by_sentence(text: str, started: Sequence[Given]) -> Given | None:
    unknown = _UNKNOWN.fullmatch(text)
    if unknown is not None:
        return next((given for given in started if given.flag == unknown[1]), None)
    found = _GLOBAL.fullmatch(text)
    if found is not None:
        written = f"{found['driver']}.{found['name']}="
        for given in started:
            if given.flag == "-global" and (given.value or "").startswith(written):
                return given
    for pattern, flag in _SENTENCES:
        if pattern.fullmatch(text):
            option = _last(flag, started)
            if option is not None:
                return option
    return None


def _last(flag: str, started: Iterable[Given]) -> Given | None:
    """The last option of this name, which is what QEMU goes by."""
    names = {
        "-nic": ("-nic", "-net"),
        "-machine": ("-machine", "-M"),
        "-display": ("-display", "-vga"),
        "-vnc": ("-vnc", "-spice"),
    }
    return next((item for item in reversed([*started]) if item.flag in names.get(flag, (flag,))), None)


def _part(text: str, given: Given) -> str:
    """The member that the message names, if it names one of this option's."""
    if given.members is None:
        return ""
    known = list(dict.fromkeys(name for members in given.members.walk() for name in members.names()))
    for found in _QUOTED.finditer(text):
        for name in found.groups():
            if name and (last := name.rpartition(".")[2]) in known:
                return last
    # Without quotes as well: ``Invalid rx_queue_size (= 300)``.
    words = set(re.findall(r"[A-Za-z][\w-]{3,60}", text))
    return next((name for name in known if name in words and ("_" in name or "-" in name)), "")
