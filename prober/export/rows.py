"""What ``<memoryBacking>``, ``<devices>`` and ``<features>`` of the domain capabilities tell: libvirt's names, in
libvirt's order, and the facts of QEMU's that each stands on.

Names and order are those of libvirt 11.3 (``docs/formatdomaincaps.rst``, ``src/conf/domain_capabilities.c``).  The
facts are often narrower than libvirt's own: docs/domcapabilities.md has the differences.
"""

from __future__ import annotations

from typing import NamedTuple

from prober.capabilities.evidence import Verdict
from prober.export.grounds import (
    Ground,
    RowFinding,
    RowSubject,
    all_of,
    always,
    any_fact,
    fact,
    first_known,
    in_list,
    on_machines,
    on_targets,
    returned_case,
    with_kvm,
)
from prober.export.protection import gic_versions


class Values(NamedTuple):
    """An ``<enum>``: its name, and each value with what it stands on."""

    name: str
    values: tuple[tuple[str, Ground], ...]


class RowGroup(NamedTuple):
    """An element with enums.  It is supported where the enum ``decides`` has a value."""

    name: str
    decides: str
    enums: tuple[Values, ...]


def _virtio(kind: str) -> tuple[tuple[str, Ground], ...]:
    """The models of a virtio device (``hw/virtio/virtio-*-pci.c``; the two later ones since QEMU 4.0)."""
    return (
        ("virtio", any_fact(f"virtio-{kind}-pci", f"virtio-{kind}-device", f"virtio-{kind}-ccw")),
        ("virtio-transitional", fact(f"virtio-{kind}-pci-transitional")),
        ("virtio-non-transitional", fact(f"virtio-{kind}-pci-non-transitional")),
    )


def _tpm_model(name: str) -> Ground:
    return in_list("query-tpm-models", name, lambda caps: caps.tpm_models)


def _tpm_type(name: str) -> Ground:
    return in_list("query-tpm-types", name, lambda caps: caps.tpm_types)


def _display(name: str) -> Ground:
    """The schema has each display that QEMU was built with, ``-display help`` those whose module is installed."""
    return all_of(returned_case("query-display-options", name), fact(f"-display {name}"))


def _netdev(kind: str) -> Ground:
    """The schema tells the kinds of netdevs since QEMU 5.1 (``qapi/net.json``, ``netdev_add``)."""

    def find(subject: RowSubject) -> RowFinding:
        if subject.find("netdev_add.type").verdict is Verdict.present:
            return subject.find(f"netdev_add.type.{kind}")
        return RowFinding(Verdict.unknown, "the schema of netdev_add tells nothing of their kinds")

    return find


def _without_handle(subject: RowSubject) -> RowFinding:
    """QEMU dropped the driver ``handle`` in 4.0 (``docs/about/removed-features.rst``); nothing that it says tells."""
    if subject.caps.version.numbers >= (4, 0, 0):
        return RowFinding(Verdict.absent, "QEMU has no driver handle since 4.0")
    return RowFinding(Verdict.unknown, "no answer of QEMU's tells whether it has the driver handle")


_SCSI_HOSTS = (
    "virtio-scsi-pci", "virtio-scsi-device", "virtio-scsi-ccw", "lsi53c895a", "megasas", "pvscsi", "mptsas1068",
    "am53c974", "spapr-vscsi",
)  # fmt: skip
_USB_HOSTS = (
    "qemu-xhci", "nec-usb-xhci", "piix3-usb-uhci", "piix4-usb-uhci", "usb-ehci", "ich9-usb-ehci1",
    "vt82c686b-usb-uhci", "pci-ohci",
)  # fmt: skip
_9P = any_fact("virtio-9p-pci", "virtio-9p-device", "virtio-9p-ccw")
_VFIO = any_fact("vfio-pci")
_SPICE = fact("-spice")
_DBUS = _display("dbus")
_LIBVIRTS = always("libvirt does it, with any QEMU")

MEMORY_BACKING = RowGroup(
    "memoryBacking",
    "sourceType",
    (
        Values(
            "sourceType",
            (
                ("file", fact("memory-backend-file")),
                ("anonymous", fact("memory-backend-ram")),
                ("memfd", fact("memory-backend-memfd")),
            ),
        ),
    ),
)

