"""Displays, sound and cards as qemu.conf and the host shape them: what no case shows, as cases have one host."""

from __future__ import annotations

import pytest

from prober.devices.video.model import power_of_two
from prober.errors import RefusedError
from prober.host.host import Host, Network, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities

_XML = """<domain type='qemu'><name>seen</name><memory unit='MiB'>256</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{}</devices></domain>"""


def translated(devices: str, host: Host | None = None, **settings: object) -> Translation:
    """A domain with these devices, on a QEMU with SPICE."""
    caps = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
    base = host or Host()
    given = base.model_copy(update={"settings": Settings.model_validate(settings)})
    domain = read_domain(_XML.format(devices).encode())
    return translate(domain, caps, binary="/q", host=given, assume_unknown_present=True)


def option(translation: Translation, flag: str) -> str:
    """The value of the only option of this name."""
    assert translation.argv.count(flag) == 1
    return translation.argv[translation.argv.index(flag) + 1]


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


def test_displays_listen_on_networks_of_the_host() -> None:
    listen = "<graphics type='vnc'><listen type='network' network='lan'/></graphics>"
    host = Host(networks={"lan": Network(address="10.1.2.3")})
    assert option(translated(listen, host), "-vnc").startswith("10.1.2.3:0,")
    with pytest.raises(RefusedError, match="no network 'lan' with an address"):
        translated(listen)


def test_the_last_display_decides_where_sound_goes() -> None:
    vnc, spice, sdl = (f"<graphics type='{name}'/>" for name in ("vnc", "spice", "sdl"))
    assert option(translated(vnc + spice), "-audiodev") == '{"id":"audio1","driver":"spice"}'
    assert option(translated(spice + vnc), "-audiodev") == '{"id":"audio1","driver":"none"}'
    assert "-audiodev" not in translated(sdl).argv
    assert "-audiodev" not in translated("", nographics_allow_host_audio=True).argv
    with pytest.raises(RefusedError, match="needs an audio backend"):
        translated(sdl + "<sound model='ac97'/>")
    with pytest.raises(RefusedError, match="needs an audio backend"):
        translated(vnc, vnc_allow_host_audio=True)


def test_memory_of_cards_is_a_power_of_two() -> None:
    assert [power_of_two(amount) for amount in (0, 1, 2, 3, 16384, 16385)] == [0, 1, 2, 4, 16384, 32768]


def test_swtpm_may_be_awaited_elsewhere() -> None:
    done = translated("<tpm><backend type='emulator'/></tpm>", swtpm_socket="/srv/tpm.sock")
    assert "socket,id=chrtpm,path=/srv/tpm.sock" in done.argv
