"""Where sound goes that nobody sends anywhere."""

from __future__ import annotations

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.devices.making import option, translated

XML = """\
<domain type='qemu'>
  <name>sound</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><sound model='ich6'/>{audio}<memballoon model='none'/></devices>
</domain>"""


def without_audiodev() -> Capabilities:
    """As QEMU 3.1 has it: none of the types that came with ``-audiodev``."""
    caps = load_capabilities(FIXTURES / "qemu-5.2.0.replies.xz")
    dump = caps.model_dump()
    for part in ("types", "properties"):
        dump[part] = {name: item for name, item in dump[part].items() if not name.endswith("-transitional")}
    return Capabilities.model_validate(dump)


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


def test_a_qemu_without_audiodev_is_told_in_its_environment() -> None:
    caps = without_audiodev()
    xml = XML.format(audio="<audio id='1' type='pulseaudio' serverName='/run/pulse'/>")
    done = translate(read_domain(xml.encode()), caps, binary="/q", assume_unknown_present=True)
    told = {one.name: one.value for one in done.resources if one.kind == "environment"}
    assert told == {"QEMU_AUDIO_DRV": "pa", "QEMU_PA_SERVER": "/run/pulse"}
    assert not any("audiodev" in word for word in done.argv)


@pytest.mark.parametrize(
    "audio",
    [
        "<audio id='1' type='jack'/>",
        "<audio id='1' type='none' timerPeriod='5'/>",
        "<audio id='1' type='none'/><audio id='2' type='none'/>",
    ],
)
def test_what_no_variable_says_is_refused(audio: str) -> None:
    with pytest.raises(RefusedError, match="no -audiodev"):
        domain = read_domain(XML.format(audio=audio).encode())
        translate(domain, without_audiodev(), binary="/q", assume_unknown_present=True)
