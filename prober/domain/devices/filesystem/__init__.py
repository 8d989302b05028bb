"""``<filesystem>``: directories of the host in the guest, by 9p, virtiofs or MTP."""

from prober.domain.devices.filesystem.complete import settle_filesystems
from prober.domain.devices.filesystem.model import Filesystem

__all__ = ["Filesystem", "settle_filesystems"]
