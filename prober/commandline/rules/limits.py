"""Limits of single properties of devices, which a device checks when it is made, and no answer tells.

Each was read in the source of 5.2.0, 7.2.0 or 10.0.13, and its example, a number on each side, is run on 5.2, 7.2, 10.0
and 11.1.  They are those of common properties, not of all.
"""

from __future__ import annotations

from prober.commandline.rules.limit import Bound, Reach, only

_NODE = "-blockdev null-co,node-name=n"
_BLK = f"{_NODE} -device virtio-blk-pci,drive=n"
_VIRTIO_BLK = ("virtio-blk-pci-base", "virtio-blk-device")
_VIRTIO_NET = ("virtio-net-pci-base", "virtio-net-device")
_VIRTIO_SCSI = ("virtio-scsi-pci-base", "virtio-scsi-device")
_VIRTIO_SERIAL = ("virtio-serial-pci-base", "virtio-serial-device")
_VIRTIO_RNG = ("virtio-rng-pci-base", "virtio-rng-device")
_VIRTIO_GPU = ("virtio-gpu-pci-base", "virtio-vga-base", "virtio-gpu-base", "virtio-gpu-device")
#: Devices with a disk of their own.
DISKS = (*_VIRTIO_BLK, "scsi-disk-base", "ide-device", "usb-storage", "nvme", "nvme-ns")

_BLOCK_SIZE = Reach(512, 2 << 20, power=True, besides=(0,))
_IRQ = Reach(0, 15, besides=(2**32 - 1,))

#: Types of ISA devices with an interrupt line of their own that any number is taken for.
_ISA_IRQ = ("isa-serial", "isa-parallel", "ne2k_isa", "sb16", "gus", "cs4231a", "isa-ide", "isa-fdc")

