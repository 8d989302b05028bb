"""The rows of devices that take something of the host, and what a device's files become.

A type without a row is kept, where the line gives it no property that names a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import StandInRow, left_out, stood_in, treat
from prober.proof.rows.addresses import LOOPBACK, near_host

#: Changes one property of a device, whose name is given last.
PropertyChange = Callable[[Given, Members, Bench, str], None]

_VHOST = "it is the work of another process, which is not here"
_KERNEL = "it is the work of the host's kernel"
_XEN = "it is Xen's"

#: The types that virtio devices on PCI have besides.
_ON_PCI = ("-pci", "-pci-transitional", "-pci-non-transitional")


def _virtio(*stems: str) -> list[str]:
    """The types of a virtio device: itself, and what it is on PCI."""
    return [f"{stem}{end}" for stem in stems for end in ("", "-device", *_ON_PCI)]


_VHOST_USER = (
    *_virtio(*(f"vhost-user-{name}" for name in (
        "blk", "device", "fs", "gpio", "gpu", "i2c", "input", "rng", "rtc", "scmi", "scsi", "snd", "spi", "test-device",
        "vsock",
    ))),
    "vhost-user-vga",
)  # fmt: skip


def _as_without_gl(given: Given, members: Members, bench: Bench) -> None:
    """The same card, that draws by itself."""
    driver = members.text("driver")
    members.set("driver", driver.replace("-gl", ""))
    for name in ("drm_native_context", "stats", "venus"):
        members.drop(name)
    bench.replace(given, "driver", driver.replace("-gl", ""))


def _near(given: Given, members: Members, bench: Bench) -> None:
    host = members.text("host_ip")
    if host and near_host(host) != host:
        members.set("host_ip", LOOPBACK)
        bench.replace(given, "host_ip", LOOPBACK)


_WITHOUT_GL = stood_in("the same card without `-gl`, as there is no graphics card to draw with", _as_without_gl)

DEVICES: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(_VHOST_USER, left_out(_VHOST)),
        **dict.fromkeys(_virtio("vhost-scsi", "vhost-vsock", "vhost-vdpa-device"), left_out(_KERNEL)),
        **dict.fromkeys(
            ("vfio-amd-xgbe", "vfio-ap", "vfio-calxeda-xgmac", "vfio-ccw", "vfio-pci", "vfio-pci-igd-lpc-bridge",
             "vfio-pci-nohotplug", "vfio-platform"),
            left_out("the device is the host's"),
        ),
        **dict.fromkeys(("vfio-user-pci", "x-pci-proxy-dev"), left_out(_VHOST)),
        **dict.fromkeys(_virtio("virtio-input-host"), left_out("an input device is the host's")),
        **dict.fromkeys(("scsi-block", "scsi-generic"), left_out("the disk is the host's, and is asked what it is")),
        **dict.fromkeys(("ivshmem-doorbell", "ivshmem-flat"), left_out(_VHOST)),
        **dict.fromkeys(("u2f-emulated", "u2f-passthru", "ccid-card-emulated"), left_out("the keys are the host's")),
        "pvrdma": left_out("the network card is the host's"),
        "sgx-epc": left_out("the memory of an enclave is of the host's processor"),
        "usb-host": left_out("the USB device is the host's"),
        **dict.fromkeys(
            ("xen-backend", "xen-bridge", "xen-cdrom", "xen-console", "xen-disk", "xen-evtchn", "xen-gnttab",
             "xen-net-device", "xen-overlay", "xen-pci-passthrough", "xen-platform", "xen-primary-console",
             "xen-pvdevice", "xen-sysdev", "xen-xenstore"),
            left_out(_XEN),
        ),
        **dict.fromkeys(("virtio-gpu-gl-device", "virtio-gpu-gl-pci", "virtio-vga-gl"), _WITHOUT_GL),
        **dict.fromkeys(
            ("virtio-gpu-rutabaga", "virtio-gpu-rutabaga-pci", "virtio-vga-rutabaga"),
            left_out("it draws with the host's graphics card"),
        ),
        "hv-syndbg": stood_in("an address of the loopback in `host_ip`", _near),
    }
)  # fmt: skip


def _file(content: bytes) -> PropertyChange:
    def change(given: Given, members: Members, bench: Bench, name: str) -> None:
        members.set(name, bench.add(members.text(name), content=content))
        bench.replace(given, name, "a file with nothing in it")

    return change


def _written(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.place(members.text(name)))
    bench.replace(given, name, "a file in the directory of stand-ins")


def _directory(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.add(members.text(name), kind="directory"))
    bench.replace(given, name, "an empty directory")


def _without(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.drop(name)
    bench.leave_out(given, "what is in the file is nothing that could be made up", part=name)


def _without_descriptors(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.drop(name)
    bench.leave_out(given, "the descriptors are not passed", part=name)


#: What becomes of a property that names a file, whatever the type; others have a hook (:data:`FILE_PROPERTIES`).
PROPERTIES: Mapping[str, PropertyChange] = MappingProxyType(
    {
        "cdat": _without,
        "ebpf-rss-fds": _without_descriptors,
        "frudatafile": _file(bytes(64)),
        "jsonfile": _file(b""),
        "pcap": _written,
        "pcapfile": _written,
        "rootdir": _directory,
        "sdrfile": _file(b""),
    }
)

#: Properties that name a file, and are no rule's here: ``romfile`` of any card, and what a loader loads.
PATH_PROPERTIES = frozenset(
    (
        "cert", "cert1", "cert2", "cert3", "counter", "db", "dir", "entropy", "evdev", "fd", "file", "hidraw",
        "hostdevice", "ibdev", "initrd", "kernel", "mad-chardev", "privkey", "romfile", "sysfsdev", "vhostdev", "vhostfd",
        "vhostfds",
    )
)  # fmt: skip

#: The largest queue that a card without vhost sends from (QEMU, ``hw/net/virtio-net.c``, ``virtio_net_max_tx_queue_size``).
_LARGEST_QUEUE = 256
_VHOST_NETDEVS = ("vhost-user", "vhost-vdpa")


def change_device(
    given: Given, members: Members, bench: Bench, file_properties: Mapping[str, PropertyChange] | None = None
) -> None:
    """What becomes of a ``-device``.  ``file_properties`` are further properties that name files (``romfile``), and what
    becomes of each.
    """
    driver = members.text("driver")
    if driver in DEVICES:
        treat(DEVICES, "device", driver, given, members, bench)
        if given.is_left_out:
            return
    known = {**PROPERTIES, **(file_properties or {})}
    for name in members.names():
        if name in known and members.value(name) not in (None, ""):
            known[name](given, members, bench, name)
        elif name in PATH_PROPERTIES and members.value(name) not in (None, ""):
            bench.refuse(given, f"no rule for property {name} of device {driver[:80]}")
    _without_blob(given, members, bench)
    _short_queue(given, members, bench)


def _without_blob(given: Given, members: Members, bench: Bench) -> None:
    """Blobs are of the host's memory for graphics (QEMU 6.1, ``/dev/udmabuf``)."""
    if members.text("blob") in ("on", "yes", "true", "y") and members.text("driver").startswith("virtio-"):
        members.drop("blob")
        bench.leave_out(given, "it needs the host's /dev/udmabuf", part="blob")


