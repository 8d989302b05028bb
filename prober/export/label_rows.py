"""The names of labels: KubeVirt's own and prober's, each with the facts that it stands on.

KubeVirt's are those that its node labeller gives (KubeVirt 1.7, ``pkg/virt-handler/node-labeller`` and
``staging/src/kubevirt.io/api/core/v1/types.go``).  It asks the kernel and libvirt for them, and prober QEMU.
"""

from __future__ import annotations

from typing import NamedTuple

from prober.export.feature_file import OWN
from prober.export.grounds import Ground, all_of, fact, in_list, with_kvm
from prober.export.rows import SEV, SGX

#: What stands before the names of CPU models, features, machines and enlightenments.
CPU_MODEL = "cpu-model.node.kubevirt.io/"
CPU_MODEL_MIGRATION = "cpu-model-migration.node.kubevirt.io/"
CPU_FEATURE = "cpu-feature.node.kubevirt.io/"
CPU_VENDOR = "cpu-vendor.node.kubevirt.io/"
HOST_MODEL = "host-model-cpu.node.kubevirt.io/"
HOST_MODEL_FEATURE = "host-model-required-features.node.kubevirt.io/"
MACHINE_TYPE = "machine-type.node.kubevirt.io/"
HYPERV = "hyperv.node.kubevirt.io/"

#: The enlightenments as KubeVirt calls them (``kvm-caps-info-plugin_amd64.go``), and as libvirt does.  Not here are
#: ``synic2``, which no property of QEMU's stands for, and ``time``, which libvirt has among the clock's timers.
HYPERV_NAMES = {
    "base": "relaxed",  # KVM_CAP_HYPERV, which brings it
    "frequencies": "frequencies",
    "ipi": "ipi",
    "reenlightenment": "reenlightenment",
    "reset": "reset",
    "runtime": "runtime",
    "synic": "synic",
    "synictimer": "stimer",
    "tlbflush": "tlbflush",
    "vpindex": "vpindex",
}

#: Models that KubeVirt gives no label for unless it is told others (``obsoleteCPUModels``); each has a ``-v1``, too.
OBSOLETE = frozenset({
    "486", "Conroe", "Opteron_G1", "Opteron_G2", "athlon", "core2duo", "coreduo", "kvm32", "kvm64", "n270", "pentium",
    "pentium2", "pentium3", "pentiumpro", "phenom", "qemu32", "qemu64",
})  # fmt: skip


class LabelRow(NamedTuple):
    """A label that stands on facts alone: there with this value where they are present."""

    name: str
    ground: Ground
    value: str = "true"


#: KubeVirt's that have no value.  Not here: ``sev-es``, ``realtime``, ``ksm-enabled`` and the TSC's, which only the
#: host's CPUID and kernel tell of.
KUBEVIRT = (
    LabelRow("kubevirt.io/sev", SEV, ""),
    LabelRow("kubevirt.io/sev-snp", all_of(SEV, fact("sev-snp-guest")), ""),
)


def _own(name: str, ground: Ground) -> LabelRow:
    return LabelRow(f"{OWN}{name}", ground)


_BLOCKDEVS = ("gluster", "https", "iscsi", "nfs", "rbd", "ssh")
_DISPLAYS = ("dbus", "egl-headless", "gtk", "sdl")
_NETDEVS = ("stream", "user", "vhost-user", "vhost-vdpa")
_DEVICES = (
    "amd-iommu", "ich9-ahci", "intel-iommu", "ivshmem-plain", "nvdimm", "nvme", "pvpanic-pci", "qemu-xhci", "qxl",
    "usb-host", "usb-redir", "vfio-pci", "vhost-scsi-pci", "vhost-user-blk-pci", "vhost-user-fs-pci", "vhost-vsock-pci",
    "virtio-crypto-pci", "virtio-gpu-gl-pci", "virtio-gpu-pci", "virtio-iommu-pci", "virtio-mem-pci",
    "virtio-pmem-pci", "virtio-sound-pci", "vmgenid",
)  # fmt: skip

#: prober's own: what a scheduler may have to look for that libvirt's form has no name for.
PROBER = (
    _own("kvm", with_kvm),
    _own("sgx", SGX),
    *(_own(f"blockdev.{name}", fact(f"-blockdev {name}")) for name in _BLOCKDEVS),
    *(_own(f"display.{name}", fact(f"-display {name}")) for name in _DISPLAYS),
    *(_own(f"device.{name}", fact(name)) for name in _DEVICES),
    *(_own(f"netdev.{name}", fact(f"netdev_add.type.{name}")) for name in _NETDEVS),
    _own("spice", fact("-spice")),
    _own("tpm-emulator", in_list("query-tpm-types", "emulator", lambda caps: caps.tpm_types)),
    _own("acpi-bridge-hotplug-switch", fact("ICH9-LPC.acpi-pci-hotplug-with-bridge-support")),
)