DEVICES = (
    RowGroup(
        "disk",
        "bus",
        (
            Values(
                "diskDevice",
                (
                    ("disk", any_fact("virtio-blk-pci", "virtio-blk-device", "virtio-blk-ccw", "scsi-hd", "ide-hd")),
                    ("cdrom", any_fact("scsi-cd", "ide-cd")),
                    ("floppy", fact("floppy")),
                    ("lun", fact("scsi-block")),
                ),
            ),
            Values(
                "bus",
                (
                    # Of x86 only pc and isapc have a controller of their own, and none can be added.
                    ("ide", all_of(on_machines("pc", "isapc"), fact("ide-hd"))),
                    ("fdc", all_of(fact("floppy"), any_fact("isa-fdc", "SUNW,fdtwo", "sysbus-fdc"))),
                    ("scsi", all_of(fact("scsi-hd"), any_fact(*_SCSI_HOSTS))),
                    ("virtio", any_fact("virtio-blk-pci", "virtio-blk-device", "virtio-blk-ccw")),
                    ("usb", all_of(fact("usb-storage"), any_fact(*_USB_HOSTS))),
                    ("sata", all_of(fact("ich9-ahci"), fact("ide-hd"))),
                ),
            ),
            Values("model", _virtio("blk")),
        ),
    ),
    RowGroup(
        "graphics",
        "type",
        (
            Values(
                "type",
                (
                    ("sdl", _display("sdl")),
                    ("vnc", fact("query-vnc")),
                    ("rdp", _DBUS),  # by qemu-rdp, which shows what D-Bus tells
                    ("spice", _SPICE),
                    ("egl-headless", _display("egl-headless")),
                    ("dbus", _DBUS),
                ),
            ),
        ),
    ),
    RowGroup(
        "video",
        "modelType",
        (
            Values(
                "modelType",
                (
                    ("vga", fact("VGA")),
                    ("cirrus", fact("cirrus-vga")),
                    ("vmvga", fact("vmware-svga")),
                    ("qxl", fact("qxl")),
                    ("virtio", any_fact("virtio-gpu-pci", "virtio-gpu-device", "virtio-gpu-ccw")),
                    ("none", always("a guest needs no video device")),
                    ("bochs", fact("bochs-display")),
                    ("ramfb", fact("ramfb")),
                ),
            ),
        ),
    ),
    RowGroup(
        "hostdev",
        "subsysType",
        (
            Values("mode", (("subsystem", _LIBVIRTS),)),
            Values(
                "startupPolicy",
                tuple((name, _LIBVIRTS) for name in ("default", "mandatory", "requisite", "optional")),
            ),
            Values(
                "subsysType",
                (
                    ("usb", all_of(fact("usb-host"), any_fact(*_USB_HOSTS))),
                    ("pci", _VFIO),
                    ("scsi", all_of(fact("scsi-generic"), any_fact(*_SCSI_HOSTS))),
                ),
            ),
            Values("capsType", ()),
            Values("pciBackend", (("default", _VFIO), ("vfio", _VFIO))),
        ),
    ),
    RowGroup(
        "rng",
        "model",
        (
            Values("model", _virtio("rng")),
            Values(
                "backendModel",
                (("random", fact("rng-random")), ("egd", fact("rng-egd")), ("builtin", fact("rng-builtin"))),
            ),
        ),
    ),
    RowGroup(
        "filesystem",
        "driverType",
        (
            Values(
                "driverType",
                (
                    ("path", _9P),
                    ("handle", all_of(_9P, _without_handle)),
                    ("virtiofs", any_fact("vhost-user-fs-pci", "vhost-user-fs-device", "vhost-user-fs-ccw")),
                ),
            ),
        ),
    ),
    RowGroup(
        "tpm",
        "model",
        (
            Values("model", tuple((name, _tpm_model(name)) for name in ("tpm-tis", "tpm-crb", "tpm-spapr"))),
            Values(
                "backendModel",
                (
                    ("passthrough", _tpm_type("passthrough")),
                    ("emulator", _tpm_type("emulator")),
                    ("external", _tpm_type("emulator")),
                ),
            ),
        ),
    ),
    RowGroup("redirdev", "bus", (Values("bus", (("usb", fact("usb-redir")),)),)),
    RowGroup(
        "channel",
        "type",
        (
            Values(
                "type",
                (
                    ("pty", fact("-chardev pty")),
                    ("unix", fact("-chardev socket")),
                    ("spicevmc", all_of(_SPICE, fact("-chardev spicevmc"))),
                ),
            ),
        ),
    ),
    RowGroup(
        "crypto",
        "model",
        (
            Values("model", (("virtio", any_fact("virtio-crypto-pci", "virtio-crypto-device")),)),
            Values("type", (("qemu", any_fact("virtio-crypto-pci", "virtio-crypto-device")),)),
            Values(
                "backendModel",
                (("builtin", fact("cryptodev-backend-builtin")), ("lkcf", fact("cryptodev-backend-lkcf"))),
            ),
        ),
    ),
    RowGroup(
        "interface",
        "backendType",
        (
            Values(
                "backendType",
                (("default", _netdev("user")), ("passt", _netdev("stream"))),
            ),
        ),
    ),
    RowGroup(
        "panic",
        "model",
        (
            Values(
                "model",
                (
                    ("isa", fact("pvpanic")),
                    (
                        "hyperv",
                        all_of(on_targets("x86_64", "i386"), with_kvm, fact("max-{target}-cpu.hv-crash")),
                    ),
                    ("pvpanic", fact("pvpanic-pci")),
                ),
            ),
        ),
    ),
)


