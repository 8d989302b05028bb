"""SPICE as qemu.conf shapes it: what no case shows, as cases have one host."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from tests.unit.devices.making import option, translated


def test_spice_has_an_encrypted_port_where_it_can() -> None:
    both = translated("<graphics type='spice' autoport='yes'/>", spice_tls=True, spice_tls_x509_cert_dir="/pki")
    assert option(both, "-spice").startswith(
        "port=5901,tls-port=5902,addr=127.0.0.1,disable-ticketing=on,x509-dir=/pki"
    )
    secure = "<graphics type='spice' autoport='yes' defaultMode='secure'/>"
    assert option(translated(secure, spice_tls=True), "-spice").startswith("tls-port=5902,addr=127.0.0.1,")
    channels = (
        "<graphics type='spice' port='5930' tlsPort='5931'>"
        "<channel name='usbredir' mode='insecure'/><channel name='main' mode='secure'/></graphics>"
    )
    assert ",tls-channel=main,plaintext-channel=usbredir," in option(translated(channels, spice_tls=True), "-spice")
    with pytest.raises(RefusedError, match="spice_tls of qemu"):
        translated(secure)


def test_spice_has_a_password_sasl_and_a_socket_of_qemu_conf() -> None:
    done = translated(
        "<graphics type='spice'><listen type='socket'/></graphics>",
        spice_password="sesame",
        spice_sasl=True,
        spice_sasl_dir="/etc/sasl",
    )
    path = "/var/lib/libvirt/qemu/domain--1-seen/spice.sock"
    assert option(done, "-spice") == f"unix=on,addr={path},sasl=on,seamless-migration=on"
    automatic = translated("<graphics type='spice' autoport='yes'/>", spice_auto_unix_socket=True)
    assert option(automatic, "-spice").startswith(f"unix=on,addr={path},")
