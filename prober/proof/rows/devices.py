"""The rows of devices that take something of the host, and what a device's files become.

A type without a row is kept, where the line gives it no property that names a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import StandInRow, Treatment, left_out, stood_in, treat
from prober.proof.rows.addresses import LOOPBACK, near_host
from prober.proof.rows.boot import DEVICE_FILES, FileChange


class PropertyRow(NamedTuple):
    """What becomes of a property that names a file: ``say`` is what stands in for it, or why it is left out."""

    treatment: Treatment
    say: str
    change: FileChange


_VHOST = "it is the work of another process, which is not here"
_KERNEL = "it is the work of the host's kernel"
_XEN = "it is Xen's"


def _types(stem: str, *ends: str) -> list[str]:
    """The types of a device: what it is on each bus."""
    return [f"{stem}{end}" for end in ends]


_PCI, _ON_PCI = ("", "-pci"), ("", "-pci", "-pci-transitional", "-pci-non-transitional")

_VHOST_USER = (
    *(name for kind in ("gpu", "input", "rng", "rtc", "scmi", "snd", "device", "test-device")
      for name in _types(f"vhost-user-{kind}", *_PCI)),
    *(name for kind in ("fs", "gpio", "i2c", "spi") for name in _types(f"vhost-user-{kind}", "-device", "-pci")),
    *(name for kind in ("blk", "scsi") for name in _types(f"vhost-user-{kind}", *_ON_PCI)),
    *_types("vhost-user-vsock", "-device", "-pci", "-pci-non-transitional"),
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
        **dict.fromkeys(
            (*_types("vhost-scsi", *_ON_PCI), *_types("vhost-vdpa-device", *_ON_PCI),
             *_types("vhost-vsock", "-device", "-pci", "-pci-non-transitional")),
            left_out(_KERNEL),
        ),
        **dict.fromkeys(
            ("vfio-amd-xgbe", "vfio-ap", "vfio-calxeda-xgmac", "vfio-ccw", "vfio-pci", "vfio-pci-igd-lpc-bridge",
             "vfio-pci-nohotplug", "vfio-platform"),
            left_out("the device is the host's"),
        ),
        **dict.fromkeys(("vfio-user-pci", "x-pci-proxy-dev"), left_out(_VHOST)),
        **dict.fromkeys(_types("virtio-input-host", "-device", "-pci"), left_out("an input device is the host's")),
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


def _zeros(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.add(members.text(name), content=bytes(64)))
    bench.replace(given, name, PROPERTIES[name].say)


def _empty(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.add(members.text(name)))
    bench.replace(given, name, PROPERTIES[name].say)


def _written(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.place(members.text(name)))
    bench.replace(given, name, PROPERTIES[name].say)


def _directory(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.set(name, bench.add(members.text(name), kind="directory"))
    bench.replace(given, name, PROPERTIES[name].say)


def _without(given: Given, members: Members, bench: Bench, name: str) -> None:
    members.drop(name)
    bench.leave_out(given, PROPERTIES[name].say, part=name)


_WRITTEN = PropertyRow(Treatment.stood_in, "a file in the directory of stand-ins", _written)


#: What becomes of a property that names a file, whatever the type; others are in :data:`DEVICE_FILES`.
PROPERTIES: Mapping[str, PropertyRow] = MappingProxyType(
    {
        "cdat": PropertyRow(Treatment.left_out, "what is in the file is nothing that could be made up", _without),
        "ebpf-rss-fds": PropertyRow(Treatment.left_out, "the descriptors are not passed", _without),
        "frudatafile": PropertyRow(Treatment.stood_in, "a file of zeros", _zeros),
        "jsonfile": PropertyRow(Treatment.stood_in, "an empty file", _empty),
        "pcap": _WRITTEN,
        "pcapfile": _WRITTEN,
        "rootdir": PropertyRow(Treatment.stood_in, "an empty directory", _directory),
        "sdrfile": PropertyRow(Treatment.stood_in, "an empty file", _empty),
    }
)

#: Properties that name something of the host; those that neither :data:`PROPERTIES` nor :data:`DEVICE_FILES` has are no
#: rule's.
PATH_PROPERTIES = frozenset(
    (
        "cert", "cert1", "cert2", "cert3", "counter", "db", "dir", "entropy", "evdev", "fd", "file", "hidraw",
        "hostdevice", "ibdev", "initrd", "kernel", "mad-chardev", "privkey", "romfile", "sysfsdev", "vhostdev",
        "vhostfd", "vhostfds",
    )
)  # fmt: skip

#: The largest queue that a card without vhost sends from (QEMU, ``hw/net/virtio-net.c``,
#: ``virtio_net_max_tx_queue_size``).
_LARGEST_QUEUE = 256
_VHOST_NETDEVS = ("vhost-user", "vhost-vdpa")


def change_device(given: Given, members: Members, bench: Bench) -> None:
    """What becomes of a ``-device``."""
    driver = members.text("driver")
    if driver in DEVICES:
        treat(DEVICES, "device", driver, given, members, bench)
        if given.is_left_out:
            return
    for name in members.names():
        value = members.value(name)
        if not isinstance(value, str) or not value:
            continue  # what names something is a text; anything else QEMU refuses by itself
        if name in PROPERTIES:
            PROPERTIES[name].change(given, members, bench, name)
        elif name in DEVICE_FILES:
            DEVICE_FILES[name](given, members, bench, name)
        elif name in PATH_PROPERTIES:
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


#: What a ``-global`` or ``-set`` would have to be told of as well.
_OF_THE_HOST = frozenset((*PATH_PROPERTIES, *PROPERTIES, *DEVICE_FILES, "blob", "host_ip"))

_GLOBAL = re.compile(r"(?P<driver>[^.=,]+)\.(?P<name>[^=]+)=(?P<value>.*)", re.DOTALL)


def change_global(given: Given, _members: Members, bench: Bench) -> None:
    """What becomes of a ``-global``: kept, unless it names a file."""
    text = given.value or ""
    match = _GLOBAL.fullmatch(text)
    name, value = (match["name"], match["value"]) if match else _written_out(text)
    if value and name in _OF_THE_HOST:
        bench.refuse(given, f"no rule for -global of property {name}")


def _written_out(text: str) -> tuple[str, str]:
    """``driver=…,property=…,value=…``."""
    pairs = dict(pair.partition("=")[::2] for pair in text.split(","))
    return pairs.get("property", ""), pairs.get("value", "")


_SET = re.compile(r"device\.(?P<id>[^.=]+)\.(?P<name>[^=]+)=(?P<value>.*)", re.DOTALL)


def change_set(given: Given, _members: Members, bench: Bench) -> None:
    """What becomes of a ``-set``: kept, where it is about a property of a device that names nothing of the host."""
    match = _SET.fullmatch(given.value or "")
    if match is None or match["name"] in _OF_THE_HOST or match["name"] == "driver":
        bench.refuse(given, "no rule for what it changes")


OPTIONS_OF_DEVICES: Mapping[str, StandInRow] = MappingProxyType(
    {
        "-device": stood_in("itself, where its type needs nothing of the host, see below", change_device),
        "-global": stood_in("itself; not started where it names a file", change_global),
        "-set": stood_in("itself, where it is about a device and names no file", change_set),
    }
)
