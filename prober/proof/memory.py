"""A guest's memory that is never touched, for a host that has less: it takes no room, and the line stays under test."""

from __future__ import annotations

import re

from prober.commandline.text import as_size
from prober.proof.bench import Bench
from prober.proof.blame import Cause
from prober.proof.given import Given
from prober.proof.line import unused_id
from prober.proof.members import Members
from prober.proof.outcome import Outcome

#: Smaller memory (bytes) is never what the host lacks.
_LEAST = 256 << 20

#: From so much on (bytes) a migration is quicker without its memory: a second's work for 4 GiB.
_WORTH_IT = 1 << 30

#: What the id of the memory begins with that stands in for what ``-m`` asks for.
RAM_ID = "prober-ram"

_MIB = 1 << 20

_ON = ("on", "yes", "true", "y")

#: The types whose memory is the host's own.
_ANONYMOUS = ("memory-backend-ram", "memory-backend-memfd")


def use_untouched_memory(bench: Bench, ram_id: str = "") -> None:
    """Have the line started with memory that is a hole in a file, mapped shared: no host counts it.

    ``reserve=off`` would do where it is known (QEMU 6.1), and not with a host that counts all that is mapped.
    ``ram_id`` is the id of what stands in for the machine's own memory; one that nothing of the line has without it.
    """
    given_objects = [one for one in bench.line if one.flag == "-object" and not one.is_left_out]
    for given in given_objects:
        if given.members is None or (as_size(given.members.text("size")) or 0) < _LEAST:
            continue
        if given.type in _ANONYMOUS:
            _into_file(given, given.members, bench)
        elif given.type == "memory-backend-file" and given.members.text("readonly") not in _ON:
            given.members.set("share", True)
            given.touch()
    _of_machine(bench, ram_id)


def _into_file(given: Given, members: Members, bench: Bench) -> None:
    path = bench.add(f"{given.id}.memory", size=0)
    members.set("qom-type", "memory-backend-file")
    for name in ("seal", "hugetlb", "hugetlbsize"):
        members.drop(name)
    members.set("mem-path", path)
    members.set("share", True)
    bench.replace(given, "qom-type", "memory that is never touched")


def _of_machine(bench: Bench, ram_id: str) -> None:
    """The memory of ``-m``, where the line names none that is the machine's (``memory-backend``), nor that of nodes."""
    if bench.caps.accelerator.machines is None or any(_is_backed(one) for one in bench.line if not one.is_left_out):
        return
    option, size = _asked_for(bench), _size_of(_asked_for(bench))
    if option is None or size < _LEAST:
        return
    path = bench.add("ram.memory", size=0)
    ident = ram_id or unused_id(RAM_ID, (word for one in bench.line for word in one.words()))
    backend = f"memory-backend-file,id={ident},size={size},mem-path={path},share=on"
    bench.line.append(Given(option.position, "-object", backend))
    bench.line.append(Given(option.position, "-machine", f"memory-backend={ident}"))
    bench.replace(option, "size", "memory that is never touched")


def can_be_untouched(bench: Bench) -> bool:
    """Whether a line asks for so much memory that it is worth it, and for none in a way of its own."""
    line = [one for one in bench.line if not one.is_left_out]
    if any(one.flag in ("-mem-path", "-mem-prealloc") for one in line):
        return False
    if any(one.flag == "-numa" and one.members is not None and one.members.text("mem") for one in line):
        return False
    return _size_of(_asked_for(bench)) >= _WORTH_IT


def _asked_for(bench: Bench) -> Given | None:
    """The last ``-m``, which counts; None where there is none."""
    return next((one for one in reversed(bench.line) if one.flag == "-m" and not one.is_left_out), None)


def _size_of(option: Given | None) -> int:
    """The bytes of a ``-m``; without a unit it is MiB (QEMU, ``system/vl.c``, ``ram_size``)."""
    if option is None or option.members is None:
        return 0
    text = option.members.text("size")
    return int(text) * _MIB if text.isdecimal() else as_size(text) or 0


def _is_backed(given: Given) -> bool:
    members = given.members
    if members is None:
        return False
    if given.flag in ("-machine", "-M"):
        return bool(members.text("memory-backend"))
    return given.flag == "-numa" and bool(members.text("memdev"))


#: QEMU 5.2 to 11.1, ``softmmu/physmem.c`` and ``backends/hostmem*.c``.
_SHORT = re.compile(
    r"(cannot set up guest memory|unable to map backing store|.*mmap|.*memfd).*Cannot allocate memory\.?", re.S
)


def is_short_of_memory(outcome: Outcome) -> bool:
    """Whether it ended as the host has not as much memory as the line asks for."""
    return outcome.cause is Cause.host and _SHORT.match(outcome.said) is not None
