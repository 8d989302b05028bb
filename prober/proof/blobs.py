"""Small valid files of the kinds that a machine begins with: a kernel, tables, firmware, the ROM of a card."""

from __future__ import annotations

import struct

#: For what is given to the guest as it is.
ANYTHING = bytes(512)

#: A multiple of 64 KiB, and no larger than an ISA machine takes (``hw/i386/x86.c``, ``x86_bios_rom_init``).
FIRMWARE_SIZE = 128 * 1024

#: Signature and length of a ROM of one block; QEMU reads no further of one that was named (``hw/pci/pci.c``).
ROM = b"\x55\xaa\x01".ljust(512, b"\0")


def kernel() -> bytes:
    """A setup sector with the header of a Linux that takes an initrd and a device tree (Linux, ``x86/boot.rst``).

    Machines of other architectures take it for a raw image.
    """
    head = bytearray(1024)
    head[0x1F1] = 1
    struct.pack_into("<H2s4sH", head, 0x1FE, 0xAA55, b"\xeb\x66", b"HdrS", 0x020F)
    head[0x211] = 1
    struct.pack_into("<IIBBHI", head, 0x22C, 0x7FFFFFFF, 0x200000, 1, 21, 0, 2047)
    struct.pack_into("<QI", head, 0x258, 0x1000000, 0x100000)
    return bytes(head) + ANYTHING


def device_tree() -> bytes:
    """A flattened device tree of a root that says how wide addresses are, and has a place for what the machine hands to
    the guest (Devicetree Specification 0.4)."""
    names = b"#address-cells\0#size-cells\0"
    tree = struct.pack(">I4s", 1, b"")
    for place in (0, 15):
        tree += struct.pack(">IIII", 3, 4, place, 2)
    tree += struct.pack(">I8sI", 1, b"chosen", 2) + struct.pack(">II", 2, 9)
    begin = 40 + 16
    total = begin + len(tree) + len(names)
    header = struct.pack(">10I", 0xD00DFEED, total, begin, begin + len(tree), 40, 17, 16, 0, len(names), len(tree))
    return header + bytes(16) + tree + names


def acpi_table() -> bytes:
    """A table of a header alone (ACPI 6.5, 5.2.6), whose bytes add up to nothing."""
    table = struct.pack("<4sIBB6s8sI4sI", b"OEM1", 36, 1, 0, b"STANDI", b"STAND-IN", 1, b"NONE", 1)
    return table[:9] + bytes([-sum(table) & 0xFF]) + table[10:]


def smbios_structure() -> bytes:
    """One that is inactive (DMTF DSP0134, type 126), without strings."""
    return struct.pack("<BBH", 126, 4, 0x7E00) + b"\0\0"


#: What an ELF is for, by the guest's architecture: its class, and the machine's number.
_ELF = {
    "x86_64": (2, 62), "i386": (1, 3), "aarch64": (2, 183), "arm": (1, 40), "riscv64": (2, 243), "riscv32": (1, 243),
}  # fmt: skip


def program(target: str, number: int) -> bytes:
    """An ELF of one segment of four bytes, in a page of memory of its own; raw bytes for an architecture not known."""
    if target not in _ELF:
        return ANYTHING
    kind, machine = _ELF[target]
    place = 0x200000 + 0x1000 * number
    ident = struct.pack("<4sBBB9s", b"\x7fELF", kind, 1, 1, b"")
    if kind == 2:
        head = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, place, 64, 0, 0, 64, 56, 1, 64, 0, 0)
        return head + struct.pack("<IIQQQQQQ", 1, 5, 120, place, place, 4, 4, 4) + bytes(4)
    head = ident + struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, place, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return head + struct.pack("<IIIIIIII", 1, 84, place, place, 4, 4, 5, 4) + bytes(4)
