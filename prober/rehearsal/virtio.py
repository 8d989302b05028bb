"""A virtio device of a stopped machine set up as a guest's driver sets it up: features, queues, ready.

It is reached by the window that it has into its registers in its own PCI configuration (Virtual I/O Device (VIRTIO)
1.2, 4.1.4.9), so nothing has to be mapped anywhere.  The queues are in memory that is all zero: they are empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from prober.rehearsal.ports import PciPorts

# 4.1.4.3: the common configuration.
_FEATURE_SELECT, _FEATURES, _GUEST_FEATURE_SELECT, _GUEST_FEATURES = 0, 4, 8, 12
_QUEUES, _STATUS, _QUEUE_SELECT, _QUEUE_SIZE, _QUEUE_ENABLE, _DESCRIPTORS, _AVAILABLE, _USED = (
    18, 20, 22, 24, 28, 32, 40, 48,
)  # fmt: skip

# 2.1: the device's status.
_ACKNOWLEDGED, _DRIVER, _FEATURES_OK, _DRIVER_OK = 1, 2, 8, 4

#: What is not taken of what is offered: packed queues (VIRTIO_F_RING_PACKED) and a card that stands by for another
#: (VIRTIO_NET_F_STANDBY), both of which few drivers take.
_NEVER_TAKEN = 1 << 34 | 1 << 62

# 4.1.4: the capabilities of virtio in the PCI configuration.
_VENDOR_SPECIFIC, _OF_COMMON, _OF_WINDOW = 0x09, 1, 5

# PCI Local Bus Specification 3.0, 6.1 and 6.7.
_COMMAND, _CAPABILITIES = 0x04, 0x34
_IO_MEMORY_MASTER = 7

#: The most capabilities, and the most queues that are set up: a card with all its pairs has 257.
_MOST_CAPABILITIES, _MOST_QUEUES = 48, 1024

#: The most entries of a queue that firmware takes (SeaBIOS 1.16, iPXE 1.21).
FIRMWARE_MOST = 256

#: Where the queues are (guest physical), and the room for one: 1024 descriptors of 16 bytes, and its two rings.
_MEMORY, _ROOM = 1 << 20, 0x8000


@dataclass(frozen=True)
class _Window:
    """``at`` is where the window is in the configuration, ``bar`` and ``offset`` where the common registers are."""

    at: int
    bar: int
    offset: int


class DrivenVirtio:
    """One virtio device, by its slots.

    No queue is given more entries than ``most``, and no feature of ``features_left`` is taken.  QEMU 10.0 offers 1024
    entries for each queue, whatever the device was given (``hw/virtio/virtio-pci.c``); firmware takes 256 then, and
    Linux takes all.
    """

    def __init__(self, ports: PciPorts, slots: str, most: int = FIRMWARE_MOST, features_left: int = 0) -> None:
        self._ports = ports
        self._slots = slots
        self._most = most
        self._features_left = _NEVER_TAKEN | features_left
        #: Where the window is: the registers of its capability, and what was written there last.
        self._aimed: dict[int, int] = {}
        #: The most entries that a queue was offered to have, and was not given.
        self.not_taken = 0

    async def set_up(self) -> str:
        """Take what it offers, set up its queues, and say that the driver is ready; why not, or nothing."""
        command = await self._ports.read(self._slots, _COMMAND, 2)
        window = await self._find_window()
        if command is None or window is None:
            return "it has no registers that can be reached (it is a legacy device)"
        await self._ports.write([(self._slots, _COMMAND, command | _IO_MEMORY_MASTER, 2)])
        await self._write(window, (_STATUS, 0, 1), (_STATUS, _ACKNOWLEDGED, 1), (_STATUS, _ACKNOWLEDGED | _DRIVER, 1))
        await self._take_features(window)
        status = _ACKNOWLEDGED | _DRIVER | _FEATURES_OK
        await self._write(window, (_STATUS, status, 1))
        if await self._read(window, _STATUS, 1) != status:
            return "it does not take the features that it offers"
        await self._set_up_queues(window)
        await self._write(window, (_STATUS, status | _DRIVER_OK, 1))
        return "" if await self._read(window, _STATUS, 1) == status | _DRIVER_OK else "it does not become ready"

    async def _take_features(self, window: _Window) -> None:
        for half in (0, 1):
            await self._write(window, (_FEATURE_SELECT, half, 4))
            offered = await self._read(window, _FEATURES, 4) or 0
            taken = offered & ~(self._features_left >> 32 * half) & 0xFFFFFFFF
            await self._write(window, (_GUEST_FEATURE_SELECT, half, 4), (_GUEST_FEATURES, taken, 4))

    async def _set_up_queues(self, window: _Window) -> None:
        count = await self._read(window, _QUEUES, 2) or 0
        for queue in range(min(count, _MOST_QUEUES)):
            # They share their memory: nobody ever reads it.  The upper halves are zero since the reset.
            await self._write(
                window,
                (_QUEUE_SELECT, queue, 2),
                (_DESCRIPTORS, _MEMORY, 4),
                (_AVAILABLE, _MEMORY + _ROOM // 2, 4),
                (_USED, _MEMORY + _ROOM * 3 // 4, 4),
            )
            size = await self._read(window, _QUEUE_SIZE, 2)
            if size:
                self.not_taken = max(self.not_taken, size if size > self._most else 0)
                await self._write(window, (_QUEUE_SIZE, min(size, self._most), 2), (_QUEUE_ENABLE, 1, 2))

    async def _find_window(self) -> _Window | None:
        at = await self._ports.read(self._slots, _CAPABILITIES, 1) or 0
        window = common = 0
        for _ in range(_MOST_CAPABILITIES):
            if at < 0x40:
                break
            head = await self._ports.read(self._slots, at, 4) or 0
            if head & 0xFF == _VENDOR_SPECIFIC:
                window = at if head >> 24 == _OF_WINDOW else window
                common = at if head >> 24 == _OF_COMMON else common
            at = head >> 8 & 0xFC
        if not window or not common:
            return None
        bar, offset = (
            await self._ports.read(self._slots, common + 4, 1),
            await self._ports.read(self._slots, common + 8, 4),
        )
        return _Window(window, bar, offset) if bar is not None and offset is not None else None

    async def _write(self, window: _Window, *writes: tuple[int, int, int]) -> None:
        """Registers in turn: where each is, the value, and the size in bytes."""
        steps: list[tuple[str, int, int, int]] = []
        for register, value, size in writes:
            steps += [*self._aim(window, register, size), (self._slots, window.at + 16, value, size)]
        await self._ports.write(steps)

    async def _read(self, window: _Window, register: int, size: int) -> int | None:
        await self._ports.write(self._aim(window, register, size))
        return await self._ports.read(self._slots, window.at + 16, size)

    def _aim(self, window: _Window, register: int, size: int) -> list[tuple[str, int, int, int]]:
        """What has to be written so that the window shows a register: what is there already is not written again."""
        wanted = {
            window.at + 4: (window.bar, 1),
            window.at + 8: (window.offset + register, 4),
            window.at + 12: (size, 4),
        }
        steps = []
        for place, (value, width) in wanted.items():
            if self._aimed.get(place) != value:
                self._aimed[place] = value
                steps.append((self._slots, place, value, width))
        return steps
