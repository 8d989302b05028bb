"""A filter of system calls (seccomp), as the kernel's program for it.

It is there for what namespaces and Landlock do not cover.  In every box: sockets of families that no network namespace
holds back (``AF_VSOCK`` reaches the hypervisor and other guests), and calls that serve to look into or to change other
processes and the kernel.  In the weak form besides: every ``connect``, and datagram sockets of ``AF_UNIX``, as a path
leads to the host's sockets however little else is seen of its files; and every ``listen`` where the network is the
host's.

Where a QEMU is only interviewed, io_uring goes as well: what it does is done by the kernel, past every filter.  Where
it is our own user in the weak form, so do the calls that change whose a file is, what may be done with it and when it
was changed, and those that empty a file: Landlock holds none of the first, and the last from ABI 3 on.

The numbers are those of ``asm/unistd_64.h`` (x86-64) and ``asm-generic/unistd.h`` (aarch64, riscv64, loongarch64).  A
program for another processor than the kernel's own (32 bit) is ended, as its calls have other numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# <linux/bpf_common.h>, <linux/seccomp.h>
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000

#: Where struct seccomp_data has its parts; an argument's lower half first, as all these processors have it.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

#: x32 shares x86-64's architecture and has this bit in its numbers.
_X32 = 0x40000000


@dataclass(frozen=True)
class _Numbers:
    """The calls of one processor; ``architecture`` is its AUDIT_ARCH (``linux/audit.h``)."""

    architecture: int
    socket: int
    socketpair: int
    connect: int
    sendto: int
    listen: int
    never: tuple[int, ...]
    signals: tuple[int, ...]
    changes: tuple[int, ...]
    openat: int
    open: int | None = None


# ptrace, process_vm_readv, process_vm_writev, kexec_load, kexec_file_load, init_module, finit_module, delete_module,
# bpf, perf_event_open, keyctl, add_key, request_key, kcmp, open_by_handle_at, reboot, swapon, swapoff, acct, quotactl,
# syslog, pidfd_getfd.  Not io_uring_setup where images may be read by it (aio=io_uring).
# Then those that signal others: kill, tkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal.
# Then those that change what a file is: chmod, chown, utime and setxattr in each of their forms, and truncate.
_X86_64 = _Numbers(
    0xC000003E, 41, 53, 42, 44, 50,
    (101, 310, 311, 246, 320, 175, 313, 176, 321, 298, 250, 248, 249, 312, 304, 169, 167, 168, 163, 179, 103, 438),
    (62, 200, 129, 297, 424),
    (
        90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190, 463, 197, 198, 199, 466, 469, 76,
    ),
    257,
    2,
)  # fmt: skip
_NEVER = (117, 270, 271, 104, 294, 105, 273, 106, 280, 241, 219, 217, 218, 272, 265, 142, 224, 225, 89, 60, 116, 438)
_SIGNALS = (129, 130, 138, 240, 424)
_CHANGES = (52, 53, 452, 54, 55, 88, 5, 6, 7, 463, 14, 15, 16, 466, 469, 45)
#: The same number on every processor, as all calls from 424 on.
_IO_URING_SETUP, _OPENAT2 = 425, 437
_BY_MACHINE = {
    "x86_64": _X86_64,
    "aarch64": _Numbers(0xC00000B7, 198, 199, 203, 206, 201, _NEVER, _SIGNALS, _CHANGES, 56),
    "riscv64": _Numbers(0xC00000F3, 198, 199, 203, 206, 201, _NEVER, _SIGNALS, _CHANGES, 56),
    "loongarch64": _Numbers(0xC0000102, 198, 199, 203, 206, 201, _NEVER, _SIGNALS, _CHANGES, 56),
}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A program that is ready to be loaded: nothing is allocated for it any more."""

    def __init__(self, instructions: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(instructions, len(instructions))
        self.program = _Program(len(instructions) // 8, ctypes.addressof(self._buffer))


def has_filter(machine: str | None = None) -> bool:
    """Whether the numbers of this machine's calls are known."""
    return (machine or platform.machine()) in _BY_MACHINE


@dataclass(frozen=True)
class FilterPlan:
    """What a filter is for.

    ``weak``: a QEMU that sees the host's own sockets.  ``network``: its network is its own.  ``signals``: it may send
    signals to others.  ``asked_only``: it is only interviewed.  ``changes``: it may change whose files are and what may
    be done with them.
    """

    weak: bool = False
    network: bool = True
    signals: bool = True
    asked_only: bool = False
    changes: bool = True


def make_filter(plan: FilterPlan) -> Filter | None:
    """The filter for a box, or None on a machine whose calls are not known."""
    numbers = _BY_MACHINE.get(platform.machine())
    return None if numbers is None else Filter(b"".join(_instructions(numbers, plan)))


def _instructions(numbers: _Numbers, plan: FilterPlan) -> Iterator[bytes]:
    weak, network = plan.weak, plan.network
    yield from (_load(_ARCHITECTURE), _jump(numbers.architecture, 1, 0), _give(_KILL), _load(_NUMBER))
    yield from (_jump(_X32, 0, 1, _IF_AT_LEAST), _fail(errno.ENOSYS))
    denied = numbers.never + (() if plan.signals else numbers.signals) + (() if plan.changes else numbers.changes)
    for number in denied:
        yield from (_jump(number, 0, 1), _fail(errno.EPERM))
    if plan.asked_only:
        yield from (_jump(_IO_URING_SETUP, 0, 1), _fail(errno.ENOSYS))
    if not plan.changes:
        yield from (_jump(_OPENAT2, 0, 1), _fail(errno.ENOSYS))  # its flags are in memory, where no filter looks
        yield from _call(numbers.openat, _not_emptied(2))
        if numbers.open is not None:
            yield from _call(numbers.open, _not_emptied(1))
    families = [*((socket.AF_UNIX,) if weak else (socket.AF_UNIX, socket.AF_NETLINK))]
    families += [socket.AF_INET, socket.AF_INET6] if network else []
    yield from _call(numbers.socket, [*_datagrams(weak), *_only(families)])
    if weak:
        yield from _call(numbers.socketpair, [*_datagrams(weak), _give(_ALLOW)])
        yield from _call(numbers.connect, [_fail(errno.EACCES)])
        yield from _call(numbers.sendto, [*_null(4), _fail(errno.EACCES)])
        if not network:  # an abstract socket is everybody's in this network
            yield from _call(numbers.listen, [_fail(errno.EACCES)])
    yield _give(_ALLOW)


def _call(number: int, block: list[bytes]) -> Iterator[bytes]:
    """What is done at one call: the block ends with an outcome."""
    yield _jump(number, 0, len(block))
    yield from block


def _datagrams(weak: bool) -> list[bytes]:
    """No datagram sockets of AF_UNIX: their messages may name any receiver, and a filter cannot see the name."""
    if not weak:
        return []
    kind = (_load(_argument(1)), struct.pack("=HBBI", _AND, 0, 0, 0xF), _jump(socket.SOCK_DGRAM, 0, 1))
    return [_load(_argument(0)), _jump(socket.AF_UNIX, 0, len(kind) + 1), *kind, _fail(errno.EACCES)]


def _not_emptied(argument: int) -> list[bytes]:
    """No O_TRUNC for a file that is not opened to be written, which Landlock would have to allow."""
    flags = struct.pack("=HBBI", _AND, 0, 0, os.O_TRUNC | os.O_ACCMODE)
    return [_load(_argument(argument)), flags, _jump(os.O_TRUNC, 0, 1), _fail(errno.EACCES), _give(_ALLOW)]


def _only(families: list[int]) -> list[bytes]:
    allowed = [word for family in families for word in (_jump(family, 0, 1), _give(_ALLOW))]
    return [_load(_argument(0)), *allowed, _fail(errno.EAFNOSUPPORT)]


def _null(number: int) -> list[bytes]:
    """Allowed where an argument is a null pointer."""
    lower = _argument(number)
    return [_load(lower), _jump(0, 0, 3), _load(lower + 4), _jump(0, 0, 1), _give(_ALLOW)]


def _argument(number: int) -> int:
    return _FIRST_ARGUMENT + 8 * number


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(value: int, if_so: int, if_not: int, how: int = _IF_EQUAL) -> bytes:
    return struct.pack("=HBBI", how, if_so, if_not, value)


def _give(outcome: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, outcome)


def _fail(code: int) -> bytes:
    return _give(_ERRNO | code)
