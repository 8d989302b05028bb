"""PCI devices: slots of chassis, and what virtio devices are on buses without PCI Express."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, Made, number, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Ports with a slot that has a number of its own, by the first version whose type is known to have it.
_SLOTS = ("pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-downstream", "cxl-rp")

#: Buses that are no PCI Express: behind these the bus is conventional.
_CONVENTIONAL = ("pci-bridge", "pcie-pci-bridge", "i82801b11-bridge")

#: Virtio devices that have a transitional form, and are modern all the same (``virtio_pci_force_virtio_1``; from some
#: version on).
_MODERN = ("virtio-input-", "vhost-vsock-", "vhost-user-vsock-")


def _chassis(line: Line) -> Iterator[Fault]:
    taken: dict[tuple[int, int], Made] = {}
    if line.globals & {"chassis", "slot"}:
        return
    for device in line.of_type(*_SLOTS):
        chassis = number(device.values.get("chassis", 0))
        slot = number(device.values.get("slot", 0))
        if chassis is None or slot is None:
            continue
        if (chassis, slot) in taken:
            message = f"there is a slot {slot} of chassis {chassis} already"
            yield Fault(device.place, "chassis", message, "give each port a chassis or a slot of its own")
        taken.setdefault((chassis, slot), device)


def _iommu_platform(line: Line) -> Iterator[Fault]:
    if "iommu_platform" not in line.properties or "disable-legacy" in line.globals:
        return
    if any(device.typename.startswith("pxb") for device in line.devices):
        return
    for device in line.devices:
        if switch(device.values.get("iommu_platform")) is not True or _is_of_backend(device, line):
            continue
        always = device.typename.endswith("-transitional") and not device.typename.endswith("-non-transitional")
        if always or (_has_both(device, line) and not _is_behind_port(device, line)):
            message = f"iommu_platform is of modern virtio devices, and {device.typename} is transitional here"
            hint = "add disable-legacy=on, or put it on a PCI Express port"
            yield Fault(device.place, "iommu_platform", message, hint)


def _is_of_backend(device: Made, line: Line) -> bool:
    """Whether a device has only the features that its backend offers, which need not be this one."""
    if device.typename.startswith("vhost-"):
        return True
    netdev = line.netdevs.get(str(device.values.get("netdev")))
    if netdev is None:
        return False
    return str(netdev.value.get("type")).startswith("vhost-") or any(key.startswith("vhost") for key in netdev.value)


def _has_both(device: Made, line: Line) -> bool:
    """Whether its bus says if a virtio device is transitional: where it has no form that is, it is modern."""
    name = device.typename
    return (
        f"{name}-transitional" in (line.caps.types or ())
        and not name.startswith(_MODERN)
        and str(device.values.get("disable-legacy", "auto")) in ("auto", "off")
    )


def _is_behind_port(device: Made, line: Line) -> bool:
    """Whether a device is on PCI Express and not on the root bus; true as well where that is not known."""
    if line.kind not in ("pc", "q35"):
        return True
    root = "pci.0" if line.kind == "pc" else "pcie.0"
    if device.bus in ("", root):
        return False
    home = line.device(device.bus)
    return home is None or home.typename not in _CONVENTIONAL


def _virtio_iommu(line: Line) -> Iterator[Fault]:
    if line.kind in ("pc", "q35"):
        for device in line.of_type("virtio-iommu-pci"):
            message = f"the machines of QEMU {line.caps.version} have no place for virtio-iommu"
            yield Fault(device.place, "driver", message, "QEMU 7.2 is known to have one")


def _expanders(line: Line) -> Iterator[Fault]:
    if not any(name.startswith("pxb") for name in line.by_type):
        return
    taken: set[int] = set()
    wrong = {"pc": "pxb-pcie", "q35": "pxb"}.get(line.kind)
    for device in line.devices:
        if device.typename == wrong:
            right = "pxb" if line.kind == "pc" else "pxb-pcie"
            yield Fault(device.place, "driver", f"a machine of the kind {line.kind} has {right}, not {wrong}")
        if device.typename.startswith("pxb"):
            bus = number(device.values.get("bus_nr", 0))
            if bus in taken:
                yield Fault(device.place, "bus_nr", f"there is a bus number {bus} already", "give each pxb a bus_nr")
            if bus is not None:
                taken.add(bus)
        elif device.bus in ("", "pci.0", "pcie.0") and device.type.lineage & {
            "base-pci-bridge",
            "pci-bridge",
        }:
            taken.add(0)  # bridges have no number before the guest's firmware gives them one


def _eim(line: Line) -> Iterator[Fault]:
    for device in line.of_type("intel-iommu"):
        if switch(device.values.get("eim")) is True and switch(device.values.get("intremap")) is False:
            yield Fault(device.place, "eim", "eim=on needs intremap=on")


RULES = (
    Rule(
        "line/pci-chassis",
        "a slot of a chassis is given once",
        "hw/pci/pcie_port.c, pcie_chassis_add_slot",
        _chassis,
        about=_SLOTS,
        wrong=("-display none -M q35 -nodefaults -device pcie-root-port,chassis=1 -device pcie-root-port,chassis=1"),
        right=("-display none -M q35 -nodefaults -device pcie-root-port,chassis=1 -device pcie-root-port,chassis=2"),
    ),
    Rule(
        "line/pxb",
        "a `pxb` is of the machine's kind, with a bus number of its own",
        "hw/pci-bridge/pci_expander_bridge.c, pxb_register_bus and pxb_dev_realize",
        _expanders,
        wrong="-display none -M q35 -nodefaults -device pxb,bus_nr=5",
        right="-display none -M q35 -nodefaults -device pxb-pcie,bus_nr=5",
    ),
    Rule(
        "line/iommu-platform",
        "`iommu_platform` is for virtio devices that are modern",
        "hw/virtio/virtio-pci.c, virtio_pci_device_plugged and virtio_pci_realize",
        _iommu_platform,
        about=("iommu_platform",),
        wrong="-display none -M pc -nodefaults -device virtio-rng-pci,iommu_platform=on",
        right="-display none -M pc -nodefaults -device virtio-rng-pci,iommu_platform=on,disable-legacy=on",
    ),
    Rule(
        "line/virtio-iommu",
        "the machine has a place for `virtio-iommu`",
        "hw/virtio/virtio-iommu-pci.c, virtio_iommu_pci_realize",
        _virtio_iommu,
        about=("virtio-iommu-pci",),
        wrong="-display none -M q35 -nodefaults -device virtio-iommu-pci",
        right="-display none -M q35 -nodefaults -device virtio-rng-pci",
        until=(6, 0, 0),
    ),
    Rule(
        "line/intel-iommu-eim",
        "`eim` of an `intel-iommu` goes with `intremap`",
        "hw/i386/intel_iommu.c, vtd_decide_config",
        _eim,
        about=("intel-iommu",),
        wrong="-display none -M q35 -nodefaults -device intel-iommu,intremap=off,eim=on",
        right="-display none -M q35 -nodefaults -device intel-iommu,intremap=off,eim=off",
    ),
)
