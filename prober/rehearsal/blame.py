"""Which device the words of a migration that failed are about, and whether a stopped guest is what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from prober.rehearsal.models import GuestChange
from prober.rehearsal.view import GuestView

#: A device by its place on PCI, as a section or a block of memory is named: ``0000:00:02.0:01.0/virtio-net``; of USB
#: with its port behind that: ``0000:00:01.2/1/usb-mtp`` (QEMU 5.2 to 11.1, ``hw/pci/pci.c``, ``pcibus_get_dev_path``,
#: and ``hw/usb/bus.c``, ``usb_get_dev_path``).
_ON_PCI = re.compile(
    r"\b[0-9a-f]{4}:[0-9a-f]{2}:(?P<slots>[0-9a-f]{2}\.[0-7](?::[0-9a-f]{2}\.[0-7])*)/(?:(?P<port>[\d.]+)/)?"
)

#: A block of memory that is not there, or of another size (``migration/ram.c``, ``parse_ramblock``).
_BLOCK = re.compile(
    r"(?:Size mismatch: (?P<sized>.+?): (?P<here>0x[0-9a-f]+) != (?P<there>0x[0-9a-f]+)"
    r'|Unknown ramblock "(?P<unknown>[^"]+)")'
)

#: What a queue is said to have whose size no guest has chosen: the most there is (QEMU 10.0 sends it; 11.1 checks it:
#: ``hw/virtio/virtio.c``, ``virtio_load``).
_UNDRIVEN = re.compile(r"VQ \d+ vring\.num 1024 exceeds allocated max \d+")

#: From which version on the size is checked.
_CHECKS_FROM = 11

#: The properties that give a queue's size: where these differ, it is no matter of the guest's not having run.
QUEUE_SIZES = ("queue-size", "queue_size", "rx_queue_size", "tx_queue_size", "virtqueue_size")


def is_about_stopped(words: str, because: Iterable[GuestChange], destination_major: int) -> bool:
    """Whether a refusal is due to the guest's never having run: the same line on both sides is refused so, and a guest
    that has set up its queues is not."""
    if destination_major < _CHECKS_FROM or _UNDRIVEN.search(words) is None:
        return False
    return not any(one.part in QUEUE_SIZES for one in because)


def blamed_device(words: str, here: GuestView, there: GuestView) -> str:
    """What QEMU's words are about, as a user knows it; empty where they do not tell.

    >>> blamed_device("Unknown savevm section or instance 'cpu_common' 1.", GuestView(), GuestView())
    'the number of CPUs'
    """
    found = _ON_PCI.search(words)
    if found is not None:
        slots, port = found["slots"], found["port"]
        views = (here, there)
        device = next((one for view in views if port and (one := view.on_port(slots, port)) is not None), None)
        device = device or here.on_pci(slots) or there.on_pci(slots)
        if device is not None:
            return str(device)
        return _POWER if _OF_POWER.search(words) else f"PCI {found['slots']}"
    block = _BLOCK.search(words)
    if block is not None:
        name = block["sized"] or block["unknown"]
        return _BLOCKS.get(name, f"memory {name}")
    return next((what for pattern, what in _SECTIONS if pattern.search(words)), "")


#: The device that keeps the state of hot-plug, of PCI, CPUs and memory (``hw/acpi/piix4.c``, ``hw/isa/lpc_ich9.c``).
_OF_POWER, _POWER = re.compile(r"piix4_pm|ICH9LPC"), "power management and hot-plug"

_BLOCKS = {"pc.bios": "the firmware", "pc.ram": "the guest's memory", "/rom@etc/acpi/tables": "the ACPI tables"}

_SECTIONS = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"'cpu_common'|'cpu'|APIC|apic", "the number of CPUs"),
        (r"Machine type received is|machine type", "the machine type"),
        (r"configuration section|'configuration'", "the machine"),
        (_OF_POWER.pattern, _POWER),
        (r"'slirp'", "a user-mode network (slirp)"),
        (r"'(?P<name>[\w./-]+)' \d+\. Make sure", "a device"),
    )
)


def changes_behind(device: str, words: str, changes: Iterable[GuestChange]) -> tuple[GuestChange, ...]:
    """The differences that QEMU's words are about: those of the device, and for sections of the machine those of what
    is kept in them."""
    wanted: Callable[[GuestChange], bool]
    found = _ON_PCI.search(words)
    slots = found["slots"] if found is not None else ""
    if device == "the number of CPUs":
        wanted = _is_of_cpus
    elif device in ("the firmware", "the ACPI tables"):
        wanted = _is_of_machine
    elif device == _POWER:
        wanted = _is_of_power_management
    elif slots:
        wanted = lambda one: one.where == device or one.where == f"PCI {slots}" or one.where.endswith(f" at {slots}")  # noqa: E731
    else:
        wanted = lambda one: bool(device) and (one.where == device or device.endswith(str(one.here)))  # noqa: E731
    return (*_sizes(device, words), *(one for one in changes if wanted(one)))


def _sizes(device: str, words: str) -> Iterator[GuestChange]:
    """What QEMU itself tells of two sizes of a block of memory: first the one that came (``parse_ramblock``)."""
    block = _BLOCK.search(words)
    if block is not None and block["sized"]:
        here, there = int(block["here"], 16), int(block["there"], 16)
        yield GuestChange(where=device, part=f"size of {block['sized']}", here=here, there=there)


def _is_of_cpus(change: GuestChange) -> bool:
    return change.where.startswith("cpu") or change.part.startswith("smp.")


def _is_of_machine(change: GuestChange) -> bool:
    return change.where in ("machine", "option")


def _is_of_power_management(change: GuestChange) -> bool:
    """What the state of hot-plug is kept for: PCI, CPUs and memory."""
    return (
        _is_of_cpus(change) or change.where in ("PIIX4_PM", "ICH9-LPC", "hot-plug") or change.part.startswith("memory")
    )
