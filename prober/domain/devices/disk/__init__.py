"""``<disk>``: an image, and the hard disk, CD drive or floppy drive that the guest sees."""

from prober.domain.devices.disk.model import Disk

__all__ = ["Disk"]