def _short_queue(given: Given, members: Members, bench: Bench) -> None:
    """A card behind vhost has longer queues than one behind what stands in for it."""
    size = members.text("tx_queue_size")
    if not size.isdecimal() or len(size) > 5 or not _LARGEST_QUEUE < int(size) <= 1024 or int(size) & (int(size) - 1):
        return
    netdev = bench.find("-netdev", members.text("netdev"))
    if netdev is not None and bench.was.get(netdev.position, netdev.type) in _VHOST_NETDEVS:
        members.set("tx_queue_size", _LARGEST_QUEUE)
        bench.replace(given, "tx_queue_size", str(_LARGEST_QUEUE))


_GLOBAL = re.compile(r"(?P<driver>[^.=,]+)\.(?P<name>[^=]+)=(?P<value>.*)", re.DOTALL)


def change_global(given: Given, _members: Members, bench: Bench) -> None:
    """What becomes of a ``-global``: kept, unless it names a file."""
    text = given.value or ""
    match = _GLOBAL.fullmatch(text)
    name, value = (match["name"], match["value"]) if match else _written_out(text)
    if value and name in {*PATH_PROPERTIES, *PROPERTIES, "host_ip", "blob"}:
        bench.refuse(given, f"no rule for -global of property {name}")


def _written_out(text: str) -> tuple[str, str]:
    """``driver=…,property=…,value=…``."""
    pairs = dict(pair.partition("=")[::2] for pair in text.split(","))
    return pairs.get("property", ""), pairs.get("value", "")


_SET = re.compile(r"device\.(?P<id>[^.=]+)\.(?P<name>[^=]+)=(?P<value>.*)", re.DOTALL)


def change_set(given: Given, _members: Members, bench: Bench) -> None:
    """What becomes of a ``-set``: kept, where it is about a property of a device that names nothing of the host."""
    match = _SET.fullmatch(given.value or "")
    names_files = match is not None and match["name"] in {*PATH_PROPERTIES, *PROPERTIES, "driver", "host_ip", "blob"}
    if match is None or names_files:
        bench.refuse(given, "no rule for what it changes")


OPTIONS_OF_DEVICES: Mapping[str, StandInRow] = MappingProxyType(
    {
        "-device": stood_in("itself, where its type needs nothing of the host, see below", change_device),
        "-global": stood_in("itself; not started where it names a file", change_global),
        "-set": stood_in("itself, where it is about a device and names no file", change_set),
    }
)
