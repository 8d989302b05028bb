"""Host devices: what is worked out of them, and what no two of a domain may share."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from prober.devices.hostdev import ScsiHostdev
from prober.devices.hostdev.scsi import IscsiHost
from prober.domain.shared.vfio import HostPci, read_host_pci, vfio_host
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.elements import element_of
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='kvm'><name>g</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices>{}</devices></domain>"""

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

CONTROLLER = "<controller type='scsi' index='0' model='virtio-scsi'/>"


def run(devices: str, *, controller: str = CONTROLLER) -> Translation:
    return translate(read_domain(DOMAIN.format(controller + devices).encode()), CAPS, binary="/q")


def values(translation: Translation, flag: str, driver: str = "") -> list[dict[str, Any]]:
    pairs = zip(translation.argv, translation.argv[1:], strict=False)
    found = [json.loads(value) for word, value in pairs if word == flag and value.startswith("{")]
    return [value for value in found if driver in value.get("driver", "")]


def pci(place: str, inner: str = "", managed: str = "yes") -> str:
    bus, slot = place.split(":")
    source = f"<source><address bus='0x{bus}' slot='0x{slot}'/></source>"
    return f"<hostdev type='pci' managed='{managed}'>{source}{inner}</hostdev>"


def usb(source: str, inner: str = "", policy: str = "") -> str:
    return f"<hostdev type='usb'><source{policy}>{source}</source>{inner}</hostdev>"


def unit(number: int, inner: str = "") -> str:
    source = f"<source><adapter name='scsi_host3'/><address bus='0' target='1' unit='{number}'/></source>"
    return f"<hostdev type='scsi'>{source}{inner}</hostdev>"


def iscsi(name: str, inner: str = "<host name='h' port='3260'/>") -> str:
    return f"<hostdev type='scsi'><source protocol='iscsi' name='{name}'>{inner}</source></hostdev>"


DISK = "<disk type='file'><source file='/{0}'/><target dev='sd{0}' bus='scsi'/></disk>"


@pytest.mark.parametrize(
    ("text", "device"),
    [("0000:03:07.1", HostPci(0, 3, 7, 1)), ("0001ffff:FF:1f.0", HostPci(0x1FFFF, 0xFF, 0x1F, 0))],
)
def test_a_pci_address_of_the_host_is_read(text: str, device: HostPci) -> None:
    assert read_host_pci(text) == device


@pytest.mark.parametrize("text", ["", "03:07.1", "0000:03:07.8", "0000:3:07.1", "0000:03:07.1,x=y", "0000:03:07.1\n"])
def test_other_texts_are_no_pci_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not a PCI address"):
        read_host_pci(text)


def test_a_pci_address_is_written_as_sysfs_has_it() -> None:
    assert str(HostPci(0, 0xA, 0x1F, 3)) == "0000:0a:1f.3"


def test_who_manages_a_device_takes_it_and_gives_it_back() -> None:
    device = HostPci(0, 3, 0, 0)
    managed = vfio_host(device, "hostdev0", managed=True).needs[0].todo
    assert managed.startswith("bind the PCI device 0000:03:00.0 of the host to the driver vfio-pci")
    assert managed.endswith("give the device back to its own driver after the guest has ended")
    other = vfio_host(device, "hostdev0", driver="vfio-pci-igb").needs[0].todo
    assert other.startswith("the PCI device 0000:03:00.0 of the host must be bound to the driver vfio-pci-igb")
    assert "give the device back" not in other


def test_devices_of_the_same_group_are_taken_along_with_the_first() -> None:
    unassigned = "<address type='unassigned'/>"
    translation = run(pci("05:00", unassigned) + pci("06:00") + pci("07:00") + pci("08:00", unassigned))
    assert [device["host"] for device in values(translation, "-device", "vfio-pci")] == ["0000:06:00.0", "0000:07:00.0"]
    first, second = (item.todo for item in translation.resources if item.kind == "vfio")
    assert "do the same with 0000:05:00.0" in first
    assert "do the same with 0000:08:00.0" in first
    assert "do the same" not in second


