"""SCSI devices of the host."""

from __future__ import annotations

import json

import pytest

from prober.devices.hostdev import ScsiHostdev
from prober.devices.hostdev.scsi import IscsiHost
from prober.errors import RefusedError
from prober.translate.read import read_domain
from tests.elements import element_of
from tests.unit.devices.hostdev.making import DOMAIN, iscsi, run, unit, values


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


def test_a_unit_plugs_into_the_controller_of_its_address() -> None:
    (device,) = read_domain(
        DOMAIN.format(unit(0, "<address type='drive' controller='5' unit='0'/>")).encode()
    ).devices.of(ScsiHostdev)
    assert device.plugs_into == ("scsi", 5)
