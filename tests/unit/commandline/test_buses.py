"""Buses that are there when a device wants them, of the device's type, and slots that are free."""

from __future__ import annotations

import pytest

from tests.unit.commandline.rules.test_table import faults

_Q35 = "-M q35 -nodefaults"


def test_a_line_of_nothing_in_json_is_made_last() -> None:
    line = """-M pc -nodefaults -device '{"driver":"e1000","id":"n","addr":"0x2"}' -device e1000"""
    (finding,) = faults(line, "")
    assert finding.message == "e1000 has no addr and is made first, so it gets slot 0x2 of pci.0, which is for n"
    assert faults(line + ",addr=9", "") == []
    (finding,) = faults(line.replace("-nodefaults", ""), "")
    assert finding.message.startswith("slot 0x2 function 0 of pci.0 cannot be had"), (
        "the display of the defaults has it"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-device usb-kbd", "there is no bus of type usb-bus"),
        ("-device scsi-cd", "there is no bus of type SCSI"),
        ("-device virtio-rng-device", "there is no bus of type virtio-bus"),
        ("-device qemu-xhci,id=x -device scsi-cd,bus=x.0", "goes on a bus of type SCSI, and x.0 is of type usb-bus"),
        ("-device i8042,bus=pcie.0", "goes on a bus of type ISA, and pcie.0 is of type PCI"),
        ("-device e1000,bus=ide.0", "goes on a bus of type PCI, and ide.0 is of type IDE"),
        ("-usb -device e1000,bus=usb-bus.0", "goes on a bus of type PCI, and usb-bus.0 is of type usb-bus"),
        ("-device pcie-root-port,id=r -device ide-cd,bus=r", "goes on a bus of type IDE, and r is of type PCI"),
        ("-device lsi53c895a -device usb-kbd,bus=scsi.0", "goes on a bus of type usb-bus, and scsi.0 is of type SCSI"),
        ("-device ahci,id=x -device ide-cd,bus=x.6", "there is no bus 'x.6'"),
        ("-device i6300esb,id=x -device usb-kbd,bus=x.0", "there is no bus 'x.0'"),
        ("-device ich9-usb-uhci1,bus=pcie.0,masterbus=e.0", "there is no bus 'e.0'"),
        ("-device vfio-pci", "vfio-pci cannot be without host or sysfsdev or fd"),
    ],
)
def test_buses_by_their_type(line: str, message: str) -> None:
    (finding,) = faults(f"{_Q35} {line}", "")
    assert message in finding.message


@pytest.mark.parametrize(
    "line",
    [
        "-device isa-serial,bus=isa.0",
        "-usb -device usb-kbd,bus=usb-bus.0",
        "-device lsi53c895a -device scsi-cd,bus=scsi.0",
        "-device pxb-pcie,id=p,bus_nr=4 -device pcie-root-port,bus=p,id=r -device e1000e,bus=r",
        "-device ide-cd,bus=ide.1",
    ],
)
def test_buses_that_fit(line: str) -> None:
    assert faults(f"{_Q35} {line}", "") == []


def test_the_bus_of_an_nvme_controller_is_called_as_the_controller() -> None:
    """QEMU names the bus by the bare id (``hw/nvme/ctrl.c``)."""
    line = f"{_Q35} -device nvme,id=n,serial=x -drive if=none,id=d,file=/x,format=raw -device nvme-ns,drive=d,bus="
    assert faults(line + "n", "") == []
    (finding,) = faults(line + "m", "")
    assert "there is no bus 'm'" in finding.message