def test_a_screen_before_the_guests_driver_runs_cannot_be_unplugged() -> None:
    mdev = "<source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source></hostdev><graphics type='vnc'/>"
    for ramfb, driver in (("on", "vfio-pci-nohotplug"), ("off", "vfio-pci")):
        head = f"<hostdev type='mdev' model='vfio-pci' display='on' ramfb='{ramfb}'>"
        (device,) = values(run(f"{head}{mdev}"), "-device", "vfio-pci")
        assert (device["driver"], device.get("ramfb", False)) == (driver, ramfb == "on")


def test_a_usb_device_is_opened_by_its_path() -> None:
    (device,) = values(run(usb("<address bus='3' device='12'/>")), "-device", "usb-host")
    assert device["hostdevice"] == "/dev/bus/usb/003/012"
    assert {"hostbus", "hostaddr"}.isdisjoint(device)


@pytest.mark.parametrize(("policy", "left_out"), [("", False), ("mandatory", False), ("optional", True)])
def test_a_usb_device_is_looked_for_by_what_it_is(policy: str, left_out: bool) -> None:
    given = f" startupPolicy='{policy}'" if policy else ""
    translation = run(usb("<vendor id='0x12'/><product id='0xbeef'/>", policy=given))
    (todo,) = (item.todo for item in translation.resources if item.kind == "usb")
    assert "the USB device 0012:beef" in todo
    assert ("leave this property out" in todo) is left_out


@pytest.mark.parametrize(
    ("reset", "told"),
    [
        ("off", {"guest-reset": False}),
        ("uninitialized", {"guest-reset": True, "guest-resets-all": False}),
        ("on", {"guest-reset": True, "guest-resets-all": True}),
    ],
)
def test_what_a_guest_may_reset(reset: str, told: dict[str, bool]) -> None:
    text = usb("<address bus='3' device='12'/>", policy=f" guestReset='{reset}'")
    (device,) = values(run(text), "-device", "usb-host")
    assert {name: value for name, value in device.items() if name.startswith("guest-reset")} == told


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


@pytest.mark.parametrize(("name", "target", "lun"), [("iqn.a", "iqn.a", 0), ("iqn.a/12", "iqn.a", 12)])
def test_the_name_of_an_iscsi_unit_ends_with_its_number(name: str, target: str, lun: int) -> None:
    (node,) = values(run(iscsi(name)), "-blockdev", "iscsi")
    assert (node["target"], node["lun"]) == (target, lun)


@pytest.mark.parametrize(
    ("host", "portal"),
    [("192.0.2.1", "192.0.2.1:3260"), ("h.example", "h.example:3260"), ("fec0::5", "[fec0::5]:3260")],
)
def test_an_address_of_ipv6_stands_in_brackets(host: str, portal: str) -> None:
    assert element_of(IscsiHost, name=host, port="3260").portal == portal


def test_the_secret_of_an_iscsi_unit_is_that_of_its_node() -> None:
    auth = "<host name='h' port='3260'/><auth username='joe'><secret type='iscsi' usage='s'/></auth>"
    translation = run(iscsi("iqn.a", auth))
    (node,) = values(translation, "-blockdev", "iscsi")
    assert (node["user"], node["password-secret"]) == ("joe", "libvirt-1-backend-secret0")
    objects = [json.loads(value) for value in translation.argv if '"qom-type":"secret"' in value]
    assert [item["id"] for item in objects] == ["masterKey0", "libvirt-1-backend-secret0"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (iscsi("iqn.a", ""), "has one <host>, not 0"),
        (iscsi("iqn.a", "<host name='h' port='1'/>" * 2), "has one <host>, not 2"),
        (iscsi("iqn.a", "<host name='h'/>"), "needs a port"),
        (iscsi("iqn.a", "<host name='h/x' port='1'/>"), "is not the name of a host"),
        (iscsi("iqn.a/x"), "the number of a unit"),
        (unit(0, "<address type='pci'/>"), "has an address of type 'drive'"),
        (iscsi("iqn.a").replace(" name='iqn.a'", ""), "needs a name"),
    ],
)
def test_units_that_cannot_be(source: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        run(source)


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


def test_a_unit_plugs_into_the_controller_of_its_address() -> None:
    (device,) = read_domain(
        DOMAIN.format(unit(0, "<address type='drive' controller='5' unit='0'/>")).encode()
    ).devices.of(ScsiHostdev)
    assert device.plugs_into == ("scsi", 5)
