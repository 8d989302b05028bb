"""VNC as qemu.conf shapes it: what no case shows, as cases have one host."""

from __future__ import annotations

from tests.unit.devices.making import option, translated


def test_vnc_listens_where_qemu_conf_says() -> None:
    assert option(translated("<graphics type='vnc'/>", vnc_listen="::"), "-vnc").startswith("[::]:0,")
    socket = translated("<graphics type='vnc'/>", vnc_auto_unix_socket=True)
    assert option(socket, "-vnc").startswith("vnc=unix:/var/lib/libvirt/qemu/domain--1-seen/vnc.sock,")
    # An address that is given goes before the socket that is not.
    given = translated("<graphics type='vnc' listen='10.0.0.1'/>", vnc_auto_unix_socket=True)
    assert option(given, "-vnc").startswith("10.0.0.1:0,")


def test_a_socket_of_libvirts_own_is_made_anew() -> None:
    old = "<graphics type='vnc' socket='/var/lib/libvirt/qemu/old.vnc'/>"
    assert option(translated(old), "-vnc").startswith("127.0.0.1:0,")
    assert "domain--1-seen/vnc.sock" in option(translated(old, vnc_auto_unix_socket=True), "-vnc")


def test_vnc_is_encrypted_and_asks_for_a_password() -> None:
    done = translated(
        "<graphics type='vnc'/>",
        vnc_tls=True,
        vnc_tls_x509_cert_dir="/etc/pki/vnc",
        vnc_tls_x509_verify=True,
        vnc_password="sesame",
        vnc_sasl=True,
        vnc_sasl_dir="/etc/sasl",
    )
    assert option(done, "-vnc") == "127.0.0.1:0,password=on,tls-creds=vnc-tls-creds0,sasl=on,audiodev=audio1"
    credentials = next(word for word in done.argv if "tls-creds-x509" in word)
    assert '"dir":"/etc/pki/vnc","endpoint":"server","verify-peer":true' in credentials
    assert "passwordid" not in credentials
    kinds = {resource.kind: resource.todo for resource in done.resources}
    assert "SASL_CONF_PATH=/etc/sasl" in kinds["environment"]
    assert "vnc_password of qemu.conf" in kinds["password"]
    assert "sesame" not in " ".join([*done.argv, *kinds.values()])


def test_the_key_of_vnc_may_be_encrypted() -> None:
    uuid = "6fd3f62d-9fe7-4a4e-a869-7acd6376d8ea"
    done = translated("<graphics type='vnc'/>", vnc_tls=True, vnc_tls_x509_secret_uuid=uuid)
    assert any('"passwordid":"vnc-tls-creds0-secret0"' in word for word in done.argv)
    assert any('"qom-type":"secret","id":"vnc-tls-creds0-secret0"' in word for word in done.argv)
    assert any(uuid in resource.todo for resource in done.resources)
