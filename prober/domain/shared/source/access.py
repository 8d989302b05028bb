"""How the images of one disk are opened."""

from __future__ import annotations

from dataclasses import dataclass, field

from prober.commandline.options import Value
from prober.xml.binding import Places, PlacesBehind

#: ``direct`` and ``no-flush`` of each mode of caching (``qemuDomainDiskCachemodeFlags``).
_CACHE = {
    "none": (True, False),
    "writethrough": (False, False),
    "writeback": (False, False),
    "directsync": (True, False),
    "unsafe": (False, True),
}


@dataclass(slots=True)  # Not frozen, which takes twice as long; nothing changes one all the same.
class ImageAccess:
    """How all images of one disk are opened; each None is QEMU's default.

    ``floppy`` says that the guest sees a floppy; ``places`` are of the members by QEMU's names.
    """

    cache: str | None = None
    io: str | None = None
    discard: str | None = None
    detect_zeroes: str | None = None
    discard_no_unref: bool | None = None
    floppy: bool = False
    places: PlacesBehind = field(default_factory=lambda: PlacesBehind(Places(), {}))

    def common(self, *, top: bool) -> dict[str, Value]:
        """The members that every node has; ``top`` is the node through which an image's data is used.

        What is behind an image is opened as the image is (libvirt 11.3 and 12.8, asked; 9.0 left ``detect-zeroes``
        out there).
        """
        members: dict[str, Value] = {}
        if top and self.discard is not None:
            members["discard"] = self.discard
        if top and self.detect_zeroes is not None:
            members["detect-zeroes"] = self.detect_zeroes
        if self.cache in _CACHE:
            direct, no_flush = _CACHE[self.cache]
            members["cache"] = {"direct": direct, "no-flush": no_flush}
        return members
