"""One image with the way it is opened: the block nodes that it becomes (libvirt 11.3, ``qemu_block.c``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from prober.commandline import options
from prober.commandline.options import Value
from prober.commandline.refusal import Place
from prober.domain.shared.source.formats import FORMATS
from prober.domain.shared.source.model import Source
from prober.domain.target import Target

#: ``direct`` and ``no-flush`` of each mode of caching (``qemuDomainDiskCachemodeFlags``).
_CACHE = {
    "none": (True, False),
    "writethrough": (False, False),
    "writeback": (False, False),
    "directsync": (True, False),
    "unsafe": (False, True),
}


@dataclass(frozen=True, slots=True)
class Access:
    """How all images of one disk are opened; each None is QEMU's default.  ``places`` are of its own fields."""

    cache: str | None = None
    io: str | None = None
    discard: str | None = None
    detect_zeroes: str | None = None
    places: dict[str, Place] = field(default_factory=dict)

    def common(self, *, top: bool) -> Iterator[tuple[str, Value]]:
        """The members that every node has; ``top`` is the node that the data is used through."""
        if top and self.discard is not None:
            yield "discard", self.discard
        if top and self.detect_zeroes is not None:
            yield "detect-zeroes", self.detect_zeroes
        if self.cache in _CACHE:
            direct, no_flush = _CACHE[self.cache]
            yield "cache", {"direct": direct, "no-flush": no_flush}


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be opened.

    ``number`` is libvirt's of the image, in the names of its nodes (``pflash1`` where it has a name); ``kind`` the type
    of the source; ``cdrom`` says that a block device is a CD drive of the host.
    """

    kind: str
    source: Source
    format: str
    number: int | str
    read_only: bool
    place: Place
    access: Access = Access()
    format_place: Place | None = None
    cdrom: bool = False

    @property
    def storage_node(self) -> str:
        """The name of the node that reaches the data."""
        return f"libvirt-{self.number}-storage"

    @property
    def format_node(self) -> str:
        """The name of the node that understands the format."""
        return f"libvirt-{self.number}-format"

    def needs_format(self, target: Target) -> bool:
        """Whether the format has a node of its own (``qemuBlockStorageSourceNeedsFormatLayer``)."""
        return self.format != "raw" or not has_raw_without_format(target)

    def top_node(self, target: Target) -> str:
        """The node that a device, or another image, uses."""
        return self.format_node if self.needs_format(target) else self.storage_node

    def layers(self, target: Target) -> Iterator[options.Option]:
        """From the storage up."""
        formatted = self.needs_format(target)
        places = {**self.access.places, "driver": self.format_place or self.place}
        storage: dict[str, Value] = dict(self._storage())
        storage["node-name"] = self.storage_node
        if formatted:
            if target.caps.has("blockdev-add.auto-read-only"):
                storage["auto-read-only"] = True
            else:
                storage["read-only"] = self.read_only
            storage["discard"] = "unmap"
        else:
            storage["read-only"] = self.read_only
        storage.update(self.access.common(top=not formatted))
        yield self._blockdev(storage, {**places, "driver": self.place, "filename": self.place})
        if formatted:
            node: dict[str, Value] = {"node-name": self.format_node, "read-only": self.read_only}
            node.update(self.access.common(top=True))
            node["driver"] = FORMATS[self.format]
            node["file"] = self.storage_node
            yield self._blockdev(node, places)

    def _blockdev(self, value: dict[str, Value], places: dict[str, Place]) -> options.Qapi:
        return options.Qapi("-blockdev", "blockdev-add", "driver", value, self.place, places)

    def _storage(self) -> Iterator[tuple[str, Value]]:
        """The driver and where it finds the data."""
        path = self.source.local_path(self.kind)
        assert path is not None, "an empty source has no image"
        if self.kind == "block":
            yield "driver", "host_cdrom" if self.cdrom else "host_device"
        else:
            yield "driver", "file"
        yield "filename", path
        if self.access.io is not None:
            yield "aio", self.access.io


def has_raw_without_format(target: Target) -> bool:
    """Whether a raw image needs no format node of its own.

    libvirt does without it where block jobs can hide the missing layer: ``backing-mask-protocol`` of both
    ``block-commit`` and ``block-stream`` (QEMU 9.0; libvirt 11.3, ``qemuBlockStorageSourceNeedsFormatLayer``).
    """
    return all(target.caps.has(f"{command}.backing-mask-protocol") for command in ("block-commit", "block-stream"))