def _sev_told(subject: RowSubject) -> RowFinding:
    """QEMU answers query-sev-capabilities with an error where the host has no SEV."""
    caps = subject.caps
    if isinstance(caps.sev, dict):
        return RowFinding(Verdict.present, "query-sev-capabilities tells of it")
    if "kvm" in caps.accelerators and "query-sev-capabilities" in (caps.commands or ()):
        return RowFinding(Verdict.absent, "query-sev-capabilities was answered with an error")
    return RowFinding(Verdict.unknown, "query-sev-capabilities was never answered with KVM")


def _sgx_told(subject: RowSubject) -> RowFinding:
    """``sgx`` of query-sgx-capabilities."""
    caps = subject.caps
    if isinstance(caps.sgx, dict):
        has = caps.sgx.get("sgx") is True
        return RowFinding(
            Verdict.present if has else Verdict.absent, f"query-sgx-capabilities: sgx is {str(has).lower()}"
        )
    if caps.commands and "query-sgx-capabilities" not in caps.commands:
        return RowFinding(Verdict.absent, "this QEMU has no query-sgx-capabilities")
    if "kvm" in caps.accelerators:
        return RowFinding(Verdict.absent, "query-sgx-capabilities was answered with an error")
    return RowFinding(Verdict.unknown, "query-sgx-capabilities was never answered with KVM")


def has_gic(subject: RowSubject) -> RowFinding:
    """Which GIC a machine ``virt`` may have tells query-gic-capabilities."""
    if subject.caps.target not in ("aarch64", "arm") or subject.kind != "virt":
        return RowFinding(Verdict.absent, "only the machine virt of ARM has a GIC that can be chosen")
    if subject.caps.gic is None:
        return RowFinding(Verdict.unknown, "query-gic-capabilities was never asked")
    has = bool(gic_versions(subject.caps, subject.virttype))
    return RowFinding(Verdict.present if has else Verdict.absent, "by what query-gic-capabilities tells")


def _unasked_kernel(_: RowSubject) -> RowFinding:
    return RowFinding(Verdict.unknown, "only the host's kernel can tell, which was not asked")


#: A machine has the properties of the types that it descends from.
_I8042 = first_known(fact("{machine}-machine.i8042"), fact("generic-pc-machine.i8042"))
_CONFIDENTIAL = first_known(
    fact("{machine}-machine.confidential-guest-support"), fact("none-machine.confidential-guest-support")
)

SEV = all_of(with_kvm, fact("sev-guest"), _sev_told)
SGX = all_of(with_kvm, _sgx_told)
_TDX = all_of(on_targets("x86_64"), with_kvm, fact("tdx-guest"), _unasked_kernel)
_S390 = on_targets("s390x")
_SECURE = all_of(_S390, with_kvm, fact("s390-pv-guest"), _CONFIDENTIAL)


class FeatureRow(NamedTuple):
    """An element of ``<features>`` that is ``supported='yes|no'`` alone.  ``is_rare`` is whether libvirt tells of it on
    some targets alone, or of late: then it stands there only where it is supported."""

    name: str
    ground: Ground
    is_rare: bool = False


FEATURES = (
    FeatureRow("vmcoreinfo", fact("vmcoreinfo")),
    FeatureRow("genid", fact("vmgenid")),
    FeatureRow("backingStoreInput", fact("blockdev-add")),
    # Since blockdev-reopen has no x- before it libvirt can give back the bitmaps of a backup.
    FeatureRow("backup", all_of(fact("blockdev-backup"), fact("blockdev-reopen"), fact("nbd-server-add"))),
    FeatureRow("async-teardown", fact("-run-with.async-teardown")),
    FeatureRow("s390-pv", all_of(_SECURE, _unasked_kernel), is_rare=True),
    FeatureRow("ps2", all_of(on_machines("pc", "q35", "isapc"), _I8042)),
    FeatureRow("tdx", _TDX, is_rare=True),
)

LAUNCH_SECURITY = RowGroup(
    "launchSecurity",
    "sectype",
    (
        Values(
            "sectype",
            (
                ("sev", SEV),
                ("sev-snp", all_of(SEV, fact("sev-snp-guest"))),
                ("s390-pv", _SECURE),
                ("tdx", _TDX),
            ),
        ),
    ),
)

LOADER_TYPES = (("rom", always("-bios takes any file")), ("pflash", fact("cfi.pflash01")))

IOTHREADS = fact("iothread")

#: The enlightenments of Hyper-V; the property of QEMU's is ``hv-`` and this name, with dashes.
HYPERV = (
    "relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset", "vendor_id", "frequencies",
    "reenlightenment", "tlbflush", "ipi", "evmcs", "avic", "emsr_bitmap", "xmm_input",
)  # fmt: skip

#: Whether the CPU's properties can be kept to what can be migrated.
MIGRATABLE = fact("max-{target}-cpu.migratable")
