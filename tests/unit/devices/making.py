"""Domains with the devices of a test, as qemu.conf and the host shape them."""

from __future__ import annotations

from prober.host.host import Host, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities, without_lists

_XML = """<domain type='qemu'><name>seen</name><memory unit='MiB'>256</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{}</devices></domain>"""


def translated(devices: str, host: Host | None = None, **settings: object) -> Translation:
    """A domain with these devices, on a QEMU of which it is not known what modules are installed."""
    caps = without_lists(load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz"))
    base = host or Host()
    given = base.model_copy(update={"settings": Settings.model_validate(settings)})
    domain = read_domain(_XML.format(devices).encode())
    return translate(domain, caps, binary="/q", host=given, assume_unknown_present=True)


def option(translation: Translation, flag: str) -> str:
    """The value of the only option of this name."""
    assert translation.argv.count(flag) == 1
    return translation.argv[translation.argv.index(flag) + 1]
