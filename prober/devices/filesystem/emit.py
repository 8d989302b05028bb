"""``<filesystem>`` as QEMU has it (libvirt 11.3, ``qemuBuildFilesystemCommandLine``)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from prober.commandline import options
from prober.commandline.options import Keyval, Need, Prepared, Property
from prober.devices.filesystem.model import FilesystemElement
from prober.domain.shared.chardev.sockets import unix_socket
from prober.domain.shared.virtio import virtio_driver
from prober.host.target import Target

#: QEMU's words for who owns the files that the guest makes.
_SECURITY = {"passthrough": "passthrough", "mapped": "mapped", "squash": "none"}


def emit_filesystem(fs: FilesystemElement, target: Target) -> Iterator[options.Option]:
    """The device, and what is behind it."""
    if fs.driver == "mtp":
        yield _mtp(fs, target)
    elif fs.driver == "virtiofs":
        yield from _virtiofs(fs, target)
    else:
        yield from _plan9(fs, target)


def _mtp(fs: FilesystemElement, target: Target) -> options.DeviceOption:
    assert fs.source is not None
    properties = (
        Property("id", fs.id, fs.place()),
        Property("rootdir", fs.source, fs.place("source")),
        Property("desc", fs.mount_tag, fs.place("mount_tag")),
        Property("readonly", fs.readonly, fs.place("readonly")),
        *fs.address_properties(target),
    )
    return options.DeviceOption("usb-mtp", properties, fs.place("driver"))


def _plan9(fs: FilesystemElement, target: Target) -> Iterator[options.Option]:
    assert fs.source is not None
    pairs = [Property("security_model", _SECURITY[fs.accessmode or "passthrough"], fs.place("accessmode"))]
    if fs.multidevs != "default":
        pairs.append(Property("multidevs", fs.multidevs, fs.place("multidevs")))
    for name, mode in (("fmode", fs.fmode), ("dmode", fs.dmode)):
        if mode:
            pairs.append(Property(name, f"{mode:04o}", fs.place(name)))
    if fs.wrpolicy != "default":
        pairs.append(Property("writeout", fs.wrpolicy, fs.place("wrpolicy")))
    pairs.append(Property("id", f"fsdev-{fs.id}", fs.place()))
    pairs.append(Property("path", fs.source, fs.place("source")))
    if fs.readonly:
        pairs.append(Property("readonly", True, fs.place("readonly")))
    yield Keyval("-fsdev", "local", tuple(pairs), fs.place())
    properties = (
        *fs.properties(),
        Property("id", fs.id, fs.place()),
        Property("fsdev", f"fsdev-{fs.id}", fs.place()),
        Property("mount_tag", fs.mount_tag, fs.place("mount_tag")),
        *fs.address_properties(target),
    )
    yield options.DeviceOption(virtio_driver("virtio-9p-pci", fs.model or "virtio"), properties, fs.place("model"))


def _virtiofs(fs: FilesystemElement, target: Target) -> Iterator[options.Option]:
    chardev = f"chr-vu-{fs.id}"
    path = fs.socket or f"{fs.directory}/{fs.id}-fs.sock"
    place = fs.place("socket")
    yield unix_socket(chardev, Prepared(path, Need("virtiofsd", fs.id, _todo(fs, path))), place, target)
    properties = (
        *fs.properties(),
        Property("id", fs.id, fs.place()),
        Property("chardev", chardev, place),
        *((Property("queue-size", fs.queue, fs.place("queue")),) if fs.queue else ()),
        Property("tag", fs.mount_tag, fs.place("mount_tag")),
        *fs.boot_properties(),
        *fs.address_properties(target),
    )
    yield options.DeviceOption("vhost-user-fs-pci", properties, fs.place("driver"))


def _todo(fs: FilesystemElement, path: str) -> str:
    """What has to listen on the socket (libvirt, ``qemuVirtioFSBuildCommandLine``)."""
    if fs.socket is not None:
        return f"a virtiofsd must listen on {path} before QEMU starts"
    words = [fs.binary or "virtiofsd", f"--socket-path={path}", *_shared(fs)]
    if fs.thread_pool is not None:
        words.append(f"--thread-pool-size={fs.thread_pool}")
    if fs.openfiles:
        words.append(f"--rlimit-nofile={fs.openfiles}")
    words += (f"--uid-map=:{ids.start}:{ids.target}:{ids.count}:" for ids in fs.uids)
    words += (f"--gid-map=:{ids.start}:{ids.target}:{ids.count}:" for ids in fs.gids)
    if fs.readonly:
        words.append("--readonly")
    return f"start virtiofsd before QEMU, which connects to its socket: {shlex.join(words)}"


def _shared(fs: FilesystemElement) -> Iterator[str]:
    """The directory and how it is shared; locks are for the virtiofsd that came with QEMU up to 7.2, and its
    ``-o``."""
    assert fs.source is not None
    if fs.posix_lock is None and fs.flock is None:
        yield from ("--shared-dir", fs.source)
        if fs.cache is not None:
            yield from ("--cache", "never" if fs.cache == "none" else fs.cache)
        if fs.sandbox is not None:
            yield from ("--sandbox", fs.sandbox)
        if fs.xattr:
            yield "--xattr"
        return
    parts = [f"source={fs.source.replace(',', ',,')}"]
    parts += [f"{name}={value}" for name, value in (("cache", fs.cache), ("sandbox", fs.sandbox)) if value is not None]
    for name, switch in (("xattr", fs.xattr), ("flock", fs.flock), ("posix_lock", fs.posix_lock)):
        if switch is not None:
            parts.append(name if switch else f"no_{name}")
    yield from ("-o", ",".join(parts))
