"""Character devices: what the settings of the daemon make of them, and which two lead to one place."""

from __future__ import annotations

from prober.host.host import Host, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

XML = """
<domain type='qemu'>
  <name>d</name><memory>262144</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <serial type='tcp'><source mode='bind' host='::1' service='1'/></serial>
    <serial type='file'><source path='/a'/><log file='/b' append='off'/></serial>
    <serial type='unix'><source mode='bind' path='/c'/></serial>
  </devices>
</domain>
"""


def options_of(settings: Settings) -> list[str]:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    argv = translate(read_domain(XML.encode()), caps, binary="/q", host=Host(settings=settings)).argv
    return [word for word in argv if "serial" in word]


def test_tls_by_the_daemons_settings() -> None:
    assert not [word for word in options_of(Settings()) if "tls" in word]
    found = options_of(Settings(chardev_tls=True, default_tls_x509_secret_uuid="u", default_tls_x509_verify=False))
    assert '"qom-type":"secret","id":"charserial0-secret0"' in found[0]
    assert found[1] == (
        '{"qom-type":"tls-creds-x509","id":"objcharserial0_tls0","dir":"/etc/pki/qemu","endpoint":"server",'
        '"verify-peer":false,"passwordid":"charserial0-secret0"}'
    )
    assert "tls-creds=objcharserial0_tls0" in found[2]


def test_a_service_with_certificates_of_its_own_has_no_default_secret() -> None:
    settings = Settings(chardev_tls=True, chardev_tls_x509_cert_dir="/d", default_tls_x509_secret_uuid="u")
    assert not [word for word in options_of(settings) if "secret" in word]


def test_qemu_opens_what_nobody_passes() -> None:
    found = options_of(Settings(pass_descriptors=False))
    assert "file,id=charserial1,path=/a,logfile=/b,logappend=off" in found
    assert "socket,id=charserial2,path=/c,server=on,wait=off" in found
    passed = options_of(Settings())
    assert "file,id=charserial1,path=/dev/fdset/0,append=on,logfile=/dev/fdset/1,logappend=on" in passed
    assert "set=1,fd=4,opaque=serial1-log" in passed
    assert "socket,id=charserial2,fd=5,server=on,wait=off" in passed
