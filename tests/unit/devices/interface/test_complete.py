"""Interfaces on networks of the host."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from tests.unit.devices.interface.making import network, run, todos, values

#: The first device of the pool, given for itself.
TAKEN = "<hostdev type='pci'><source><address bus='3' slot='0' function='1'/></source></hostdev>"


def test_a_pool_gives_its_devices_one_after_the_other() -> None:
    translation = run(network("pool") + network("nat") + network("pool", "<vlan><tag id='7'/></vlan>"))
    assert [device["host"] for device in values(translation, "-device", "vfio-pci")] == ["0000:03:00.1", "0000:03:00.2"]
    first, second = todos(translation, "vfio")
    assert "VLAN" not in first
    assert second.startswith("put it into the VLANs 7, bind the PCI device 0000:03:00.2")
    # They are host devices, and not numbered with the others.
    assert [value["id"] for value in values(translation, "-netdev")] == ["hostnet0"]


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (network("pool") * 3, "is a pool of host devices, and has none left"),
        (network("wrong"), "'eth0' is not a PCI address"),
        (network("pool") + TAKEN, "given twice"),
        (network("nowhere"), "known are: nat, bridged, open, macvtap, pool, wrong"),
        (network("nat", "<vlan><tag id='1'/></vlan>"), "VLAN tags are not for this kind"),
        (network("macvtap", "<port isolated='yes'/>"), "only a port of a bridge can be isolated"),
        (network("open", "<filterref filter='f'/>"), "a filter is for a network with a plain bridge"),
        (network("macvtap", "<backend tap='/t'/>"), "a tap of one's own is for a network with a bridge"),
        (network("pool", "<driver queues='2'/>"), "a host device has its own queues"),
        (network("pool", "<bandwidth><inbound average='1'/></bandwidth>"), "cannot be limited"),
    ],
)
def test_what_a_network_cannot_give(devices: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        run(devices)


@pytest.mark.parametrize("name", ["bridged", "open", "macvtap"])
def test_what_has_ports_of_its_own_takes_vlans(name: str) -> None:
    (todo,) = todos(run(network(name, "<vlan><tag id='1'/></vlan>")), "tap")
    assert "put it into the VLANs 1" in todo
