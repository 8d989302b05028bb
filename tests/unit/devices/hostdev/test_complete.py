"""What is filled into host devices, and what no two of a domain may share."""

from __future__ import annotations

import re

import pytest

from prober.errors import RefusedError
from tests.unit.devices.hostdev.making import DISK, iscsi, pci, run, unit, usb, values


def test_devices_of_the_same_group_are_taken_along_with_the_first() -> None:
    unassigned = "<address type='unassigned'/>"
    translation = run(pci("05:00", unassigned) + pci("06:00") + pci("07:00") + pci("08:00", unassigned))
    assert [device["host"] for device in values(translation, "-device", "vfio-pci")] == ["0000:06:00.0", "0000:07:00.0"]
    first, second = (item.todo for item in translation.resources if item.kind == "vfio")
    assert "do the same with 0000:05:00.0" in first
    assert "do the same with 0000:08:00.0" in first
    assert "do the same" not in second


def test_units_get_the_next_places_that_no_disk_has() -> None:
    given = "<address type='drive' controller='0' bus='0' target='0' unit='2'/>"
    devices = DISK.format("b") + unit(0) + unit(1, given) + unit(2)
    found = values(run(devices), "-device", "scsi-generic")
    assert [(device["id"], device["lun"]) for device in found] == [("hostdev0", 0), ("hostdev1", 2), ("hostdev2", 3)]


def test_a_controller_has_seven_units() -> None:
    devices = "".join(map(unit, range(8)))
    found = values(run(devices), "-device", "scsi-generic")
    assert [(device["bus"], device["lun"]) for device in found] == [
        *(("scsi0.0", number) for number in range(7)),
        ("scsi1.0", 0),
    ]


def controllers(devices: str) -> list[str]:
    """The SCSI controllers as driver and index, by index."""
    found = values(run(devices, controller=""), "-device")
    numbers = {
        match.group(1): device["driver"] for device in found if (match := re.fullmatch(r"scsi(\d+)", device["id"]))
    }
    return [f"{driver} {number}" for number, driver in sorted(numbers.items())]


def scsi(index: int, model: str = "virtio-scsi") -> str:
    return f"<controller type='scsi' index='{index}' model='{model}'/>"


def at(controller: int, number: int = 0) -> str:
    return unit(number, f"<address type='drive' controller='{controller}' unit='0'/>")


@pytest.mark.parametrize(
    ("devices", "made"),
    [
        (unit(0), ["lsi 0"]),
        (scsi(0) + "".join(map(unit, range(15))), ["virtio-scsi-pci 0", "virtio-scsi-pci 1", "virtio-scsi-pci 2"]),
        (scsi(0, "lsisas1068") + at(0) + at(2, 1), ["mptsas1068 0", "mptsas1068 1", "mptsas1068 2"]),
        # The second is looked at while only the first is there.
        (scsi(2) + at(1) + at(2, 1), ["lsi 0", "lsi 1", "virtio-scsi-pci 2"]),
        (scsi(2) + at(2) + at(1, 1), ["virtio-scsi-pci 0", "virtio-scsi-pci 1", "virtio-scsi-pci 2"]),
        # A disk's own is not of that model.
        (scsi(0) + unit(0) + DISK.format("h"), ["virtio-scsi-pci 0", "lsi 1"]),
        # A controller has no index yet when libvirt adds one for the unit.
        ("<controller type='scsi' model='virtio-scsi'/>" + unit(0), ["lsi 0", "virtio-scsi-pci 1"]),
    ],
)
def test_controllers_that_are_added_are_like_those_of_other_units(devices: str, made: list[str]) -> None:
    assert controllers(devices) == made


def test_nodes_of_units_are_numbered_after_those_of_disks() -> None:
    translation = run(DISK.format("b") + DISK.format("c") + unit(0) + iscsi("iqn.a"))
    names = [node["node-name"] for node in values(translation, "-blockdev") if "backend" in node["node-name"]]
    assert names == ["libvirt-3-backend", "libvirt-4-backend"]


INTERFACE = (
    "<interface type='hostdev'><source><address type='pci' bus='0x06' slot='0'/></source>"
    "<mac address='52:54:00:00:00:01'/></interface>"
)


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (pci("06:00") + pci("06:00"), "given twice"),
        (pci("06:00") + INTERFACE, "given twice"),
        (usb("<address bus='3' device='12'/>") * 2, "given twice"),
        (usb("<vendor id='1'/><product id='2'/>") * 2, "given twice"),
        (unit(0) * 2, "given twice"),
        (iscsi("iqn.a") + iscsi("iqn.a/0"), "given twice"),
        (unit(0, "<address type='drive' unit='0'/>") + unit(1, "<address type='drive' unit='0'/>"), "another host"),
        (DISK.format("a") + unit(1, "<address type='drive' unit='0'/>"), "that of a disk"),
        (pci("06:00", "<address type='unassigned'/>"), "there is no other"),
    ],
)
def test_what_no_two_share(devices: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        run(devices)


def test_adapters_with_one_number_for_a_disk_know_no_target() -> None:
    with pytest.raises(RefusedError, match="the target is always 0"):
        run(unit(0, "<address type='drive' target='1' unit='0'/>"), controller=scsi(0, "lsilogic"))
