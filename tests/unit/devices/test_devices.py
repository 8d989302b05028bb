"""What a domain that is being completed knows of the classes of its devices, and how those of one class are changed."""

from __future__ import annotations

from prober.devices.console import Console
from prober.devices.controller import Controller
from prober.devices.disk import Disk
from prober.devices.hub import Hub
from prober.devices.memballoon import Memballoon
from prober.domain.domain import Domain
from prober.domain.shared.devices import kinds_with_own
from prober.translate.read import read_domain
from tests.elements import element_of

DOMAIN = b"""<domain type='qemu'><name>d</name><os><type machine='pc'>hvm</type></os><devices>
  <disk type='file'><source file='/a'/><target dev='vda'/></disk>
  <controller type='pci' index='0' model='pci-root'/>
  <disk type='file'><source file='/b'/><target dev='vdb'/></disk>
  <memballoon model='virtio'/>
</devices></domain>"""


def domain() -> Domain:
    read = read_domain(DOMAIN)
    return read.with_devices(read.devices.every)


def test_the_devices_of_one_class_in_order() -> None:
    devices = domain().devices
    assert [disk.target_dev for disk in devices.of(Disk)] == ["vda", "vdb"]
    assert list(devices.of(Console)) == []
    assert [type(device).element for device in devices.others_than(Disk)] == ["controller", "memballoon"]


def test_only_the_devices_of_the_class_change_and_all_stay_in_their_places() -> None:
    before = domain()
    after = before.with_each(Disk, lambda disk: disk.replace(node=7))
    assert [disk.node for disk in after.devices.of(Disk)] == [7, 7]
    assert [type(device) for device in after.devices.every] == [type(device) for device in before.devices.every]
    assert after.devices.every[1] is before.devices.every[1]
    turned = before.with_all(Disk, reversed(before.devices.of(Disk)))
    assert [turned.devices.every[position] for position in (0, 2)] == list(reversed(before.devices.of(Disk)))


def test_a_change_of_nothing_is_the_same_domain() -> None:
    before = domain()
    assert before.with_each(Disk, lambda disk: disk) is before
    assert before.with_each(Hub, lambda hub: hub.replace(alias="x")) is before


def test_new_classes_are_known() -> None:
    before = domain()
    after = before.with_devices([*before.devices.every, element_of(Hub, type="usb")])
    assert after.devices.kinds - before.devices.kinds == {Hub}


def test_classes_that_say_nothing_of_their_own() -> None:
    kinds = domain().devices.kinds
    assert kinds_with_own("plug", kinds) == {Disk, Memballoon}
    assert kinds_with_own("shared_slot", kinds) == frozenset()
    assert all(issubclass(kind, Controller) for kind in kinds - kinds_with_own("emit", kinds))
