"""Devices driven from outside as a guest drives them, so that a rehearsal is not of a guest that has never run.

Nothing of a guest runs: the machine stays stopped, and its ports are written from the monitor.  Virtio devices on PCI
are set up, and a PC's CPU hot-plug is switched to its modern form, as the ACPI tables have every operating system do
(QEMU, ``docs/specs/acpi_cpu_hotplug.rst``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prober.rehearsal.blame import QUEUE_SIZES
from prober.rehearsal.pair import PairSide
from prober.rehearsal.ports import PciPorts, read_port, value_read, write_port
from prober.rehearsal.view import GuestView, SeenDevice
from prober.rehearsal.virtio import FIRMWARE_MOST, DrivenVirtio

#: Where CPU hot-plug is switched, by what the machine's type is called.
_CPU_HOTPLUG = {"pc-q35-": 0xCD8, "pc-i440fx-": 0xAF00}

#: How the types of virtio devices begin.
_VIRTIO = ("virtio-", "vhost-")

#: Features that few guests take, by how the type of the device begins: of a balloon VIRTIO_BALLOON_F_PAGE_POISON, which
#: Linux takes only where it clears the pages that it frees (``drivers/virtio/virtio_balloon.c``, 6.1).
_NOT_TAKEN = {"virtio-balloon": 1 << 4}

#: virtio's vendor, and its devices on PCI (Virtual I/O Device (VIRTIO) 1.2, 4.1.2).
_VENDOR, _FIRST, _LAST = 0x1AF4, 0x1000, 0x107F


@dataclass(frozen=True)
class Driven:
    """``devices`` were driven; ``undriven`` were not, a sentence each; of ``smaller`` ones a guest may take more."""

    devices: tuple[str, ...] = ()
    undriven: tuple[str, ...] = ()
    smaller: tuple[str, ...] = ()

    @property
    def left(self) -> tuple[str, ...]:
        """All that a guest which runs may have done otherwise."""
        return (*self.undriven, *self.smaller)


async def drive(side: PairSide, view: GuestView) -> Driven:
    """Drive what can be driven of a machine, which ``view`` was read of.

    :raise SideEnded: when the QEMU ended.
    :raise QemuError: for all else that it does wrong.
    """
    machine = str(view.values.get(("machine", "type"), ""))
    port = next((port for begin, port in _CPU_HOTPLUG.items() if machine.startswith(begin)), None)
    if port is None:
        return Driven(undriven=(f"nothing of a {machine.removesuffix('-machine')} is driven: it is no PC with PCI",))
    done, left = await _switch_cpu_hotplug(side, port)
    smaller: list[str] = []
    ports = PciPorts(side)
    for known in view.devices:
        slots, name = known.pci, str(known)
        if not slots or not known.kind.startswith(_VIRTIO):
            continue
        most = max(FIRMWARE_MOST, *_given_sizes(known))
        left_out = next((bits for begin, bits in _NOT_TAKEN.items() if known.kind.startswith(begin)), 0)
        virtio = DrivenVirtio(ports, slots, most, left_out)
        why = await _set_up(virtio, ports, slots)
        if why:
            left.append(f"{name} was not driven: {why}")
            continue
        done.append(name)
        if virtio.not_taken:
            smaller.append(
                f"{name} offers queues of {virtio.not_taken} entries, of which {most} were taken, as firmware does: "
                "a guest that takes all, as Linux does, may be refused"
            )
    return Driven(tuple(done), tuple(left), tuple(smaller))


async def _set_up(virtio: DrivenVirtio, ports: PciPorts, slots: str) -> str:
    if not await ports.reach(slots):
        return "what it is behind is no bridge"
    ident = await ports.read(slots, 0, 4) or 0
    if ident & 0xFFFF != _VENDOR or not _FIRST <= ident >> 16 <= _LAST:
        return "it does not answer there"
    return await virtio.set_up()


def _given_sizes(device: SeenDevice) -> Iterator[int]:
    """The sizes that the device's queues were given."""
    for name in QUEUE_SIZES:
        value = device.properties.get(name)
        yield value if isinstance(value, int) else 0


async def _switch_cpu_hotplug(side: PairSide, port: int) -> tuple[list[str], list[str]]:
    """What was driven, and what was not."""
    read, _ = await side.ask_all([read_port(port, 1), write_port(port, 0, 1)])
    if value_read(read) is None:
        return [], ["CPU hot-plug was not switched to its modern form: this QEMU's monitor has no ports"]
    return ["CPU hot-plug"], []
