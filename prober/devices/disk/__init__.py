"""``<disk>``: an image, and the hard disk, CD drive or floppy drive that the guest sees."""

from prober.devices.disk.disk import Disk

__all__ = ["Disk"]
