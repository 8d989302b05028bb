"""What devices and keys ask of the machine: that it has a firmware's interface, a device tree, a Xen guest."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, number, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_PCS = ("pc", "q35", "isapc", "microvm")

#: Devices that hand something to the firmware or take something of it.
_OF_FIRMWARE = ("vmcoreinfo", "vmgenid")


def _fw_cfg(line: Line) -> Iterator[Fault]:
    since = line.family.fw_cfg_since
    if since is None or line.caps.version.numbers < since:
        of = line.kind if since is None else f"{line.kind} of {line.caps.target} before QEMU {since[0]}.{since[1]}"
        for device in line.of_type(*_OF_FIRMWARE):
            message = f"{device.typename} needs fw_cfg, which the machine {of} does not have"
            yield Fault(device.place, "driver", message)
        if since is not None:
            for option in line.keyval.get("-fw_cfg", ()):
                yield Fault(option.place, "", f"there is no fw_cfg when the machine {of} looks for it")


def _xen(line: Line) -> Iterator[Fault]:
    if line.kind in _PCS and line.accelerator == "tcg":
        for device in line.of_type("xen-platform", "xen-backend"):
            message = f"{device.typename} is for guests of Xen, and this line ends up with TCG"
            yield Fault(device.place, "driver", message)
    elif line.kind == "none":
        for device in line.of_type("xen-backend"):
            yield Fault(device.place, "driver", "xen-backend is for guests of Xen, and machine none is for none")


def _syndbg(line: Line) -> Iterator[Fault]:
    """QEMU looks for the bridge when it makes the debugger."""
    for device in line.of_type("hv-syndbg"):
        if not line.is_open and "vmbus-bridge" not in line.by_type:
            yield Fault(
                device.place, "driver", "hv-syndbg goes with a vmbus-bridge", "put -device vmbus-bridge before it"
            )


def _tree(line: Line) -> Iterator[Fault]:
    if line.kind in ("pc", "q35", "isapc", "none") and line.machine_value("dumpdtb") is not None and not line.is_open:
        place = line.keyval["-machine"][-1].place
        yield Fault(
            place, "dumpdtb", f"a machine of the kind {line.kind} has no device tree to dump", "leave out dumpdtb"
        )


def _no_firmware(line: Line) -> Iterator[Fault]:
    if line.kind in ("pc", "q35", "isapc") and line.machine_value("firmware") == "" and not line.is_open:
        place = line.keyval["-machine"][-1].place
        yield Fault(place, "firmware", "firmware is the name of a file, not an empty one", "leave it out")


#: What an expander has that is of no node (``include/system/numa.h``, ``NUMA_NODE_UNASSIGNED``).
_NO_NODE = 128


def _expander_nodes(line: Line) -> Iterator[Fault]:
    """Nodes that are counted as the machine is made; without ``-numa`` and with ``maxmem`` there may be one."""
    if line.is_open:
        return
    nodes = sum(str(kind) == "node" for kind in line.values("-numa", "type"))
    if not nodes and line.value("-m", "maxmem") is not None:
        nodes = 1
    for device in line.of_type("pxb", "pxb-pcie", "pxb-cxl"):
        node = number(device.values.get("numa_node"))
        if node is not None and node >= nodes and node != _NO_NODE:
            yield Fault(device.place, "numa_node", f"there are {nodes} NUMA nodes, and no node {node}")


_IOMMU = "-display none -machine q35 -device intel-iommu"


def _pasid(line: Line) -> Iterator[Fault]:
    if line.is_open or "x-scalable-mode" in line.globals:
        return
    for device in line.of_type("intel-iommu"):
        has = device.values.get("x-scalable-mode")
        is_without = has is None or switch(has) is False
        for key in ("x-pasid-mode", "x-flts"):
            if is_without and switch(device.values.get(key)):
                yield Fault(device.place, key, f"{key} goes with x-scalable-mode=on", "write x-scalable-mode=on")


RULES = (
    Rule(
        "line/firmware-device",
        "`vmcoreinfo` and `vmgenid` go with a machine that has `fw_cfg`",
        "hw/misc/vmcoreinfo.c, vmcoreinfo_realize; hw/acpi/vmgenid.c, vmgenid_realize",
        _fw_cfg,
        about=(*_OF_FIRMWARE, "-fw_cfg"),
        wrong="-display none -machine none -device vmcoreinfo",
        right="-display none -machine pc -device vmcoreinfo",
    ),
    Rule(
        "line/xen-guest",
        "`xen-platform` and `xen-backend` are for guests of Xen",
        "hw/i386/xen/xen_platform.c, xen_platform_realize; hw/core/sysbus.c, device_type_is_dynamic_sysbus",
        _xen,
        about=("xen-platform", "xen-backend"),
        wrong="-display none -machine pc -device xen-platform",
        right="-display none -machine pc",
        since=(10, 0, 0),  # of those that were looked at, 7.2 was built without Xen
    ),
    Rule(
        "line/hv-syndbg",
        "`hv-syndbg` goes with a `vmbus-bridge`",
        "hw/hyperv/syndbg.c, hv_syndbg_realize",
        _syndbg,
        about=("hv-syndbg",),
        wrong="-display none -machine pc -device hv-syndbg",
        right="-display none -machine pc",
        since=(7, 1, 0),
    ),
    Rule(
        "line/machine-tree",
        "`dumpdtb` is for machines with a device tree",
        "system/device_tree-stub.c and hw/core/machine.c, handle_machine_dumpdtb",
        _tree,
        about=("dumpdtb",),
        wrong="-display none -machine pc,dumpdtb=/tmp/x",
        right="-display none -machine pc",
        since=(10, 0, 0),
    ),
    Rule(
        "line/machine-firmware",
        "`firmware` names a file",
        "hw/i386/x86-common.c, x86_bios_rom_init",
        _no_firmware,
        about=("firmware",),
        wrong="-display none -machine pc,firmware=",
        right="-display none -machine pc",
    ),
    Rule(
        "line/expander-node",
        "the NUMA node of an expander is there",
        "hw/pci-bridge/pci_expander_bridge.c, pxb_dev_realize_common: numa_node",
        _expander_nodes,
        about=("numa_node",),
        wrong="-display none -machine pc -device pxb,bus_nr=5,numa_node=1",
        right="-display none -machine pc -device pxb,bus_nr=5",
    ),
    Rule(
        "line/iommu-scalable",
        "`x-pasid-mode` and `x-flts` go with `x-scalable-mode=on`",
        "hw/i386/intel_iommu.c, vtd_decide_config",
        _pasid,
        about=("x-pasid-mode", "x-flts"),
        wrong=f"{_IOMMU},x-pasid-mode=on",
        right=f"{_IOMMU},x-pasid-mode=on,x-scalable-mode=on",
        since=(7, 2, 0),
        until=(11, 0, 0),
    ),
)
