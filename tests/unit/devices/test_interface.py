"""Interfaces: what is worked out of them, beside what the cases show."""

from __future__ import annotations

import json
import shlex
from functools import cache
from typing import Any

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.devices.interface import CardInterface, UserInterface
from prober.devices.interface.hostside import HostIp, HostRoute, NetBandwidth, Rate, VirtualPort, Vlan, VlanTag
from prober.devices.interface.passt import PortForward, PortRange
from prober.errors import RefusedError
from prober.host.host import Host, Network, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.elements import element_of
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='{}'><name>g</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{}</devices></domain>"""

NETWORKS = {
    "nat": Network(),
    "bridged": Network(forward="bridge", bridge="br0"),
    "open": Network(forward="bridge", bridge="br0", virtualport="openvswitch"),
    "macvtap": Network(forward="passthrough"),
    "pool": Network(forward="hostdev", devices=("0000:03:00.1", "0000:03:00.2"), managed=True),
    "wrong": Network(forward="hostdev", devices=("eth0",)),
}


#: The first device of the pool, given for itself.
TAKEN = "<hostdev type='pci'><source><address bus='3' slot='0' function='1'/></source></hostdev>"


@cache
def capabilities(version: str) -> Capabilities:
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


def run(devices: str, *, domain_type: str = "kvm", version: str = "10.0.13", **settings: Any) -> Translation:
    caps = capabilities(version)
    host = Host(networks=NETWORKS, settings=Settings(**settings))
    return translate(read_domain(DOMAIN.format(domain_type, devices).encode()), caps, binary="/q", host=host)


def values(translation: Translation, flag: str, driver: str = "") -> list[dict[str, Any]]:
    pairs = zip(translation.argv, translation.argv[1:], strict=False)
    found = [json.loads(value) for word, value in pairs if word == flag and value.startswith("{")]
    return [value for value in found if driver in value.get("driver", "")]


def todos(translation: Translation, kind: str) -> list[str]:
    return [item.todo for item in translation.resources if item.kind == kind]


def bridge(inner: str = "", model: str = "virtio") -> str:
    return f"<interface type='bridge'><source bridge='br0'/><model type='{model}'/>{inner}</interface>"


def network(name: str, inner: str = "") -> str:
    return f"<interface type='network'><source network='{name}'/><model type='virtio'/>{inner}</interface>"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("VIRTIO", "virtio"), ("E1000e", "e1000e"), ("am79c970a", "Am79C970A"), ("Tulip", "Tulip")],
)
def test_only_models_that_libvirt_knows_are_known_in_any_case(written: str, meant: str) -> None:
    assert element_of(UserInterface, model=written).model == meant


@pytest.mark.parametrize("model", ["", "unknown", "e1000,netdev=x", "x" * 65, "ä"])
def test_other_texts_are_no_models(model: str) -> None:
    with pytest.raises(ValueError, match="model"):
        element_of(UserInterface, model=model)


def test_each_pair_of_queues_has_a_tap_and_a_vhost() -> None:
    translation = run(bridge("<driver queues='3'/>"))
    (netdev,) = values(translation, "-netdev")
    (card,) = values(translation, "-device", "virtio-net")
    assert (len(netdev["fds"].split(":")), len(netdev["vhostfds"].split(":"))) == (3, 3)
    assert {"fd", "vhostfd"}.isdisjoint(netdev)
    # Two vectors for each pair of queues, and two for configuration and control.
    assert (card["mq"], card["vectors"]) == (True, 8)
    assert [todo.endswith(f"; queue {n} of 3") for n, todo in enumerate(todos(translation, "tap"), 1)] == [True] * 3


@pytest.mark.parametrize("queues", ["0", "1"])
def test_one_pair_of_queues_is_none_of_many(queues: str) -> None:
    translation = run(bridge(f"<driver queues='{queues}'/>"))
    (netdev,) = values(translation, "-netdev")
    (card,) = values(translation, "-device", "virtio-net")
    assert {"fd", "vhostfd"} <= netdev.keys()
    assert "mq" not in card


@pytest.mark.parametrize(
    ("domain_type", "driver", "model", "vhost_net", "used"),
    [
        ("kvm", "", "virtio", "kvm", True),
        ("kvm", "<driver name='vhost'/>", "virtio-transitional", "kvm", True),
        ("kvm", "<driver name='qemu'/>", "virtio", "kvm", False),
        ("kvm", "", "e1000", "kvm", False),
        ("qemu", "", "virtio", "kvm", False),
        ("qemu", "<driver name='qemu'/>", "virtio", "always", True),
        ("qemu", "", "e1000", "always", False),
    ],
)
def test_vhost_is_for_virtio_cards_of_kvm_guests(
    domain_type: str, driver: str, model: str, vhost_net: str, used: bool
) -> None:
    (netdev,) = values(run(bridge(driver, model), domain_type=domain_type, vhost_net=vhost_net), "-netdev")
    assert netdev.get("vhost", False) is used


@pytest.mark.parametrize(("model", "has_header"), [("virtio", True), ("e1000e", True), ("e1000", False)])
def test_a_tap_has_virtios_header_where_the_card_can_take_it(model: str, has_header: bool) -> None:
    (todo,) = todos(run(bridge(model=model)), "tap")
    assert ("IFF_VNET_HDR" in todo) is has_header


def test_a_macvtap_is_named_by_its_index() -> None:
    direct = "<interface type='direct'><source dev='eth0' mode='bridge'/><mac address='52:54:00:00:00:01'/></interface>"
    (todo,) = todos(run(direct), "tap")
    assert todo.startswith("open /dev/tapN of the macvtap, N being the index of a new macvtap on eth0 in mode bridge")
    assert "52:54:00:00:00:01" in todo


def test_a_link_that_is_down_is_taken_down_before_the_guest_runs() -> None:
    assert "set_link name=net0 up=false" in todos(run(bridge("<link state='down'/>")), "link")[0]
    assert todos(run(bridge("<link state='up'/>")), "link") == []


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


def test_the_users_network_is_that_of_the_guests_addresses() -> None:
    ips = "<ip address='10.1.0.0' prefix='16'/><ip address='fec1::' prefix='64'/>"
    (netdev,) = values(run(f"<interface type='user'>{ips}</interface>"), "-netdev")
    assert netdev == {
        "type": "user", "net": "10.1.0.0/16", "ipv6-prefix": "fec1::", "ipv6-prefixlen": 64, "id": "hostnet0"
    }  # fmt: skip


def test_passt_is_started_with_all_that_it_serves() -> None:
    inner = (
        "<backend type='passt' logFile='/log'/><source dev='eth0'/><mtu size='1400'/>"
        "<ip address='10.0.0.2' prefix='24'/><ip address='fec0::2'/>"
        "<portForward proto='tcp' address='192.0.2.1' dev='eth1'><range start='80' end='90' to='8080'/>"
        "<range start='85' exclude='yes'/></portForward><portForward proto='udp'/>"
    )
    translation = run(f"<interface type='user'>{inner}</interface>", run_directory="/run/q")
    (netdev,) = values(translation, "-netdev")
    assert netdev["addr"] == {"type": "unix", "path": "/run/q/passt/-1-g-net0.socket"}
    words = shlex.split(todos(translation, "passt")[0].partition("socket: ")[2])
    assert words == [
        "passt", "--one-off", "--socket", "/run/q/passt/-1-g-net0.socket", "--pid", "/run/q/passt/-1-g-net0-passt.pid",
        "--mtu", "1400", "--interface", "eth0", "--log-file", "/log", "--address", "10.0.0.2", "--netmask", "24",
        "--address", "fec0::2", "--tcp-ports", "192.0.2.1%eth1/80-90:8080-8090,~85", "--udp-ports", "all",
    ]  # fmt: skip


def test_passt_that_went_away_is_connected_to_anew_as_the_binary_can() -> None:
    user = "<interface type='user'><backend type='passt'/></interface>"
    (new,) = values(run(user, version="10.0.13"), "-netdev")
    (old,) = values(run(user, version="7.2.22"), "-netdev")
    assert new["reconnect-ms"] == 5000
    assert {"reconnect", "reconnect-ms"}.isdisjoint(old)


def test_ports_and_addresses_are_written_as_passt_reads_them() -> None:
    assert str(PortRange(start=22)) == "22"
    assert str(PortRange(start=22, to=2222)) == "22:2222"
    assert PortForward(proto="tcp", address="::1").arguments() == ["--tcp-ports", "::1/all"]


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


def test_a_card_is_virtio_by_its_own_model_or_that_of_its_type() -> None:
    assert not UserInterface().is_virtio
    vhost = element_of(CardInterface.choices["vhostuser"], path="/s")
    assert isinstance(vhost, CardInterface)
    assert vhost.is_virtio
