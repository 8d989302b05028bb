"""The PCI slots that a machine's own devices take, made before any ``-device``.

A display and network cards come without being asked for, unless ``-nodefaults`` or an option about them is given
(QEMU, ``system/vl.c``, ``default_list`` and ``qemu_disable_default_devices``); each takes the first slot that is
free, the display before the cards (``hw/i386/pc_piix.c``, ``pc_q35.c``).  So it is in 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, switch
from prober.commandline.machines.family import RootBus
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


def occupied(root: RootBus, line: Line) -> dict[int, dict[int, bool | None]]:
    """The functions of the root bus that the machine's own devices have, by slot."""
    slots = {slot: dict(functions) for slot, functions in root.taken.items()}
    for own in root.optional:
        if _is_had(own.goes_with, line):
            slots.setdefault(own.slot, {}).update(own.functions)
    for _ in range(cards_of(line) or 0):
        slots.setdefault(first_free(slots), {})[0] = False
    return slots


def _is_had(what: str, line: Line) -> bool:
    """Whether the machine has what hangs on an option: only USB has to be asked for."""
    if what == "acpi":
        return line.has_acpi
    return line.has_usb if what == "usb" else switch(line.machine_value(what)) is not False


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
    if "-nodefaults" in line.plain or not line.family.has_display:
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
