"""Where sound goes that nobody sends anywhere."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from tests.unit.devices.making import option, translated


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
