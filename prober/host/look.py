"""A host's kernel and CPU as they are now.  An edge of this floor, beside that of the files.

Nothing here raises for what a host has or has not, waits for anything, or is left open.  A device is asked only where
its driver is there already: opening the node of one that is not would have the kernel load it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prober.capabilities.fingerprinter import parse_cpuinfo
from prober.capabilities.marks import read_small
from prober.host.facts import HostFacts, HostProcessor
from prober.host.host import Confidential

#: The first processor of a machine with hundreds is within so much of ``/proc/cpuinfo`` (bytes).
_MOST_OF_CPUINFO = 16384

#: More sizes of huge pages than any kernel has.
_MOST_SIZES = 64

_HUGE_PAGES = re.compile(r"hugepages-(\d{1,15})kB")

#: The parameter of KVM's module that says whether guests may have something, by the field (kernel,
#: Documentation/admin-guide/kernel-parameters.txt, and ``arch/x86/kvm/vmx/vmx.c`` for sgx).
_PARAMETERS = {
    "nested": ("kvm_intel/parameters/nested", "kvm_amd/parameters/nested", "kvm/parameters/nested"),
    "sev": ("kvm_amd/parameters/sev",),
    "sev_es": ("kvm_amd/parameters/sev_es",),
    "sev_snp": ("kvm_amd/parameters/sev_snp",),
    "sgx": ("kvm_intel/parameters/sgx",),
    "tdx": ("kvm_intel/parameters/tdx",),
}

#: Bits of virtio-net and of all virtio devices (``linux/virtio_net.h``, ``linux/virtio_config.h``,
#: ``linux/virtio_ring.h``, ``linux/vhost_types.h``).
_OF_VIRTIO = {
    24: "notify_on_empty", 26: "log_all", 28: "indirect_desc", 29: "event_idx", 32: "version_1",
    33: "access_platform", 34: "ring_packed", 35: "in_order", 36: "order_platform", 37: "sr_iov",
    38: "notification_data", 39: "notif_config_data", 40: "ring_reset", 41: "admin_vq",
}  # fmt: skip
_OF_VHOST_NET = {
    **_OF_VIRTIO, 0: "csum", 1: "guest_csum", 7: "guest_tso4", 8: "guest_tso6", 10: "guest_ufo", 11: "host_tso4",
    12: "host_tso6", 14: "host_ufo", 15: "mrg_rxbuf", 27: "virtio_net_hdr", 54: "guest_uso4", 55: "guest_uso6",
    56: "host_uso", 57: "hash_report", 60: "rss",
}  # fmt: skip
_OF_VHOST_VSOCK = {**_OF_VIRTIO, 0: "stream", 1: "seqpacket", 2: "no_implied_stream", 27: "any_layout"}
#: ``linux/if_tun.h``, IFF_*.
_OF_TUN = {
    0: "tun", 1: "tap", 4: "napi", 5: "napi_frags", 6: "no_carrier", 8: "multi_queue", 9: "attach_queue",
    10: "detach_queue", 11: "persist", 12: "no_pi", 13: "one_queue", 14: "vnet_hdr", 15: "tun_excl",
}  # fmt: skip


def read_host_facts(root: Path = Path("/")) -> HostFacts:
    """What there is below ``root``, where ``proc``, ``sys`` and ``dev`` are.  It blocks, for a millisecond."""
    release = read_small(str(root / "proc/sys/kernel/osrelease"))
    return HostFacts(
        kernel=None if release is None else _text(release) or None,
        processor=_processor(root),
        kvm=_kvm(root),
        huge_pages=_huge_pages(root),
        vhost_net=_offered(root, "vhost-net", "vhost-net", _VHOST_GET_FEATURES, _OF_VHOST_NET),
        vhost_vsock=_offered(root, "vhost-vsock", "vhost-vsock", _VHOST_GET_FEATURES, _OF_VHOST_VSOCK),
        tun=_offered(root, "tun", "net/tun", _TUNGETFEATURES, _OF_TUN),
        **{field: _parameter(root, paths) for field, paths in _PARAMETERS.items()},
    )


def read_confidential(root: Path = Path("/")) -> Confidential:
    """What the kernel's modules say of guests whose memory the host cannot read; nothing of a module that is not
    loaded."""
    return Confidential(**{field: _parameter(root, _PARAMETERS[field]) for field in Confidential.model_fields})


def _processor(root: Path) -> HostProcessor | None:
    text = read_small(str(root / "proc/cpuinfo"), _MOST_OF_CPUINFO)
    if text is None:
        return None
    mark = parse_cpuinfo(text)
    return HostProcessor(
        vendor=mark.vendor,
        family=mark.family,
        model=mark.model,
        stepping=mark.stepping,
        microcode=mark.microcode,
        flags=tuple(sorted(set(mark.flags.split()))),
    )


def _kvm(root: Path) -> bool | None:
    """Whether it can be opened; None where it is there and this user may not."""
    try:
        os.close(os.open(root / "dev/kvm", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        return None if error.errno in (errno.EACCES, errno.EPERM) else False
    return True


def _parameter(root: Path, paths: tuple[str, ...]) -> bool | None:
    """What the first of these parameters that is there says."""
    for path in paths:
        value = read_small(str(root / "sys/module" / path))
        if value is not None:
            return {"Y": True, "1": True, "N": False, "0": False}.get(_text(value))
    return None


def _huge_pages(root: Path) -> tuple[int, ...] | None:
    sizes: list[int] = []
    try:
        with os.scandir(root / "sys/kernel/mm/hugepages") as entries:
            for entry, _ in zip(entries, range(_MOST_SIZES), strict=False):
                match = _HUGE_PAGES.fullmatch(entry.name)
                if match is not None:
                    sizes.append(int(match[1]))
    except OSError:
        return None
    return tuple(sorted(sizes))


def _read_command(kind: int, number: int, size: int) -> int:
    """The number of an ioctl that reads (``asm-generic/ioctl.h``; three old architectures have bits of their own)."""
    is_other = os.uname().machine.startswith(("ppc", "mips", "sparc"))
    return (2 << 29 if is_other else 2 << 30) | size << 16 | kind << 8 | number


#: ``linux/vhost.h`` (64 bits of an answer) and ``linux/if_tun.h`` (32).
_VHOST_GET_FEATURES = _read_command(0xAF, 0, 8), "Q"
_TUNGETFEATURES = _read_command(ord("T"), 207, 4), "I"


def _offered(
    root: Path, driver: str, device: str, question: tuple[int, str], names: Mapping[int, str]
) -> tuple[str, ...] | None:
    """The features that a device offers; None where its driver is not loaded, or it cannot be asked."""
    command, form = question
    with suppress(OSError):
        (root / "sys/class/misc" / driver).lstat()
        descriptor = os.open(root / "dev" / device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            answer = fcntl.ioctl(descriptor, command, bytes(struct.calcsize(form)))
        finally:
            os.close(descriptor)
        return tuple(_named(struct.unpack(form, answer)[0], names))
    return None


def _named(bits: int, names: Mapping[int, str]) -> Iterator[str]:
    for bit in range(bits.bit_length()):
        if bits >> bit & 1:
            yield names.get(bit, f"bit-{bit}")


def _text(value: bytes) -> str:
    return value.decode(errors="replace").strip()
