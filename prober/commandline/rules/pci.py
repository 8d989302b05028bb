"""PCI devices: slots of chassis, and what virtio devices are on buses without PCI Express."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.drives import Drive, find_drives
from prober.commandline.line import Line, Made, number, switch
from prober.commandline.refusal import Fault, Kind
from prober.commandline.rules.rule import Rule

#: Ports with a slot that has a number of its own, by the first version whose type is known to have it.
_SLOTS = ("pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-downstream", "cxl-rp")

#: Devices that make a root bus beside the machine's own.
_EXPANDERS = ("pxb", "pxb-pcie", "pxb-cxl")

#: Buses that are no PCI Express: behind these the bus is conventional.
_CONVENTIONAL = ("pci-bridge", "pcie-pci-bridge", "i82801b11-bridge")

#: Virtio devices that have a transitional form, and are modern all the same (``virtio_pci_force_virtio_1``; from some
#: version on).
_MODERN = ("virtio-input-", "vhost-vsock-", "vhost-user-vsock-")


def _chassis(line: Line) -> Iterator[Fault]:
    taken: set[tuple[int, int]] = set()
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
        taken.add((chassis, slot))


def _iommu_platform(line: Line) -> Iterator[Fault]:
    if "iommu_platform" not in line.properties or "disable-legacy" in line.globals:
        return
    has_expander = not line.by_type.keys().isdisjoint(_EXPANDERS)
    for device in line.devices:
        if switch(device.values.get("iommu_platform")) is not True or _is_of_backend(device, line):
            continue
        if has_expander and not device.bus:
            continue  # it is on the expander, or on what is behind it
        always = device.typename.endswith("-transitional") and not device.typename.endswith("-non-transitional")
        if always or (_has_both(device, line) and not _is_behind_port(device, line)):
            message = f"iommu_platform is of modern virtio devices, and {device.typename} is transitional here"
            hint = "add disable-legacy=on, or put it on a PCI Express port"
            yield Fault(device.place, "iommu_platform", message, hint)


def _is_of_backend(device: Made, line: Line) -> bool:
    """Whether a device has only the features that its backend offers, which need not be this one.

    The kernel's own for network cards does: vhost-net has since Linux 4.8, and vDPA only has devices that do.
    """
    if device.typename.startswith("vhost-"):
        return True
    netdev = line.netdevs.get(str(device.values.get("netdev")))
    return netdev is not None and netdev.value.get("type") == "vhost-user"


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
            if not bus and bus is not None and device.typename == "pxb" and "bus_nr" not in line.globals:
                yield Fault(device.place, "bus_nr", "bus_nr of a pxb is above 0: its bridge is numbered by it")
            elif bus in taken:
                yield Fault(device.place, "bus_nr", f"there is a bus number {bus} already", "give each pxb a bus_nr")
            if bus is not None:
                taken.add(bus)
        elif device.bus in ("", "pci.0", "pcie.0") and "base-pci-bridge" in device.type.lineage:
            taken.add(0)  # bridges have no number before the guest's firmware gives them one


def _eim(line: Line) -> Iterator[Fault]:
    for device in line.of_type("intel-iommu"):
        if switch(device.values.get("eim")) is True and switch(device.values.get("intremap")) is False:
            yield Fault(device.place, "eim", "eim=on needs intremap=on")


def _bridges_alone(line: Line) -> Iterator[Fault]:
    """Devices on the bus of an expander, also those that name none: QEMU looks at the newest root bus first."""
    by_id: dict[str, Made] = {}
    newest: Made | None = None
    for device in line.devices:
        home = by_id.get(device.bus) if device.bus else newest
        if home is not None and device.type.is_pci and "base-pci-bridge" not in device.type.lineage:
            message = f"{home.typename} takes ports and bridges alone, and no {device.typename}"
            behind = f"put a pcie-root-port on {device.bus}, and this behind it"
            yield Fault(device.place, "bus", message, behind if device.bus else "name the bus that it is to be on")
        if device.typename in _EXPANDERS:
            newest = None if line.is_open else device
            if device.typename != "pxb":  # a bridge of its own has the name
                by_id[device.id] = device
    yield from _virtio_drives(line)


def _virtio_drives(line: Line) -> Iterator[Fault]:
    """What ``-drive if=virtio`` makes comes behind all devices but those in JSON, and names no bus."""
    before = [device for device in line.devices if device.typename in _EXPANDERS and not device.is_json]
    if not before or line.is_open or line.kind not in ("pc", "q35"):
        return
    for drive in find_drives(line):
        if isinstance(drive, Drive) and drive.interface == "virtio":
            message = f"{before[-1].typename} takes ports and bridges alone, and {drive.word} would be on it"
            hint = "write if=none, and a -device virtio-blk-pci that names its bus"
            yield Fault(drive.place, "if", message, hint)


def _cxl(line: Line) -> Iterator[Fault]:
    if line.kind == "q35" and switch(line.machine_value("cxl")) is not True:
        for device in line.of_type("pxb-cxl"):
            yield Fault(device.place, "driver", "pxb-cxl needs a machine with CXL", "write -machine q35,cxl=on")


def _acpi_index(line: Line) -> Iterator[Fault]:
    taken: set[int] = set()
    for device in line.devices:
        index = number(device.values.get("acpi-index"))
        if index and index in taken:
            yield Fault(device.place, "acpi-index", f"there is an acpi-index {index} already")
        if index:
            taken.add(index)


def _behind_port(line: Line) -> Iterator[Fault]:
    ports = {device.id for device in line.derived_from("pcie-slot") if device.id}
    for device in line.devices:
        if device.bus in ports and isinstance(device.values.get("addr"), str):
            slot = _SLOT_NUMBER.match(str(device.values["addr"]))
            if slot is not None and int(slot[1], 16):
                message = f"behind a port of PCI Express there is slot 0 alone, and no guest looks at {slot[0]}"
                yield Fault(device.place, "addr", message, "leave out addr")


def _port_on_pc(line: Line) -> Iterator[Fault]:
    if line.kind == "pc":
        for device in line.derived_from("pcie-port"):
            if device.bus in ("", "pci.0"):
                message = f"a pc has no PCI Express, and a {device.typename} is a conventional bridge there"
                yield Fault(device.place, "driver", message, "write -machine q35, or a pci-bridge")


def _multicast(line: Line) -> Iterator[Fault]:
    for device in line.devices:
        mac = device.values.get("mac")
        if isinstance(mac, str) and mac[1:2] in _MULTICAST:
            yield Fault(device.place, "mac", f"{mac[:17]} is a multicast address, and no card's own")


def _memory_of_vga(line: Line) -> Iterator[Fault]:
    for device in line.of_type(*_ROUNDED):
        found = number(device.values.get("vgamem_mb"))
        if found is not None and (found & (found - 1) or not 1 <= found <= _MOST_VGA):
            message = f"vgamem_mb is a power of two from 1 to {_MOST_VGA}, and QEMU takes the next instead of {found}"
            yield Fault(device.place, "vgamem_mb", message)


#: The first number of a PCI address.
_SLOT_NUMBER = re.compile(r"(?:0[xX])?0{0,16}([0-9a-fA-F]{1,2})(?![0-9a-fA-F])")

#: The second digits of a MAC address that is for many.
_MULTICAST = tuple("13579bdfBDF")

#: Displays whose memory is rounded (``hw/display/vga.c``, ``vga_common_init``), and the most of it (MiB).
_ROUNDED = ("VGA", "secondary-vga", "isa-vga", "vmware-svga", "ati-vga")
_MOST_VGA = 512

_PXB = "-display none -machine q35 -device pxb-pcie,id=x,bus_nr=20"
_PORT = "-display none -machine q35 -device pcie-root-port,id=r,chassis=1 -device virtio-rng-pci,bus=r"
_INDEX = "-display none -device virtio-rng-pci,acpi-index=5"

RULES = (
    Rule(
        "line/pxb-bridges",
        "`pxb`, `pxb-pcie` and `pxb-cxl` take ports and bridges alone, also where a device behind them names no bus",
        "hw/pci/pci.c, do_pci_register_device",
        _bridges_alone,
        about=_EXPANDERS,
        wrong=f"{_PXB} -device virtio-rng-pci,bus=x",
        right=f"{_PXB} -device pcie-root-port,bus=x,chassis=1",
    ),
    Rule(
        "line/pxb-cxl",
        "`pxb-cxl` goes with `-machine cxl=on`",
        "hw/i386/pc.c, pc_machine_done: cxl_devices_state",
        _cxl,
        about=("pxb-cxl",),
        wrong="-display none -machine q35 -device pxb-cxl,bus=pcie.0,bus_nr=20",
        right="-display none -machine q35,cxl=on -device pxb-cxl,bus=pcie.0,bus_nr=20",
        since=(7, 2, 0),
    ),
    Rule(
        "line/acpi-index",
        "an `acpi-index` is given once",
        "hw/acpi/pcihp.c, acpi_pcihp_device_pre_plug_cb; hw/pci/pci.c",
        _acpi_index,
        about=("acpi-index",),
        wrong=f"{_INDEX} -device virtio-rng-pci,acpi-index=5",
        right=f"{_INDEX} -device virtio-rng-pci,acpi-index=6",
        since=(6, 0, 0),
    ),
    Rule(
        "line/port-slot",
        "a device behind a port of PCI Express is in slot 0",
        "hw/pci/pci.c, pci_qdev_realize: pcie_has_upstream_port",
        _behind_port,
        about=("pcie-slot",),
        wrong=f"{_PORT},addr=3",
        right=f"{_PORT},addr=0",
        kind=Kind.ignored,
    ),
    Rule(
        "line/port-on-pc",
        "a port of PCI Express is on a machine that has it",
        "hw/pci/pcie_port.c; hw/pci/pci.c, pci_bus_is_express",
        _port_on_pc,
        about=("pcie-port",),
        wrong="-display none -machine pc -device pcie-root-port,chassis=1",
        right="-display none -machine q35 -device pcie-root-port,chassis=1",
        kind=Kind.ignored,
    ),
    Rule(
        "line/multicast-mac",
        "a card's own MAC address is not one for many",
        "net/util.c, net_parse_macaddr",
        _multicast,
        about=("mac",),
        wrong="-display none -device virtio-net-pci,mac=01:00:5e:00:00:01",
        right="-display none -device virtio-net-pci,mac=52:54:00:00:00:01",
        kind=Kind.ignored,
    ),
    Rule(
        "line/vga-memory",
        "`vgamem_mb` is a power of two",
        "hw/display/vga.c, vga_common_init",
        _memory_of_vga,
        about=("vgamem_mb",),
        wrong="-display none -vga none -device VGA,vgamem_mb=3",
        right="-display none -vga none -device VGA,vgamem_mb=4",
        kind=Kind.ignored,
    ),
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
