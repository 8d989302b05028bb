"""What the host does to the other end of an interface."""

from __future__ import annotations

from prober.devices.interface.hostside import HostIp, HostRoute, NetBandwidth, Rate, VirtualPort, Vlan, VlanTag


def test_the_hosts_side_is_said_in_words() -> None:
    rate = Rate(average=10, peak=20)
    assert str(NetBandwidth(inbound=rate, outbound=Rate(average=5))) == "in average 10, peak 20; out average 5"
    assert str(Vlan(trunk=True, tags=(VlanTag(id=3, native="tagged"), VlanTag(id=4)))) == "3 (tagged native), 4"
    assert str(HostIp(address="10.0.0.1", prefix=24, peer="10.0.0.2")) == "10.0.0.1/24 (peer 10.0.0.2)"
    route = HostRoute(address="10.1.0.0", netmask="255.255.0.0", gateway="10.0.0.1", metric=5)
    assert str(route) == "10.1.0.0/255.255.0.0 via 10.0.0.1 metric 5"
    assert str(VirtualPort()) == "as the network says"
    assert str(VirtualPort(type="802.1Qbh", profileid="p")) == "802.1Qbh (profileid p)"


def test_a_virtual_port_says_all_that_it_lacks() -> None:
    assert [broken.message.rpartition(" ")[2] for broken in VirtualPort(type="802.1Qbg", typeid=1).missing()] == [
        "managerid=…>",
        "typeidversion=…>",
    ]
    assert list(VirtualPort(type="openvswitch").missing()) == []
