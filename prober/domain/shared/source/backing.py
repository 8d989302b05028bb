"""``<backingStore>``: the image behind an image, and the whole chain of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.refusal import Broken, Note, Refusal
from prober.domain.shared.source.attributes import misplaced, unused
from prober.domain.shared.source.format import ImageFormat
from prober.domain.shared.source.formats import WITH_BACKING
from prober.domain.shared.source.image import Image, needs_format
from prober.domain.shared.source.model import DataStore, SourceKind, StorageSource
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Neutral
from prober.xml.values import Count


class BackingStore(Checked):
    """What stands behind an image; one without a type says that nothing does."""

    type: Annotated[SourceKind | None, At("@type"), Becomes("the `driver` of its `-blockdev`")] = None
    index: Annotated[Count | None, At("@index"), Neutral("libvirt's number of an image of a running domain")] = None
    format: Annotated[ImageFormat | None, At("format"), Becomes("`-blockdev`")] = None
    source: Annotated[StorageSource | None, At("source"), Becomes("`-blockdev`")] = None
    data_store: Annotated[DataStore | None, At("dataStore"), Becomes("`data-file`")] = None
    backing: Annotated[BackingStore | None, At("backingStore"), Becomes("`backing`")] = None

    def rules(self) -> Iterator[Broken]:
        """A chain is either told in full or ended (``virDomainDiskBackingStoreParse``)."""
        parts = ("format", "source", "data_store", "backing")
        if self.type is None:
            for name in parts:
                if self.given(name):
                    yield Broken(name, "a <backingStore> without a type says that there is nothing behind the image")
            return
        for name in ("format", "source"):
            if not self.given(name):
                yield Broken("", f"a <backingStore> with a type needs a <{name}>")
        if self.type in ("vhostuser", "vhostvdpa", "volume"):
            yield Broken("type", f"a source of type '{self.type}' is not understood behind an image")
        if self.source is not None and self.type is not None and self.source.is_empty(self.type):
            yield Broken("source", "the image behind an image cannot be missing")
        if self.format is not None:
            yield from self._format_rules(self.format)

    def _format_rules(self, image_format: ImageFormat) -> Iterator[Broken]:
        kind = image_format.type
        yield from format_rules(kind, self.backing, self._data, "backing", "source")
        if image_format.max_size is not None and kind != "qcow2":
            yield Broken("format", "only qcow2 images have a cache of metadata to set")
        if (kind == "fat") != (self.type == "dir"):
            yield Broken("format", "format 'fat' is for sources of type 'dir', and they have no other")
        if self.source is not None and self.source.encryption is not None:
            for sentence in self.source.encryption.misfits(kind, self.source.protocol):
                yield Broken("source", sentence)

    @property
    def is_end(self) -> bool:
        """Whether nothing stands behind the image."""
        return self.type is None

    @property
    def _data(self) -> DataStore | None:
        own = self.source.data_store if self.source is not None else None
        return own or self.data_store

    def image(self, above: Image, target: Target) -> Image | None:
        """What it is to the image above it, which is read-only from here on."""
        if self.type is None or self.format is None or self.source is None:
            return None
        size = self.format.max_size
        base = Image(
            kind=self.type,
            source=self.source,
            format=self.format.type,
            number=_after(above.number, 2 if above.data is not None else 1),
            read_only=True,
            place=self.place("source"),
            owner=above.owner,
            access=above.access,
            format_place=self.format.place("type"),
            encryption=self.source.encryption,
            auth=self.source.auth,
            cache_size=size.bytes if size is not None else None,
            first=False,
        )
        return chained(base, self.backing, self._data, target)


def chained(image: Image, backing: BackingStore | None, data: DataStore | None, target: Target) -> Image:
    """The image, told of all that it stands on, each with its number: itself, its data, then what is behind it
    (``qemuDomainPrepareDiskSourceBlockdev``)."""
    image.has_format = needs_format(image.format, image.encryption, target)
    if data is not None:
        image.data = _data_image(data, image, target)
    if backing is not None:
        image.backing, image.ends = backing.image(image, target), backing.is_end
    return image


def _after(number: int | str, steps: int) -> int | str:
    """The number of an image that stands below one with this number, or this name."""
    return number + steps if isinstance(number, int) else f"{number}-{steps}"


def _data_image(store: DataStore, above: Image, target: Target) -> Image:
    """It is written to unless the image behind an image is (``virDomainDiskDataStoreParse``)."""
    return Image(
        kind=store.type,
        source=store.source,
        format="raw",
        number=_after(above.number, 1),
        read_only=not above.first,
        place=store.place("source"),
        owner=above.owner,
        access=above.access,
        encryption=store.source.encryption,
        auth=store.source.auth,
        first=above.first,
        has_format=needs_format("raw", store.source.encryption, target),
    )


def format_rules(
    image_format: str, backing: BackingStore | None, data: DataStore | None, backing_field: str, data_field: str
) -> Iterator[Broken]:
    """What a format cannot have behind it, as (field, sentence)."""
    if backing is not None and not backing.is_end and image_format not in WITH_BACKING:
        yield Broken(backing_field, f"an image of format {image_format} has nothing behind it")
    if data is not None and image_format != "qcow2":
        yield Broken(data_field, "only a qcow2 image has its data in another")


def sources_of(source: StorageSource | None, backing: BackingStore | None) -> Iterator[StorageSource]:
    """Every source of a chain, data stores left out."""
    if source is not None:
        yield source
    if backing is not None:
        yield from sources_of(backing.source, backing.backing)


def check_sources(kind: str, source: StorageSource, backing: BackingStore | None) -> Iterator[Refusal | Note]:
    """What is misplaced in the sources of a chain, and what has no use there."""
    for broken in misplaced(source, kind):
        yield broken.at(source.place)
    for broken in unused(source, kind):
        yield broken.at(source.place).noted()
    if source.data_store is not None:
        yield from check_sources(source.data_store.type, source.data_store.source, None)
    if backing is not None and backing.type is not None and backing.source is not None:
        yield from check_sources(backing.type, backing.source, backing.backing)
