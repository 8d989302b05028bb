"""``<filesystem>``: what is shared with the guest, and how."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator

from prober.commandline.refusal import Unfit
from prober.domain.shared.address import Address
from prober.domain.shared.device import Bootable
from prober.domain.shared.slots import Kinds
from prober.domain.shared.virtio import VirtioDevice, VirtioModel, virtio_plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import AbsolutePath, Amount, Count, Line, OnOff, PositiveCount

_OCTAL = re.compile(r"[0-7]{1,6}")

_VIRTIOFSD = "the resource: an option of virtiofsd"


def _octal(value: Any) -> int:
    text = str(value).strip()
    if not _OCTAL.fullmatch(text) or int(text, 8) > 0o777:
        raise Unfit("is no mode of a file: octal, up to 0777")
    return int(text, 8)


#: Permissions of a file, in octal.
FileMode: TypeAlias = Annotated[int, BeforeValidator(_octal)]


class IdRange(Element):
    """``<uid>`` or ``<gid>``: a range of the guest's users or groups, and what they are on the host."""

    start: Annotated[Count, At("@start"), Becomes(_VIRTIOFSD)]
    target: Annotated[Count, At("@target"), Becomes(_VIRTIOFSD)]
    count: Annotated[PositiveCount, At("@count"), Becomes(_VIRTIOFSD)]


class FilesystemElement(VirtioDevice, Bootable):
    """One directory.  9p is done by QEMU itself, virtiofs by a virtiofsd that somebody starts beside it."""

    alias_prefix = "fs"
    numbered_by_names = True
    boot_dev = ""

    type: Annotated[Literal["mount"], At("@type"), Becomes("the device; QEMU has no other types")] = "mount"
    accessmode: Annotated[
        Literal["passthrough", "mapped", "squash"] | None, At("@accessmode"), Becomes("`security_model`")
    ] = None
    model: Annotated[VirtioModel | None, At("@model"), Becomes("the device")] = None
    fmode: Annotated[FileMode, At("@fmode"), Becomes("`fmode`")] = 0
    dmode: Annotated[FileMode, At("@dmode"), Becomes("`dmode`")] = 0
    multidevs: Annotated[Literal["default", "remap", "forbid", "warn"], At("@multidevs"), Becomes("`multidevs`")] = (
        "default"
    )
    driver: Annotated[
        Literal["path", "virtiofs", "mtp"],
        At("driver/@type"),
        Becomes("the device, `-fsdev`"),
    ] = "path"
    wrpolicy: Annotated[Literal["default", "immediate"], At("driver/@wrpolicy"), Becomes("`writeout`")] = "default"
    queue: Annotated[Amount, At("driver/@queue"), Becomes("`queue-size`")] = 0
    source: Annotated[AbsolutePath | None, At("source/@dir"), Becomes("`path`, `rootdir`, or the resource")] = None
    socket: Annotated[AbsolutePath | None, At("source/@socket"), Becomes("`path` of the `-chardev`")] = None
    mount_tag: Annotated[Line, At("target/@dir"), Becomes("`mount_tag`, `tag` or `desc`")]
    readonly: Annotated[bool, At("readonly"), Becomes("`readonly`, or the resource")] = False

    binary: Annotated[AbsolutePath | None, At("binary/@path"), Becomes("the resource: the virtiofsd")] = None
    xattr: Annotated[OnOff | None, At("binary/@xattr"), Becomes(_VIRTIOFSD)] = None
    cache: Annotated[Literal["none", "always"] | None, At("binary/cache/@mode"), Becomes(_VIRTIOFSD)] = None
    sandbox: Annotated[Literal["namespace", "chroot"] | None, At("binary/sandbox/@mode"), Becomes(_VIRTIOFSD)] = None
    posix_lock: Annotated[OnOff | None, At("binary/lock/@posix"), Becomes(_VIRTIOFSD)] = None
    flock: Annotated[OnOff | None, At("binary/lock/@flock"), Becomes(_VIRTIOFSD)] = None
    thread_pool: Annotated[Count | None, At("binary/thread_pool/@size"), Becomes(_VIRTIOFSD)] = None
    openfiles: Annotated[Amount | None, At("binary/openfiles/@max"), Becomes(_VIRTIOFSD)] = None
    uids: Annotated[tuple[IdRange, ...], At("idmap/uid"), Becomes(_VIRTIOFSD)] = ()
    gids: Annotated[tuple[IdRange, ...], At("idmap/gid"), Becomes(_VIRTIOFSD)] = ()

    address: Annotated[Address | None, At("address"), Becomes("where it is plugged in")] = None

    #: The domain's own directory, where sockets are that nobody names; filled in by completing.
    directory: str = ""

    @property
    def is_usb(self) -> bool:
        """Whether it sits on a USB port."""
        return self.driver == "mtp"

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device, or one on USB."""
        return None if self.driver == "mtp" else virtio_plug(target, self.model or "virtio")
