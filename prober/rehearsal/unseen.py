"""Which properties no guest sees: names of things of the host, and how QEMU goes about its work; and the size that a
display prefers, which changes as its window does."""

from __future__ import annotations

from pydantic import JsonValue

#: Of any device.
_UNSEEN = frozenset(
    (
        "account-failed", "account-invalid", "audiodev", "backend", "backend_defaults", "bus", "chardev", "display",
        "drive", "failover", "failover_pair_id", "guest-stats", "guest-stats-polling-interval", "head", "host",
        "hotpluggable", "hotplugged", "id", "ioeventfd", "iothread", "iothread-vq-mapping", "max_outputs_x", "memdev",
        "migrate-extra", "msg-data", "netdev", "parent_bus", "parent_id", "realized", "refclk", "rerror", "rng",
        "romfile", "romsize", "share-rw", "stats-intervals", "tpmdev", "tx", "type", "use-disabled-flag", "use-started",
        "vhostfd", "virtio-pci-bus-master-bug-migration", "werror", "x-disable-legacy-check",
        "x-ignore-backend-features", "x-iothread-vq-mapping", "x-mtu-bypass-backend", "x-txburst", "x-txtimer",
        "xres", "yres",
    )
)  # fmt: skip

#: Of the machine: files of the host, what is told by the options and CPUs themselves, and how memory is got.
_UNSEEN_OF_MACHINE = frozenset(
    (
        "append", "dtb", "dumpdtb", "dump-guest-core", "firmware", "initrd", "kernel", "mem-merge", "memory-backend",
        "memory-encryption", "phandle-start", "suppress-vmdesc", "graphics", "shim", "aux-ram-share", "boot",
        "smp-cache", "sgx-epc", "device-memory-region-size", "bus-lock-ratelimit", "x-pci-numbus", "accel", "rtc-time",
        "pflash0", "pflash1",
    )
)  # fmt: skip


def is_seen(kind: str, name: str) -> bool:
    """Whether a guest may see a property of a device of this type, or of the machine (``machine``)."""
    if kind == "machine":
        return name not in _UNSEEN_OF_MACHINE
    return name not in _UNSEEN


def are_same(part: str, here: JsonValue, there: JsonValue) -> bool:
    """Whether two values of one property are the same to a guest.

    What is left to the machine (``auto``, of ``rombar`` -1 from QEMU 10.0 on) is on in all that are of one type, and
    what Hyper-V's vendor is called by itself was an empty text before QEMU 6.0.  A size of blocks that is left to the
    disk is a sector, which the device told as such or as nothing (USB's, from 9.0 on), and SMBIOS that has the choice
    (9.0) has the table of 32 bits.
    """
    if here == there:
        return True
    if part == "hv-vendor-id":
        return {here or _HYPERV, there or _HYPERV} == {_HYPERV}
    if part == "rombar":
        return {here, there} <= {1, -1}
    if part in ("logical_block_size", "physical_block_size"):
        return {here, there} == {0, _SECTOR}
    if part == "smbios-entry-point-type":
        return {here, there} == {"32", "auto"}
    return all(value in (True, "on", "auto") for value in (here, there))


_HYPERV = "Microsoft Hv"

#: How large the blocks of a disk are of which nothing else is said (QEMU, ``hw/block/block.c``).
_SECTOR = 512
