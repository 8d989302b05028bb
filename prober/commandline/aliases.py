"""What no QMP answer tells of a QEMU, though it is so: the named exceptions of the check.

Each entry says where the fact comes from.  Everything else that the check accepts is in the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Other names that ``-device`` takes for a type (QEMU, ``system/qdev-monitor.c``, ``qdev_alias_table``,
#: 1.0 to 11.1; x86's part of it).
DEVICE_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ahci": "ich9-ahci",
        "lsi": "lsi53c895a",
        "virtio-balloon": "virtio-balloon-pci",
        "virtio-blk": "virtio-blk-pci",
        "virtio-net": "virtio-net-pci",
        "virtio-rng": "virtio-rng-pci",
        "virtio-scsi": "virtio-scsi-pci",
        "virtio-serial": "virtio-serial-pci",
    }
)

#: Options that ``query-command-line-options`` never lists, as they have no keys (QEMU, ``qemu-options.hx``,
#: 2.1 to 11.1): all of these have been there throughout.
PLAIN_OPTIONS = frozenset(
    {
        "-S", "-append", "-display", "-initrd", "-kernel", "-no-reboot", "-no-shutdown", "-no-user-config",
        "-nodefaults", "-uuid", "-watchdog-action",
    }
)  # fmt: skip
