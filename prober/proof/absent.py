"""What a QEMU has not is started as it was written: nothing stands in for it, and QEMU itself says so."""

from __future__ import annotations

from collections.abc import Mapping

from prober.capabilities import Capabilities, Verdict
from prober.commandline.aliases import DEVICE_ALIASES

#: The fact that tells of a name, by what it is a name of; ``{}`` is the name.
_FACTS: Mapping[str, str] = {
    "device": "{}",
    "object": "{}",
    "netdev": "netdev_add.type.{}",
    "block driver": "blockdev-add.driver.{}",
    "display": "-display {}",
    "audiodev": "-audiodev {}",
    "chardev": "-chardev {}",
}

#: Character devices that come in modules, by names that have no other.
_CHARDEVS_OF_MODULES = frozenset(("spicevmc", "spiceport", "dbus", "qemu-vdagent", "braille"))

#: Devices that make another when they are made, of a type in another module (QEMU, ``hw/display/virtio-vga-gl.c``,
#: ``virtio-gpu-pci-gl.c``, ``vhost-user-vga.c``).
_INNER: Mapping[str, str] = {
    "virtio-vga-gl": "virtio-gpu-gl-device",
    "virtio-gpu-gl-pci": "virtio-gpu-gl-device",
    "virtio-vga-rutabaga": "virtio-gpu-rutabaga-device",
    "virtio-gpu-rutabaga-pci": "virtio-gpu-rutabaga-device",
    "vhost-user-vga": "vhost-user-gpu",
    "vhost-user-gpu-pci": "vhost-user-gpu",
}


#: Types that a QEMU has only on some hosts (``backends/hostmem-epc.c``: where ``/dev/sgx_vepc`` can be opened).
_BY_THE_HOST = frozenset(("memory-backend-epc",))


def is_absent(caps: Capabilities, noun: str, name: str) -> bool:
    """Whether this QEMU says that it has no such thing.  What it was never asked is not absent."""
    fact = _FACTS.get(noun)
    if fact is None or not name or name in _BY_THE_HOST:
        return False
    if noun == "chardev" and name not in _CHARDEVS_OF_MODULES:
        return False
    names = [name]
    if noun == "device":
        names = [DEVICE_ALIASES.get(name, name)]
        names += [_INNER[one] for one in names if one in _INNER]
    return any(caps.supports(fact.format(one)).verdict is Verdict.absent for one in names)
