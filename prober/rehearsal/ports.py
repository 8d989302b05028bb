"""A stopped machine's devices reached from outside, over its I/O ports: what firmware does of PCI, without a guest.

The monitor reads and writes ports of a machine that is stopped (``i`` and ``o`` of HMP; QEMU 5.2 to 11.1).  On a PC two
of them lead to the configuration of all PCI devices (PCI Local Bus Specification 3.0, 3.2.2.3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from prober.qemu.questions import Question
from prober.qemu.recording import Exchange
from prober.rehearsal.pair import PairSide

_ADDRESS, _DATA = 0xCF8, 0xCFC

#: What HMP calls an access of so many bytes.
_SIZES = {1: "b", 2: "h", 4: "w"}

#: What is read comes as ``portl[0x0cfc] = 0x1af4``, and a zero as ``00000000`` (QEMU, ``monitor/hmp-cmds.c``).
_READ = re.compile(r"=\s*(?:0x)?([0-9a-fA-F]+)\s*$")

#: Where a bridge has the numbers of its buses (PCI-to-PCI Bridge Architecture 1.2, 3.2.5).
_BUS_NUMBERS = 0x18

#: The most buses that are given a number.
_MOST_BUSES = 200


def write_port(port: int, value: int, size: int) -> Question:
    """The question that writes to a port."""
    return Question("human-monitor-command", {"command-line": f"o/{_SIZES[size]} {port:#x} {value:#x}"})


def read_port(port: int, size: int) -> Question:
    """The question that reads a port; :func:`value_read` tells what came."""
    return Question("human-monitor-command", {"command-line": f"i/{_SIZES[size]} {port:#x}"})


def value_read(answer: Exchange) -> int | None:
    """What was read; None where the monitor does not do that."""
    found = _READ.search(answer.reply) if isinstance(answer.reply, str) else None
    return int(found[1], 16) if found is not None else None


class PciPorts:
    """The configuration of the PCI devices of one machine, by their slots from the root on (``01.0:00.0``)."""

    def __init__(self, side: PairSide) -> None:
        self._side = side
        #: The bus that is behind these slots; the root is behind none.
        self._buses = {"": 0}

    async def reach(self, slots: str) -> bool:
        """Give the buses on the way numbers, as firmware does; false where one is behind what is no bridge, or there
        are too many."""
        above = ""
        for slot in slots.split(":")[:-1]:
            here = f"{above}:{slot}" if above else slot
            if here not in self._buses:
                number = len(self._buses)
                if number > _MOST_BUSES or await self.read(here, 0x0E, 1) not in (0x01, 0x81):
                    return False
                self._buses[here] = number
                await self._number(here)
            above = here
        return True

    async def _number(self, slots: str) -> None:
        """Tell each bridge on the way which buses are behind it; those that come later are behind the root's all."""
        way = slots.split(":")
        for count in range(1, len(way) + 1):
            here = ":".join(way[:count])
            behind = [bus for name, bus in self._buses.items() if name == here or name.startswith(f"{here}:")]
            numbers = self._buses[":".join(way[: count - 1])] | self._buses[here] << 8 | max(behind) << 16
            await self.write([(here, _BUS_NUMBERS, numbers, 4)])

    def _select(self, slots: str, register: int) -> Question:
        above, _, slot = slots.rpartition(":")
        device, _, function = slot.partition(".")
        place = self._buses[above] << 16 | int(device, 16) << 11 | int(function, 16) << 8
        return write_port(_ADDRESS, 0x80000000 | place | register & 0xFC, 4)

    async def read(self, slots: str, register: int, size: int) -> int | None:
        """One register; None where the monitor does not read ports."""
        wanted = [self._select(slots, register), read_port(_DATA + (register & 3), size)]
        return value_read((await self._side.ask_all(wanted))[1])

    async def write(self, writes: Iterable[tuple[str, int, int, int]]) -> None:
        """Registers in turn: the slots, the register, the value, and the size in bytes."""
        questions: list[Question] = []
        for slots, register, value, size in writes:
            questions += [self._select(slots, register), write_port(_DATA + (register & 3), value, size)]
        await self._side.ask_all(questions)
