"""The network of the user who runs QEMU."""

from __future__ import annotations

from tests.unit.devices.interface.making import run, values


def test_the_users_network_is_that_of_the_guests_addresses() -> None:
    ips = "<ip address='10.1.0.0' prefix='16'/><ip address='fec1::' prefix='64'/>"
    (netdev,) = values(run(f"<interface type='user'>{ips}</interface>"), "-netdev")
    assert netdev == {
        "type": "user", "net": "10.1.0.0/16", "ipv6-prefix": "fec1::", "ipv6-prefixlen": 64, "id": "hostnet0"
    }  # fmt: skip


def test_passt_that_went_away_is_connected_to_anew_as_the_binary_can() -> None:
    user = "<interface type='user'><backend type='passt'/></interface>"
    (new,) = values(run(user, version="10.0.13"), "-netdev")
    (old,) = values(run(user, version="7.2.22"), "-netdev")
    assert new["reconnect-ms"] == 5000
    assert {"reconnect", "reconnect-ms"}.isdisjoint(old)
