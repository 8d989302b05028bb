"""Which look is for what: a row for each thing that proving stands in for, and for each kind of need.

The names are those of the tables of :mod:`prober.proof.rows.tables`; a test holds both together.  What has no look says
why: either it takes nothing that could be missing, or it is *not looked at*, which is told as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from prober.rehearsal.preflight import assigned, files, firmware, helpers, kvm, memory, network, secrets, sockets
from prober.rehearsal.preflight.files import device, reads, writes
from prober.rehearsal.preflight.ground import ItemLook, NeedLook


class Nothing(NamedTuple):
    """It takes nothing of the host that could be missing; ``why``."""

    why: str


class NotLookedAt(NamedTuple):
    """What it takes of the host is not looked at; ``why``."""

    why: str


ItemRow: TypeAlias = ItemLook | Nothing | NotLookedAt
NeedRow: TypeAlias = NeedLook | Nothing | NotLookedAt

_BELOW = Nothing("what it is made of is looked at by itself")
_NEED = Nothing("its need tells of it, or the socket of its chardev")
_NONE = Nothing("it takes nothing of the host")
_SCREEN = NotLookedAt("a screen or a server of the user's own session")
_SOUND = NotLookedAt("a sound server or device of the user's own session")
_FAR = NotLookedAt("a server on the network, which is not connected to")
_CPU = NotLookedAt("a feature of the host's processor")
_OWN = NotLookedAt("a device of the host that has no look of its own")
_WRITTEN_OUT = NotLookedAt("on a line that somebody wrote out, and libvirt has no word for it")

_SHORT = ("", "-hda", "-hdb", "-hdc", "-hdd", "-cdrom", "-fda", "-fdb", "-mtdblock", "-pflash", "-sd")

OPTION_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        **dict.fromkeys((*_SHORT, "-drive", "-blockdev", "-netdev", "-chardev", "-object", "-device"), _BELOW),
        **dict.fromkeys(("-audio", "-audiodev", "-display", "-fsdev", "-virtfs", "-tpmdev"), _BELOW),
        **dict.fromkeys(("-bios", "-kernel", "-initrd", "-shim", "-dtb", "-k"), reads("", kind="boot file")),
        **dict.fromkeys(("-acpitable", "-fw_cfg", "-smbios"), reads("file", "path")),
        "-boot": reads("splash"),
        "-option-rom": reads("romfile"),
        "-accel": kvm.look_at_kvm_device,
        "-cpu": kvm.look_at_nested,
        "-vnc": sockets.look_at_vnc,
        "-spice": sockets.look_at_spice,
        "-M": _BELOW,
        "-machine": _BELOW,
        "-add-fd": _NEED,
        "-global": files.look_at_global,
        "-serial": files.look_at_own_serial,
        "-incoming": NotLookedAt("the state of a guest comes from elsewhere"),
        **dict.fromkeys(("-async-teardown", "-icount", "-mem-prealloc", "-run-with"), _NONE),
        **dict.fromkeys(("-overcommit", "-realtime"), _NEED),
        **dict.fromkeys(("-curses", "-sdl"), _SCREEN),
        **dict.fromkeys(
            ("-debugcon", "-gdb", "-monitor", "-net", "-nic", "-parallel", "-qmp", "-qmp-pretty", "-s",
             "-usbdevice", "-set", "-mem-path", "-trace", "-loadvm", "-jitdump", "-perfmap", "-preconfig",
             "-semihosting-config"),
            _WRITTEN_OUT,
        ),
    }
)  # fmt: skip

NETDEV_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        "tap": network.look_at_tap_of_qemu,
        "bridge": NotLookedAt("QEMU's own helper connects it, by its own rules (/etc/qemu/bridge.conf)"),
        "user": sockets.look_at_user_network,
        "passt": helpers.look_at_passt,
        **dict.fromkeys(("vhost-user", "vhost-vdpa"), _NEED),
        "stream": sockets.look_at_stream,
        **dict.fromkeys(("dgram", "socket"), sockets.look_at_netdev_socket),
        **dict.fromkeys(
            ("af-xdp", "l2tpv3", "netmap", "vde", "vmnet-bridged", "vmnet-host", "vmnet-shared"), _WRITTEN_OUT
        ),
    }
)

CHARDEV_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        **dict.fromkeys(("console", "pty"), _NONE),
        "file": writes("path"),
        "pipe": files.look_at_pipe,
        **dict.fromkeys(("serial", "tty", "parallel", "parport"), device("path", "character device")),
        "socket": sockets.look_at_socket,
        "udp": sockets.look_at_udp,
        **dict.fromkeys(("braille", "dbus"), _SCREEN),
    }
)

OBJECT_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        **dict.fromkeys(("authz-list-file", "authz-listfile"), reads("filename")),
        **dict.fromkeys(
            ("memory-backend-file", "memory-backend-memfd", "memory-backend-ram"), memory.look_at_memory
        ),
        "memory-backend-epc": _CPU,
        "rng-random": reads("filename", kind="random numbers"),
        "secret": secrets.look_at_secret_object,
        "secret_keyring": NotLookedAt("the keyring is that of whoever starts QEMU"),
        "tls-creds-x509": secrets.look_at_certificates,
        "tls-creds-psk": secrets.look_at_keys,
        "tls-creds-anon": _NONE,
        "thread-context": _NONE,
        "filter-dump": writes("file"),
        "input-linux": _NEED,
        "iommufd": files.fixed_device("/dev/iommu", "vfio"),
        "pr-manager-helper": sockets.look_at_helper_socket,
        "cryptodev-vhost-user": _NEED,
        **dict.fromkeys(("pef-guest", "s390-pv-guest", "sev-guest", "sev-snp-guest", "tdx-guest"), _CPU),
        "can-host-socketcan": _WRITTEN_OUT,
        "cryptodev-backend-lkcf": NotLookedAt("the kernel's own ciphers"),
        "igvm-cfg": reads("file"),
        **dict.fromkeys(("dbus-vmstate", "input-barrier", "x-remote-object", "x-vfio-user-server"), _WRITTEN_OUT),
        "vhost-user-backend": _NEED,
    }
)  # fmt: skip

#: Devices by the beginning of their type; the longest that fits counts.
DEVICE_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        "vhost-user-": _NEED,
        "vhost-scsi": _NEED,
        "vhost-vsock": _NEED,
        "vhost-vdpa-device": reads("vhostdev"),
        "vfio-pci": _NEED,
        "vfio-": _OWN,
        "usb-host": _NEED,
        "virtio-input-host": _NEED,
        "ivshmem-doorbell": _NEED,
        "ivshmem-flat": _NEED,
        "scsi-block": _BELOW,
        "scsi-generic": _BELOW,
        "usb-mtp": files.look_at_shared_directory,
        "virtio-gpu-gl": _NEED,
        "virtio-vga-gl": _NEED,
        "virtio-gpu-rutabaga": _SCREEN,
        "virtio-vga-rutabaga": _SCREEN,
        "u2f-": _OWN,
        "ccid-card-emulated": NotLookedAt("the certificates of a smart card"),
        "pvrdma": _OWN,
        "sgx-epc": _CPU,
        "hv-syndbg": _NONE,
        "x-pci-proxy-dev": _WRITTEN_OUT,
        "xen-": NotLookedAt("it is Xen's"),
    }
)

#: Properties of any device that name something of the host.
PROPERTY_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        **{name: reads(name) for name in ("romfile", "file", "initrd", "kernel")},
        **{name: reads(name) for name in ("frudatafile", "jsonfile", "sdrfile", "cdat")},
        **{name: writes(name) for name in ("pcap", "pcapfile")},
        "rootdir": _BELOW,
        "ebpf-rss-fds": _NEED,
    }
)

BLOCK_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        **dict.fromkeys(("file", "host_device", "host_cdrom", "io_uring"), firmware.look_at_storage),
        **dict.fromkeys(
            (
                "blkdebug",
                "blklogwrites",
                "blkreplay",
                "blkverify",
                "bochs",
                "cloop",
                "compress",
                "copy-before-write",
                "copy-on-read",
                "dmg",
                "luks",
                "parallels",
                "preallocate",
                "qcow",
                "qcow2",
                "qed",
                "quorum",
                "raw",
                "replication",
                "snapshot-access",
                "throttle",
                "vdi",
                "vhdx",
                "vmdk",
                "vpc",
            ),
            _BELOW,
        ),
        "nbd": sockets.look_at_nbd,
        "vvfat": files.look_at_shared_directory,
        **dict.fromkeys(("nvme", "virtio-blk-vhost-vdpa"), _NEED),
        **dict.fromkeys(("nvme-io_uring", "virtio-blk-vfio-pci", "virtio-blk-vhost-user"), _WRITTEN_OUT),
        **dict.fromkeys(
            ("ftp", "ftps", "gluster", "http", "https", "iscsi", "iser", "nfs", "rbd", "sheepdog", "ssh", "vxhs"), _FAR
        ),
    }
)

DISPLAY_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        "egl-headless": device("rendernode", "gpu"),
        "none": _NONE,
        **dict.fromkeys(("cocoa", "curses", "dbus", "default", "gtk", "sdl", "spice-app"), _SCREEN),
    }
)

AUDIO_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {
        "wav": writes("path"),
        **dict.fromkeys(
            ("alsa", "coreaudio", "dbus", "dsound", "jack", "oss", "pa", "pipewire", "sdl", "sndio"), _SOUND
        ),
    }
)

FSDEV_LOOKS: Mapping[str, ItemRow] = MappingProxyType(
    {"local": files.look_at_shared_directory, "proxy": reads("socket")}
)

TPMDEV_LOOKS: Mapping[str, ItemRow] = MappingProxyType({"emulator": _NEED, "passthrough": _NEED})

#: By what the names are of, as :data:`prober.proof.rows.tables.TABLES` has them.
ITEM_LOOKS: Mapping[str, Mapping[str, ItemRow]] = MappingProxyType(
    {
        "option": OPTION_LOOKS,
        "netdev": NETDEV_LOOKS,
        "chardev": CHARDEV_LOOKS,
        "object": OBJECT_LOOKS,
        "device": DEVICE_LOOKS,
        "property": PROPERTY_LOOKS,
        "block driver": BLOCK_LOOKS,
        "display": DISPLAY_LOOKS,
        "audiodev": AUDIO_LOOKS,
        "fsdev": FSDEV_LOOKS,
        "tpmdev": TPMDEV_LOOKS,
    }
)

_LATER = Nothing("it is done when the guest runs, or over the monitor")

#: By the kinds of needs.
NEED_LOOKS: Mapping[str, NeedRow] = MappingProxyType(
    {
        "dbus": NotLookedAt("a D-Bus daemon of the user's session"),
        "environment": Nothing("it is set by whoever starts QEMU"),
        "evdev": files.look_at_opened_device,
        "event": _LATER,
        "file": files.look_at_opened_file,
        "gpu": files.look_at_opened_device,
        "hugepages": memory.look_at_hugetlbfs,
        "iotune": _LATER,
        "latency-histogram": _LATER,
        "ivshmem-server": helpers.external_socket("the ivshmem-server"),
        "lifecycle": _LATER,
        "link": _LATER,
        "log": files.look_at_opened_file,
        "made-up": Nothing("it is made up when QEMU starts"),
        "master-key": Nothing("it is made when QEMU starts"),
        "mdev": assigned.look_at_mdev,
        "memlock": memory.look_at_lock,
        "memory": memory.look_at_memory_file,
        "moment": Nothing("the time goes on by itself"),
        "monitor": sockets.look_at_listened,
        "nvram": Nothing("its image is looked at"),
        "passt": helpers.helper("passt", "whoever starts QEMU starts it, as the guest's network"),
        "password": _LATER,
        "port": sockets.look_at_chosen_port,
        "pr-helper": helpers.helper("qemu-pr-helper", "whoever starts QEMU starts it, for reservations of disks"),
        "pstore": files.look_at_made_file,
        "rdp": NotLookedAt("qemu-rdp, which is started once QEMU runs"),
        "sasl": Nothing("its settings are those of the host's SASL library"),
        "scsi": assigned.look_at_scsi,
        "secret": secrets.look_at_secret,
        "socket": sockets.look_at_listened,
        "swtpm": helpers.look_at_swtpm,
        "tap": network.look_at_tap,
        "tls": secrets.look_at_spice_certificates,
        "tdx-quotes": helpers.external_socket("the service that signs quotes of TDX guests"),
        "tpm": files.passed_device(""),
        "transient": Nothing("the overlay is made by whoever starts QEMU"),
        "usb": assigned.look_at_usb,
        "vcpu": _LATER,
        "vdpa": files.passed_device("vhost_vdpa"),
        "vfio": assigned.look_at_vfio,
        "vhost-net": network.look_at_vhost_net,
        "vhost-scsi": files.passed_device("vhost_scsi"),
        "vhost-user": helpers.look_at_vhost_user,
        "vhost-user-gpu": helpers.helper("vhost-user-gpu", "whoever starts QEMU starts it, as the guest's GPU"),
        "vhost-vsock": files.passed_device("vhost_vsock"),
        "virtiofsd": helpers.look_at_virtiofsd,
    }
)
