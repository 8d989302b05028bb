"""``<source>``: where the data of an image is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from prober.commandline.refusal import Broken
from prober.domain.shared.chardev.source import SourceSeclabel
from prober.domain.shared.paths import relative_paths
from prober.domain.shared.source.children import Cookie, NvmeAddress, Reservations, Slice, StorageHost
from prober.domain.shared.source.format import ImageFormat
from prober.domain.shared.source.references import Auth, Encryption
from prober.xml.binding import At, Becomes, Checked, Neutral
from prober.xml.values import AbsolutePath, Amount, Count, Line, PositiveCount, YesNo, check_any_path


def _path_or_nothing(value: str) -> str:
    """A path; an empty text means no image, as in libvirt (``virDomainStorageSourceParse``)."""
    return check_any_path(value) if value else value


#: A path, or the empty text for none.
SourcePath: TypeAlias = Annotated[str, AfterValidator(_path_or_nothing)]

#: The types of source that there are.
SourceKind: TypeAlias = Literal["file", "block", "dir", "network", "volume", "nvme", "vhostuser", "vhostvdpa"]

#: The types whose image is a path on this host, and the field that has it.
_PATHS = {"file": "file", "block": "dev", "dir": "dir"}

_WHY_SSH = "QEMU's ssh has the known hosts and the keys of the user that it runs as"


class StorageSource(Checked):
    """Which of its attributes count is told by the ``type`` of the element around it, and by its ``protocol``."""

    startup_policy: Annotated[
        Literal["mandatory", "requisite", "optional"] | None,
        At("@startupPolicy"),
        Neutral(
            "what is done where the image is missing at the start; a disk of a pool that is not active is left out"
        ),
    ] = None
    index: Annotated[Count | None, At("@index"), Neutral("libvirt's number of an image of a running domain")] = None
    seclabels: Annotated[
        tuple[SourceSeclabel, ...], At("seclabel"), Neutral("how the host labels the image; no part of a command line")
    ] = ()
    file: Annotated[SourcePath | None, At("@file"), Becomes("`filename` of `-blockdev`")] = None
    dev: Annotated[SourcePath | None, At("@dev"), Becomes("`filename` or `path` of `-blockdev`")] = None
    dir: Annotated[SourcePath | None, At("@dir"), Becomes("`dir` of `-blockdev vvfat`")] = None
    slices: Annotated[tuple[Slice, ...], At("slices/slice"), Becomes("a block node `raw`")] = ()
    data_store: Annotated[DataStore | None, At("dataStore"), Becomes("`data-file` of `-blockdev qcow2`")] = None
    auth: Annotated[Auth | None, At("auth"), Becomes("the user's name, and an `-object secret`")] = None
    encryption: Annotated[Encryption | None, At("encryption"), Becomes("`key-secret`, `encrypt`")] = None
    reservations: Annotated[Reservations | None, At("reservations"), Becomes("`pr-manager`")] = None

    protocol: Annotated[
        Literal["nbd", "rbd", "gluster", "iscsi", "http", "https", "ftp", "ftps", "ssh", "nfs"] | None,
        At("@protocol"),
        Becomes("`driver` of `-blockdev`"),
    ] = None
    name: Annotated[
        Line | None, At("@name"), Becomes("`export`, `pool` and `image`, `volume` and `path`, `target`, `url`, `path`")
    ] = None
    tls: Annotated[YesNo | None, At("@tls"), Becomes("`tls-creds`")] = None
    tls_hostname: Annotated[Line | None, At("@tlsHostname"), Becomes("`tls-hostname`")] = None
    query: Annotated[Line | None, At("@query"), Becomes("part of `url`")] = None
    hosts: Annotated[tuple[StorageHost, ...], At("host"), Becomes("`server`, or part of `url` or `portal`")] = ()
    snapshot: Annotated[Line | None, At("snapshot/@name"), Becomes("`snapshot` of `-blockdev rbd`")] = None
    config: Annotated[AbsolutePath | None, At("config/@file"), Becomes("`conf` of `-blockdev rbd`")] = None
    reconnect_delay: Annotated[PositiveCount | None, At("reconnect/@delay"), Becomes("`reconnect-delay`")] = None
    readahead: Annotated[Amount | None, At("readahead/@size"), Becomes("`readahead`")] = None
    timeout: Annotated[Amount | None, At("timeout/@seconds"), Becomes("`timeout`")] = None
    ssl_verify: Annotated[YesNo | None, At("ssl/@verify"), Becomes("`sslverify`")] = None
    cookies: Annotated[tuple[Cookie, ...], At("cookies/cookie"), Becomes("`cookie-secret`")] = ()
    initiator: Annotated[Line | None, At("initiator/iqn/@name"), Becomes("`initiator-name`")] = None
    known_hosts: Annotated[AbsolutePath | None, At("knownHosts/@path"), Neutral(_WHY_SSH)] = None
    ssh_user: Annotated[Line | None, At("identity/@username"), Becomes("`user` of `-blockdev ssh`")] = None
    keyfile: Annotated[AbsolutePath | None, At("identity/@keyfile"), Neutral(_WHY_SSH)] = None
    agentsock: Annotated[AbsolutePath | None, At("identity/@agentsock"), Neutral(_WHY_SSH)] = None
    nfs_user: Annotated[Line | None, At("identity/@user"), Becomes("`user` of `-blockdev nfs`")] = None
    nfs_group: Annotated[Line | None, At("identity/@group"), Becomes("`group` of `-blockdev nfs`")] = None

    pool: Annotated[Line | None, At("@pool"), Becomes("what the volume of this pool becomes")] = None
    volume: Annotated[Line | None, At("@volume"), Becomes("what this volume becomes")] = None
    mode: Annotated[Literal["host", "direct"] | None, At("@mode"), Becomes("how an iSCSI volume is reached")] = None

    type: Annotated[Literal["pci", "unix"] | None, At("@type"), Becomes("what `nvme` or `vhostuser` begin with")] = None
    namespace: Annotated[PositiveCount | None, At("@namespace"), Becomes("`namespace` of `-blockdev nvme`")] = None
    managed: Annotated[YesNo | None, At("@managed"), Becomes("the resource that says who gives the disk away")] = None
    address: Annotated[NvmeAddress | None, At("address"), Becomes("`device` of `-blockdev nvme`")] = None

    path: Annotated[AbsolutePath | None, At("@path"), Becomes("`path` of a `-chardev socket`")] = None
    reconnect_enabled: Annotated[YesNo | None, At("reconnect/@enabled"), Becomes("`reconnect-ms`")] = None
    reconnect_timeout: Annotated[PositiveCount | None, At("reconnect/@timeout"), Becomes("`reconnect-ms`")] = None

    def rules(self) -> Iterator[Broken]:
        """What no image has two of."""
        if len(self.slices) > 1:
            yield Broken("slices", "an image has one slice")
        if self.cookies and len({cookie.name for cookie in self.cookies}) < len(self.cookies):
            yield Broken("cookies", "two cookies have one name")
        if self.reconnect_enabled and self.reconnect_timeout is None:
            yield Broken("reconnect_timeout", "<reconnect enabled='yes'> needs a timeout of at least one second")

    def remarks(self) -> Iterator[Broken]:
        """Paths that are not absolute."""
        yield from relative_paths(self, "file", "dev", "dir")

    def local_path(self, kind: str) -> str | None:
        """The path of a source of this type, where it is one on this host."""
        field = _PATHS.get(kind)
        return getattr(self, field) or None if field is not None else None

    def is_empty(self, kind: str) -> bool:
        """Whether there is no image."""
        return kind in _PATHS and self.local_path(kind) is None


class DataStore(Checked):
    """``<dataStore>``: the raw image with the data of a qcow2 image."""

    type: Annotated[SourceKind, At("@type"), Becomes("the `driver` of its `-blockdev`")]
    format: Annotated[ImageFormat, At("format"), Becomes("the only format that there is")]
    source: Annotated[StorageSource, At("source"), Becomes("`-blockdev`")]

    def rules(self) -> Iterator[Broken]:
        """A raw image, and nothing more (libvirt 11.3, ``virDomainDiskDefValidateSourceChainOne``)."""
        if self.format.type != "raw":
            yield Broken("format", "the image with the data is raw")
        if self.format.max_size is not None:
            yield Broken("format", "a raw image has no cache of metadata")
        if self.source.data_store is not None or self.source.slices:
            yield Broken("source", "the image with the data has neither a slice nor a data store of its own")
        if self.type in ("vhostuser", "vhostvdpa", "volume"):
            yield Broken("type", f"a source of type '{self.type}' is not understood for data")
