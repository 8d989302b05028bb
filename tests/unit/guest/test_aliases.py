"""Which number libvirt's name of a device has, beside one that the user has named (11.3, ``qemu_alias.c``)."""

from __future__ import annotations

import re

import pytest

from prober.domain.shared.device import Device
from prober.host.host import Host
from prober.translate.read import read_domain
from prober.translate.steps import complete_into
from prober.translate.target import find_target
from tests.recordings import FIXTURES, load_capabilities

MINE = "<alias name='ua-mine'/>"

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

PCI = "<source><address type='pci' domain='0' bus='{number}' slot='0' function='0'/></source>"

#: The kinds of device that there can be several of, by what their names begin with: ``{alias}`` is the user's name.
BY_PLACE = {
    "channel": "<channel type='null'>{alias}<target type='virtio' name='{number}'/></channel>",
    "hub": "<hub type='usb'>{alias}</hub>",
    "input": "<input type='tablet' bus='usb'>{alias}</input>",
    "parallel": "<parallel type='null'>{alias}</parallel>",
    "redir": "<redirdev bus='usb' type='null'>{alias}</redirdev>",
    "serial": "<serial type='null'>{alias}</serial>",
    "shmem": "<shmem name='{number}'>{alias}<model type='ivshmem-plain'/></shmem>",
    "sound": "<sound model='ich6'>{alias}</sound>",
    "video": "<video>{alias}<model type='virtio'/></video>",
    "watchdog": "<watchdog model='i6300esb'>{alias}</watchdog>",
}

BY_NAMES = {
    "crypto": "<crypto model='virtio' type='qemu'>{alias}<backend model='builtin'/></crypto>",
    "fs": "<filesystem type='mount'>{alias}<source dir='/{number}'/><target dir='{number}'/></filesystem>",
    "hostdev": "<hostdev mode='subsystem' type='pci'>{alias}" + PCI + "</hostdev>",
    "net": "<interface type='user'>{alias}</interface>",
    "rng": "<rng model='virtio'>{alias}<backend model='random'/></rng>",
    "virtiomem": "<memory model='virtio-mem'>{alias}<target><size unit='MiB'>512</size><requested>0</requested>"
    "<block unit='MiB'>2</block></target></memory>",
    "virtiopmem": "<memory model='virtio-pmem'>{alias}<source><path>/{number}</path></source>"
    "<target><size unit='MiB'>512</size></target></memory>",
}


def completed(devices: str) -> list[Device]:
    xml = f"""<domain type='kvm'><name>g</name><maxMemory unit='GiB' slots='4'>8</maxMemory>
      <memory unit='GiB'>2</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
      <devices>{devices}</devices></domain>"""
    domain = read_domain(xml.encode())
    target = find_target(domain, CAPS, None, Host())
    return list(complete_into([], domain, target).devices.every)


def pci(number: int) -> str:
    return PCI.format(number=number)


def names(template: str, first: str) -> list[str | None]:
    """The names of two devices, the first of which has ``first`` for its ``<alias>``."""
    devices = completed(template.format(alias=first, number=1) + template.format(alias="", number=2))
    element = re.findall(r"\w+", template)[0]
    return [device.alias for device in devices if device.element == element]


@pytest.mark.parametrize("prefix", [*BY_PLACE, *BY_NAMES])
def test_without_names_of_the_user_they_are_counted_from_0(prefix: str) -> None:
    template = {**BY_PLACE, **BY_NAMES}[prefix]
    assert names(template, "") == [f"{prefix}0", f"{prefix}1"]


@pytest.mark.parametrize("prefix", BY_PLACE)
def test_some_kinds_are_counted_by_their_place(prefix: str) -> None:
    template = BY_PLACE[prefix]
    assert names(template, MINE) == ["ua-mine", f"{prefix}1"]


@pytest.mark.parametrize("prefix", BY_NAMES)
def test_other_kinds_are_counted_by_the_names_that_libvirt_has_given(prefix: str) -> None:
    template = BY_NAMES[prefix]
    assert names(template, MINE) == ["ua-mine", f"{prefix}0"]


def test_host_devices_are_counted_on_from_those_of_interfaces() -> None:
    devices = completed(
        f"<hostdev mode='subsystem' type='pci'>{pci(1)}</hostdev>"
        f"<interface type='hostdev'>{MINE}{pci(2)}</interface>"
        f"<interface type='user'/><interface type='hostdev'>{pci(3)}</interface>"
        f"<hostdev mode='subsystem' type='pci'><alias name='ua-other'/>{pci(4)}</hostdev>"
        f"<hostdev mode='subsystem' type='pci'>{pci(5)}</hostdev>"
    )
    found = [device.alias for device in devices if device.element in ("hostdev", "interface")]
    assert found == ["hostdev1", "ua-mine", "net0", "hostdev0", "ua-other", "hostdev2"]


def test_memory_in_slots_is_named_by_its_slot() -> None:
    module = "<memory model='dimm'><target><size unit='MiB'>512</size></target>{}</memory>"
    devices = completed(module.format(MINE) + module.format("<address type='dimm' slot='3'/>"))
    assert [device.alias for device in devices if device.element == "memory"] == ["ua-mine", "dimm3"]


def test_the_names_of_another_program_are_not_the_users() -> None:
    devices = completed("<interface type='user'><alias name='net7'/></interface>")
    assert [device.alias for device in devices if device.element == "interface"] == ["net0"]


def test_a_companion_has_its_master_for_parent() -> None:
    devices = completed(
        "<controller type='usb' index='0' model='ich9-uhci1'><alias name='ua-part'/></controller>"
        "<controller type='usb' index='0' model='ich9-ehci1'><alias name='ua-master'/></controller>"
        "<input type='tablet' bus='usb'/>"
    )
    tablet = next(device for device in devices if device.element == "input")
    assert tablet.parent is not None
    assert tablet.parent.alias == "ua-master"