_LIMITS = (
    Bound("virtio-blk-queues", "hw/block/virtio-blk.c, virtio_blk_device_realize: num_queues", _VIRTIO_BLK,
          "num-queues", Reach(1, 1024, besides=(65535,)), f"{_BLK},num-queues={{}}", "0", "4"),
    Bound("virtio-blk-queue-size", "hw/block/virtio-blk.c, virtio_blk_device_realize: queue_size", _VIRTIO_BLK,
          "queue-size", Reach(4, 1024, power=True), f"{_BLK},queue-size={{}}", "100", "128"),
    Bound("virtio-blk-discard", "hw/block/virtio-blk.c, virtio_blk_device_realize: max_discard_sectors", _VIRTIO_BLK,
          "max-discard-sectors", Reach(1, 4194303), f"{_BLK},max-discard-sectors={{}}", "0", "8"),
    Bound("virtio-blk-write-zeroes", "hw/block/virtio-blk.c, virtio_blk_device_realize: max_write_zeroes_sectors",
          _VIRTIO_BLK, "max-write-zeroes-sectors", Reach(1, 4194303), f"{_BLK},max-write-zeroes-sectors={{}}", "0",
          "8"),
    Bound("virtio-net-rx-queue", "hw/net/virtio-net.c, virtio_net_device_realize: rx_queue_size", _VIRTIO_NET,
          "rx_queue_size", Reach(256, 1024, power=True), "-device virtio-net-pci,rx_queue_size={}", "2048", "512"),
    Bound("virtio-net-tx-queue-size", "hw/net/virtio-net.c, virtio_net_device_realize: tx_queue_size", _VIRTIO_NET,
          "tx_queue_size", Reach(256, 1024, power=True), "-device virtio-net-pci,tx_queue_size={}", "128", "256"),
    Bound("virtio-net-speed", "hw/net/virtio-net.c, virtio_net_device_realize: speed", _VIRTIO_NET,
          "speed", Reach(-1, 2**31 - 1), "-device virtio-net-pci,speed={}", "-2", "1000"),
    Bound("virtio-scsi-queues", "hw/scsi/virtio-scsi.c, virtio_scsi_common_realize: num_queues", _VIRTIO_SCSI,
          "num_queues", Reach(1, 1022, besides=(2**32 - 1,)), "-device virtio-scsi-pci,num_queues={}", "0", "4"),
    Bound("virtio-scsi-queue-size", "hw/scsi/virtio-scsi.c, virtio_scsi_common_realize: virtqueue_size", _VIRTIO_SCSI,
          "virtqueue_size", Reach(3, 1024), "-device virtio-scsi-pci,virtqueue_size={}", "2", "256"),
    Bound("virtio-serial-ports", "hw/char/virtio-serial-bus.c, virtio_serial_device_realize: max_virtserial_ports",
          _VIRTIO_SERIAL, "max_ports", Reach(1, 511), "-device virtio-serial-pci,max_ports={}", "0", "8"),
    Bound("virtio-rng-period", "hw/virtio/virtio-rng.c, virtio_rng_device_realize: period_ms", _VIRTIO_RNG,
          "period", Reach(1, 2**32 - 1), "-device virtio-rng-pci,period={}", "0", "1000"),
    Bound("virtio-rng-bytes", "hw/virtio/virtio-rng.c, virtio_rng_device_realize: max_bytes", _VIRTIO_RNG,
          "max-bytes", Reach(0, 2**63 - 1), "-device virtio-rng-pci,max-bytes={}", "-1", "1024"),
    Bound("virtio-rng-no-bytes", "hw/virtio/virtio-rng.c, virtio_rng_device_realize: max_bytes", _VIRTIO_RNG,
          "max-bytes", Reach(1), "-device virtio-rng-pci,max-bytes={}", "0", "1024", since=(10, 0, 0),
          says="`max-bytes` of `virtio-rng` is above 0 (since 10.0)"),
    Bound("virtio-gpu-outputs", "hw/display/virtio-gpu-base.c, virtio_gpu_base_device_realize: max_outputs",
          _VIRTIO_GPU, "max_outputs", Reach(0, 16), "-device virtio-gpu-pci,max_outputs={}", "17", "2"),
    Bound("virtio-9p-tag", "hw/9pfs/virtio-9p-device.c, hw/9pfs/9p.c, v9fs_device_realize_common: MAX_TAG_LEN",
          ("virtio-9p-pci-base", "virtio-9p-device"), "mount_tag", Reach(),
          "-fsdev local,id=f,path=/tmp,security_model=none -device virtio-9p-pci,fsdev=f,mount_tag={}",
          "a234567890123456789012345678901z", "a", longest=31),
    Bound("virtio-iommu-aw-bits", "hw/virtio/virtio-iommu.c, virtio_iommu_device_realize: aw_bits",
          ("virtio-iommu-pci", "virtio-iommu-device"), "aw-bits", Reach(32, 64),
          "-machine q35 -device virtio-iommu-pci,aw-bits={}", "31", "48", since=(10, 0, 0)),
    Bound("virtio-mem-block-size", "hw/virtio/virtio-mem.c, virtio_mem_set_block_size", ("virtio-mem-pci-base",),
          "block-size", Reach(1, 2**63, power=True),
          "-m 256M,slots=1,maxmem=1G -object memory-backend-ram,id=m,size=96M "
          "-device virtio-mem-pci,memdev=m,block-size={}", "3M", "4M"),
    Bound("logical-block-size", "hw/core/qdev-properties-system.c, check_block_size", ("device",),
          "logical_block_size", _BLOCK_SIZE, f"{_BLK},logical_block_size={{}}", "256", "512",
          says="`logical_block_size` is a power of two from 512 to 2097152"),
    Bound("physical-block-size", "hw/core/qdev-properties-system.c, check_block_size", ("device",),
          "physical_block_size", _BLOCK_SIZE, f"{_BLK},physical_block_size={{}}", "4M", "4096",
          says="`physical_block_size` is a power of two from 512 to 2097152"),
    Bound("ide-block-size", "hw/ide/ide-dev.c, ide_dev_initfn", ("ide-device",), "logical_block_size",
          Reach(only=(512,), besides=(0,)),
          f"{_NODE} -device ide-hd,drive=n,physical_block_size=1024,logical_block_size={{}}",
          "1024", "512"),
    Bound("ide-discard", "hw/ide/ide-dev.c, ide_dev_initfn: discard_granularity", ("ide-device",),
          "discard_granularity", Reach(only=(512,), besides=(0, 2**32 - 1)),
          f"{_NODE} -device ide-hd,drive=n,discard_granularity={{}}", "1024", "512"),
    Bound("scsi-serial", "hw/scsi/scsi-disk.c, scsi_realize: serial", ("scsi-disk-base",), "serial", Reach(),
          f"{_NODE} -device lsi53c895a -device scsi-hd,drive=n,serial={{}}", "1234567890123456789012345678901234567",
          "123", longest=36, since=(10, 0, 0)),
    Bound("nvme-serial", "hw/nvme/ctrl.c, nvme_check_params: serial", ("nvme",), "serial", Reach(),
          "-device nvme,serial={}", "123456789012345678901", "1", longest=20, since=(11, 1, 0)),
    Bound("nvme-ioqpairs", "hw/nvme/ctrl.c, nvme_check_params: max_ioqpairs", ("nvme",), "max_ioqpairs",
          Reach(1, 65535), "-device nvme,serial=a,max_ioqpairs={}", "0", "4"),
    Bound("nvme-msix", "hw/nvme/ctrl.c, nvme_check_params: msix_qsize", ("nvme",), "msix_qsize", Reach(1, 2048),
          "-device nvme,serial=a,msix_qsize={}", "0", "4"),
    Bound("nvme-queues", "hw/nvme/ctrl.c, nvme_check_params: num_queues", ("nvme",), "num_queues",
          Reach(2, 65536, besides=(0,)), "-device nvme,serial=a,num_queues={}", "1", "4"),
    Bound("nvme-vsl", "hw/nvme/ctrl.c, nvme_check_params: vsl", ("nvme",), "vsl", Reach(1, 255),
          "-device nvme,serial=a,vsl={}", "0", "7", since=(7, 0, 0)),
    Bound("nvme-cmb", "hw/pci/pci.c, pci_register_bar", ("nvme",), "cmb_size_mb", Reach(1, 2**31, power=True,
          besides=(0,)), "-device nvme,serial=a,cmb_size_mb={}", "3", "4"),
    Bound("nvme-nsid", "hw/nvme/ns.c, nvme_ns_realize: nsid", ("nvme-ns",), "nsid", Reach(0, 256),
          f"{_NODE} -device nvme,serial=a,id=v -device nvme-ns,drive=n,bus=v,nsid={{}}", "257", "2"),
    Bound("bochs-memory", "hw/display/bochs-display.c, bochs_display_realize", ("bochs-display",), "vgamem",
          Reach(4 << 20, 256 << 20), "-device bochs-display,vgamem={}", "3M", "16M"),
    Bound("cirrus-memory", "hw/display/cirrus_vga.c, pci_cirrus_vga_realize", ("cirrus-vga", "isa-cirrus-vga"),
          "vgamem_mb", only(4, 8, 16), "-device cirrus-vga,vgamem_mb={}", "5", "8"),
    Bound("qxl-revision", "hw/display/qxl.c, qxl_realize_common: revision", ("pci-qxl",), "revision", Reach(1, 5),
          "-device qxl-vga,revision={}", "6", "5", until=(8, 0, 0)),
    Bound("intel-iommu-aw-bits", "hw/i386/intel_iommu.c, vtd_decide_config: aw_bits", ("intel-iommu",), "aw-bits",
          only(39, 48), "-machine q35 -device intel-iommu,aw-bits={}", "40", "48", until=(10, 1, 0)),
    Bound("intel-iommu-width", "hw/i386/intel_iommu.c, vtd_decide_config: aw_bits", ("intel-iommu",), "aw-bits",
          only(39, 48, 57), "-machine q35 -device intel-iommu,aw-bits={}", "40", "48", since=(10, 1, 0)),
    Bound("erst-record", "hw/acpi/erst.c, check_erst_backend_storage: record_size", ("acpi-erst",), "record_size",
          Reach(4096, 2**31, power=True), "-object memory-backend-ram,id=m,size=64K "
          "-device acpi-erst,memdev=m,record_size={}", "2048", "8192", since=(7, 0, 0)),
    Bound("acpi-index-bound", "hw/acpi/pcihp.c, ACPI_PCIHP_ONBOARD_INDEX_MAX", ("pci-device",), "acpi-index",
          Reach(0, 16383), "-device virtio-rng-pci,acpi-index={}", "16384", "5", since=(6, 0, 0)),
    Bound("rom-size", "hw/pci/pci.c, pci_qdev_realize: romsize", ("pci-device",), "romsize",
          Reach(1, 2**31, power=True, besides=(2**32 - 1,)), "-device virtio-rng-pci,romsize={}", "3", "65536",
          since=(6, 0, 0)),
    Bound("aer-log", "hw/pci/pcie_aer.c, pcie_aer_init", ("pcie-port",), "aer_log_max", Reach(0, 128),
          "-machine q35 -device pcie-root-port,aer_log_max={}", "129", "8"),
    Bound("mem-reserve", "hw/pci/pci_bridge.c, pci_bridge_qemu_reserve_cap_init: mem_non_pref", ("base-pci-bridge",),
          "mem-reserve", Reach(0, 2**32 - 1, besides=(2**64 - 1,)),
          "-machine q35 -device pcie-root-port,mem-reserve={}", "8G", "8M"),
    Bound("bridge-chassis", "hw/pci/slotid_cap.c, slotid_cap_init", ("pci-bridge", "pci-bridge-seat"),
          "chassis_nr", Reach(1, 255), "-device pci-bridge,chassis_nr={}", "0", "1"),
    Bound("usb-hub-ports", "hw/usb/dev-hub.c, usb_hub_realize", ("usb-hub",), "ports", Reach(1, 8),
          "-device qemu-xhci -device usb-hub,ports={}", "9", "4"),
    Bound("ohci-ports", "hw/usb/hcd-ohci.c, usb_ohci_init", ("pci-ohci",), "num-ports", Reach(0, 15),
          "-device pci-ohci,num-ports={}", "16", "4"),
    Bound("ehci-frames", "hw/usb/hcd-ehci.c, usb_ehci_realize: maxframes", ("pci-ehci-usb",), "maxframes",
          Reach(8, 512), "-device usb-ehci,maxframes={}", "1", "128"),
    Bound("serial-index", "hw/char/serial-isa.c, serial_isa_realizefn", ("isa-serial",), "index",
          Reach(0, 3, besides=(2**32 - 1,)), "-device isa-serial,index={}", "4", "3"),
    Bound("parallel-index", "hw/char/parallel.c, parallel_isa_realizefn", ("isa-parallel",), "index",
          Reach(0, 2, besides=(2**32 - 1,)), "-chardev null,id=c -device isa-parallel,chardev=c,index={}", "3", "2"),
    Bound("isa-irq", "hw/isa/isa-bus.c, isa_bus_get_irq (5.2: isa_get_irq)", _ISA_IRQ, "irq", _IRQ,
          "-device isa-serial,irq={}", "16", "5", says="`irq` of an ISA device is from 0 to 15"),
    Bound("sdhci-version", "hw/sd/sdhci.c, sdhci_init_readonly_registers", ("sdhci-pci",), "sd-spec-version",
          only(2, 3), "-device sdhci-pci,sd-spec-version={}", "1", "3"),
)  # fmt: skip

RULES = tuple(limit.as_rule() for limit in _LIMITS)
