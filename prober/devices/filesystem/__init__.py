"""``<filesystem>``: directories of the host in the guest, by 9p, virtiofs or MTP."""

from prober.devices.filesystem.filesystem import Filesystem

__all__ = ["Filesystem"]
