"""``<loader>``, ``<nvram>`` and ``<firmware>``: the guest's firmware, and where it keeps its variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from prober.commandline.refusal import Broken
from prober.domain.shared.paths import relative_paths
from prober.domain.shared.source import StorageSource
from prober.domain.shared.source.attributes import misplaced, unused
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AbsolutePath, AnyPath, Reads, YesNo

#: The formats that libvirt reads firmware in.
FirmwareFormat: TypeAlias = Literal["raw", "qcow2"]

#: A path as the text of an element; the element may also be empty.
PathOrNothing: TypeAlias = Annotated[
    AnyPath | None,
    Reads(lambda text: text if text is not None and text.strip() else None, words="a path, or none"),
]

#: The type of a protocol's secret.
_SECRETS = {"iscsi": "iscsi", "rbd": "ceph"}


class FirmwareFeature(Element):
    """``<feature>``: what the firmware must have, or must not."""

    name: Annotated[Literal["enrolled-keys", "secure-boot"], At("@name"), Becomes("which installed firmware fits")]
    enabled: Annotated[YesNo, At("@enabled"), Becomes("which installed firmware fits")]


class Firmware(Checked):
    """``<firmware>``: what is wanted of the firmware that is chosen."""

    features: Annotated[tuple[FirmwareFeature, ...], At("feature"), Becomes("which installed firmware fits")] = ()

    @property
    def wanted(self) -> dict[str, bool]:
        """Each feature that is asked for, or against; the last word counts."""
        return {feature.name: feature.enabled for feature in self.features}

    def rules(self) -> Iterator[Broken]:
        """Keys are of no use to a firmware that does not look at them."""
        if self.wanted.get("enrolled-keys") and self.wanted.get("secure-boot") is False:
            yield Broken("features", "feature 'enrolled-keys' cannot be had with 'secure-boot' off")


class Loader(Checked):
    """``<loader>``: the firmware's code; what is not said is what the chosen firmware is."""

    path: Annotated[PathOrNothing, At("."), Becomes("`-bios`, or the image behind `pflash0`")] = None
    readonly: Annotated[YesNo | None, At("@readonly"), Becomes("`read-only` of the image behind `pflash0`")] = None
    type: Annotated[Literal["rom", "pflash"] | None, At("@type"), Becomes("`-bios` or `pflash0`")] = None
    secure: Annotated[YesNo | None, At("@secure"), Becomes("`cfi.pflash01.secure`")] = None
    stateless: Annotated[YesNo | None, At("@stateless"), Becomes("no `pflash1`")] = None
    format: Annotated[FirmwareFormat | None, At("@format"), Becomes("`driver` of the image behind `pflash0`")] = None

    def remarks(self) -> Iterator[Broken]:
        """A path that is not absolute; QEMU looks for the name of a ROM among its own."""
        if self.type == "pflash" or "/" in (self.path or ""):
            yield from relative_paths(self, "path")


class Varstore(Element):
    """``<varstore>``: the variables of firmware in memory, which QEMU itself keeps (libvirt 12); a file of the domain's
    own, where no path is said."""

    path: Annotated[AbsolutePath | None, At("@path"), Becomes("`jsonfile` of `uefi-vars-x64`")] = None
    template: Annotated[AbsolutePath | None, At("@template"), Becomes("what the host must copy there")] = None


class Nvram(Checked):
    """``<nvram>``: the firmware's variables; a file of the domain's own, where nothing else is said."""

    path: Annotated[PathOrNothing, At("."), Becomes("the image behind `pflash1`")] = None
    template: Annotated[AbsolutePath | None, At("@template"), Becomes("what the host must copy there")] = None
    template_format: Annotated[FirmwareFormat | None, At("@templateFormat"), Becomes("`driver` of the new image")] = (
        None
    )
    format: Annotated[FirmwareFormat | None, At("@format"), Becomes("`driver` of the image behind `pflash1`")] = None
    type: Annotated[Literal["file", "block", "network"] | None, At("@type"), Becomes("where the variables are")] = None
    source: Annotated[StorageSource | None, At("source"), Becomes("the image behind `pflash1`")] = None

    def rules(self) -> Iterator[Broken]:
        """A path as text, or a type and its source."""
        if self.type is None:
            if self.source is not None:
                yield Broken("source", "a <source> of <nvram> needs type=…")
            return
        if self.path is not None:
            yield Broken("path", "an <nvram type=…> has its path in <source>, not as its text")
        if self.source is None:
            yield Broken("", f"<nvram type='{self.type}'> needs a <source>")
            return
        for broken in misplaced(self.source, self.type):
            yield Broken("source", broken.message)
        yield from self._source_rules(self.source)

    def remarks(self) -> Iterator[Broken]:
        """What its source has that belongs to other types, and a path that is not absolute."""
        yield from relative_paths(self, "path")
        if self.source is not None and self.type is not None:
            for broken in unused(self.source, self.type):
                yield Broken("source", broken.message, rule=broken.rule)

    def _source_rules(self, source: StorageSource) -> Iterator[Broken]:
        """What flash cannot be (libvirt 11.3, ``qemuValidateDomainDefNvram``), and secrets of the right type."""
        if source.slices:
            yield Broken("source", "the firmware's variables cannot be in a slice of an image")
        if source.reservations is not None:
            yield Broken("source", "the firmware's variables cannot be under persistent reservations")
        if source.auth is None:
            return
        kind = _SECRETS.get(source.protocol or "")
        if self.type != "network" or source.protocol in ("nbd", "gluster", "nfs"):
            yield Broken("source", "<auth> is for sources on the network whose protocol knows users")
        elif kind is not None and kind != source.auth.secret.type:
            yield Broken("source", f"the secret of protocol '{source.protocol}' is of type '{kind}'")

    @property
    def kind(self) -> str:
        """The type of its source."""
        return self.type or "file"

    @property
    def is_local(self) -> bool:
        """Whether the host can copy a template there."""
        return self.kind in ("file", "block")

    @property
    def is_empty(self) -> bool:
        """Whether nothing says where the variables are."""
        return self.path is None and (self.source is None or self.source.is_empty(self.kind))

    @property
    def image_source(self) -> StorageSource:
        """Where they are, however it was written."""
        return self.source or StorageSource(file=self.path, places=self.places)
