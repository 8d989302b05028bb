"""The PCI slots that a machine's own devices take, made before any ``-device``.

A display and network cards come without being asked for, unless ``-nodefaults`` or an option about them is given
(QEMU, ``system/vl.c``, ``default_list`` and ``qemu_disable_default_devices``); each takes the first slot that is
free, the display before the cards (``hw/i386/pc_piix.c``, ``pc_q35.c``).  So it is in 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, switch
from prober.commandline.text import Text, split_pairs

#: Types of displays of which any, made or set by a global, keeps QEMU from adding one (``default_list``).
_DISPLAYS = frozenset(
    {"VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "vmware-svga", "qxl-vga", "virtio-vga", "virtio-vga-gl",
     "virtio-vga-rutabaga", "ati-vga", "vhost-user-vga"}
)  # fmt: skip

#: Of these nobody was asked whether they do so in each version.
_UNSURE_DISPLAYS = frozenset({"vhost-user-vga", "virtio-vga-gl", "virtio-vga-rutabaga"})

#: Words of ``-vga`` that make a display on PCI.
_VGA = ("std", "cirrus", "vmware", "qxl", "virtio")

#: Models of network cards that are on PCI, with one function.
_MODELS = ("e1000", "e1000e", "rtl8139", "virtio", "virtio-net-pci", "pcnet", "ne2k_pci", "vmxnet3")

#: How many slots a PCI bus has.
SLOTS = 32


def first_free(slots: Mapping[int, Mapping[int, bool | None]]) -> int:
    """The first slot of a bus whose function 0 is free, :data:`SLOTS` where none is."""
    return next((slot for slot in range(SLOTS) if 0 not in slots.get(slot, ())), SLOTS)


def fill(slots: dict[int, dict[int, bool | None]], line: Line) -> None:
    """Enter the machine's own devices of a pc or q35 into what is known of its root bus."""
    if line.kind == "pc":
        if line.has_acpi:
            slots[1][3] = None  # PIIX4_PM
        if line.has_usb:
            slots[1][2] = None  # piix3-usb-uhci
    else:
        if switch(line.machine_value("sata")) is not False:
            slots[0x1F][2] = None
        if switch(line.machine_value("smbus")) is not False:
            slots[0x1F][3] = None
        if line.has_usb:
            slots[0x1D] = {0: True, 1: None, 2: None, 7: None}
    for _ in range(cards_of(line) or 0):
        slots.setdefault(first_free(slots), {})[0] = False


def cards_of(line: Line) -> int | None:
    """How many slots a machine's display and network cards take; None where that is not known."""
    display, cards = _display(line), network_cards(line)
    return None if display is None or cards is None else display + cards


def _display(line: Line) -> int | None:
    said = line.plain.get("-vga", ())
    if said:
        word = (said[-1].value or "").partition(",")[0]
        return 0 if word == "none" else 1 if word in _VGA else None
    made = {*line.by_type, *(setting.driver for setting in line.settings)}
    if "-nodefaults" in line.plain:
        return 0
    if made & _DISPLAYS:
        return None if made & _UNSURE_DISPLAYS and not made & (_DISPLAYS - _UNSURE_DISPLAYS) else 0
    return 1


def network_cards(line: Line) -> int | None:
    """How many network cards a machine makes by itself; None where that is not known."""
    if not line.plain.keys() & {"-net", "-nic"}:
        return 0 if "-nodefaults" in line.plain or "-netdev" in line.qapi else 1
    count = 0
    for flag, pairs in network_words(line):
        kind = pairs.get("type")
        if kind == "none" or (flag == "-net" and kind != "nic"):
            continue
        if "addr" in pairs or str(pairs.get("model", "e1000")) not in _MODELS:
            return None
        count += 1
    return count if count < SLOTS else None


def network_words(line: Line) -> Iterator[tuple[str, dict[str, Text | None]]]:
    """Each ``-net`` and then each ``-nic``: the flag, and its keys with their values."""
    for option in (*line.plain.get("-net", ()), *line.plain.get("-nic", ())):
        yield option.flag, dict(split_pairs(option.value or "", "type"))
