"""What no QMP answer tells of a QEMU, though it is so: the named exceptions of the check.

Each entry says where the fact comes from.  Everything else that the check accepts is in the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Other names that ``-device`` takes for a type (QEMU, ``system/qdev-monitor.c``, ``qdev_alias_table``, 5.2 to
#: 11.1; x86's part of it).  Where a binary lacks the type, it lacks the alias.
DEVICE_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ac97": "AC97",
        "ahci": "ich9-ahci",
        "e1000-82540em": "e1000",
        "es1370": "ES1370",
        "lsi": "lsi53c895a",
        **{
            f"virtio-{kind}": f"virtio-{kind}-pci"
            for kind in (
                "9p", "balloon", "blk", "gpu", "gpu-gl", "input-host", "iommu", "keyboard", "mouse", "net", "rng",
                "scsi", "serial", "sound", "tablet",
            )
        },
    }
)  # fmt: skip

#: Devices that are there only as parts of a machine or of another device, so ``-device`` does not make them
#: (``Parameter 'driver' expects a pluggable device type``): so in each of 5.2, 7.2, 10.0 and 11.1 that has them.
NOT_PLUGGABLE = frozenset(
    {
        "ICH9 SMB", "ICH9-LPC", "ICH9-SMB", "PIIX3", "PIIX3-xen", "PIIX4_PM", "SUNW,fdtwo", "acpi-ged",
        "acpi-ged-x86", "apic", "base-xhci", "cfi.pflash01", "cpu-cluster", "cxl-fmw", "esp", "fsl-esdhc-be",
        "fsl-esdhc-le", "fw_cfg_io", "fw_cfg_mem", "generic-sdhci", "gpex-pcihost", "gpex-root", "gpio_i2c",
        "hpet", "hyperv-synic", "i440FX", "i440FX-pcihost", "i8042-mmio", "i8257", "igbvf",
        "igd-passthrough-i440FX", "imx-usdhc", "imx.usbphy", "ioapic", "isa-i8259", "isa-pcspk", "isa-pit",
        "isabus-bridge", "ivshmem-flat", "kvm-apic", "kvm-i8259", "kvm-ioapic", "kvm-pit", "kvmclock",
        "kvmvapic", "mch", "migration", "nitro-vsock-bridge", "piix4-isa", "port92", "ps2-kbd", "ps2-mouse",
        "pxb-cxl-host", "pxb-host", "q35-pcihost", "remote-pcihost", "s3c-sdhci", "serial", "serial-mm",
        "sgx-epc", "smbus-eeprom", "sysbus-ahci", "sysbus-esp", "sysbus-fdc", "sysbus-ohci", "sysbus-xhci",
        "vhost-user-device", "vhost-user-device-pci", "virtio-mmio", "vmport", "xen-apic", "xen-bridge",
        "xen-evtchn", "xen-gnttab", "xen-overlay", "xen-primary-console", "xen-sysdev", "xen-xenstore",
    }
)  # fmt: skip

_TRANSITIONS = ("", "-transitional", "-non-transitional")


def _each(*bases: str) -> tuple[str, ...]:
    """The forms that a virtio device has on PCI."""
    return tuple(f"{base}-pci{transition}" for base in bases for transition in _TRANSITIONS)


#: Properties that a device cannot be made without, which no answer tells (``hw/*``, the device's ``realize``; each was
#: made without in 5.2, 7.2, 10.0 and 11.1): of each group one.
NEEDED_PROPERTIES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("ide-cf", "ide-hd", "scsi-hd", "scsi-block", "scsi-generic", "usb-storage", "virtio-blk-device",
             *_each("virtio-blk")),
            (("drive",),),
        ),
        **dict.fromkeys(
            ("ccid-card-passthru", "ipmi-bmc-extern", "isa-debugcon", "isa-parallel", "ivshmem-doorbell", "usb-braille",
             "usb-redir", "usb-serial", "vhost-user-fs-pci",
             *_each("vhost-user-blk", "vhost-user-scsi", "vhost-user-vsock"), "vhost-user-gpio-pci",
             "vhost-user-i2c-pci", "vhost-user-rng-pci"),
            (("chardev",),),
        ),
        **dict.fromkeys(
            ("acpi-erst", "ivshmem-plain", "nvdimm", "pc-dimm", "virtio-mem-pci", "virtio-pmem-pci"), (("memdev",),)
        ),
        **dict.fromkeys(("isa-ipmi-bt", "isa-ipmi-kcs", "pci-ipmi-bt", "pci-ipmi-kcs", "smbus-ipmi"), (("bmc",),)),
        **dict.fromkeys(("tpm-crb", "tpm-tis", "tpm-tis-device"), (("tpmdev",),)),
        **dict.fromkeys(("vfio-amd-xgbe", "vfio-calxeda-xgmac", "vfio-platform"), (("host", "sysfsdev"),)),
        **dict.fromkeys(_each("vhost-scsi"), (("wwpn",),)),
        **dict.fromkeys(_each("vhost-vsock"), (("guest-cid",),)),
        **dict.fromkeys(_each("virtio-9p"), (("fsdev",), ("mount_tag",))),
        **dict.fromkeys(("vfio-pci", "vfio-pci-nohotplug"), (("host", "sysfsdev", "fd"),)),
        **dict.fromkeys(("pci-bridge", "pci-bridge-seat"), (("chassis_nr",),)),
        "cxl-type3": (("memdev", "volatile-memdev", "persistent-memdev"),),
        **dict.fromkeys(_each("vhost-vdpa-device"), (("vhostdev",),)),
        **dict.fromkeys(("ctucan_pci", "mioe3680_pci", "pcm3680_pci"), (("canbus0",), ("canbus1",))),
        "ccid-card-emulated": (("backend",),),
        "guest-loader": (("kernel", "initrd"),),
        "kvaser_pci": (("canbus",),),
        "nvme": (("serial",),),
        "vhost-user-snd-pci": (("chardev",),),
        "usb-mtp": (("rootdir",),),
        "virtio-crypto-pci": (("cryptodev",),),
        "virtio-input-host-pci": (("evdev",),),
        "x-pci-proxy-dev": (("fd",),),
    }
)  # fmt: skip

#: Options that ``query-command-line-options`` never lists, as they have no keys (QEMU, ``qemu-options.hx``,
#: 2.1 to 11.1): all of these have been there throughout.
PLAIN_OPTIONS = frozenset(
    {
        "-S", "-append", "-display", "-initrd", "-kernel", "-no-reboot", "-no-shutdown", "-no-user-config",
        "-nodefaults", "-uuid", "-watchdog-action",
    }
)  # fmt: skip

_INPUT, _OUTPUT = ("accept", "reject", "crash"), ("accept", "hide")

#: What ``-compat`` takes and from which version on, as no QMP command takes the same (``qapi/compat.json``).
POLICIES: Mapping[str, tuple[tuple[str, ...], tuple[int, int, int]]] = MappingProxyType(
    {
        "deprecated-input": (_INPUT, (6, 0, 0)),
        "deprecated-output": (_OUTPUT, (6, 0, 0)),
        "unstable-input": (_INPUT, (6, 2, 0)),
        "unstable-output": (_OUTPUT, (6, 2, 0)),
    }
)
