"""The secrets of a line."""

from __future__ import annotations

import pytest

from prober.proof.given import given_options
from prober.proof.secrets import hide, secrets_of


@pytest.mark.parametrize(
    "words",
    [
        ("-object", "secret,id=s,data=hunter2"),
        ("-object", '{"qom-type":"secret","id":"s","data":"hunter2"}'),
        ("-device", "isa-applesmc,osk=hunter2"),
        ("-set", "device.a.osk=hunter2"),
        ("-set", "object.s.data=hunter2"),
        ("-global", "isa-applesmc.osk=hunter2"),
        ("-global", "driver=isa-applesmc,property=osk,value=hunter2"),
        ("-spice", "port=5900,password=hunter2"),
    ],
)
def test_a_secret_is_hidden_wherever_it_is_told(words: tuple[str, str]) -> None:
    secrets = secrets_of(given_options(["qemu", *words]))
    assert secrets == {"hunter2"}
    assert hide("'hunter2' was asked for", secrets) == "'…' was asked for"


@pytest.mark.parametrize("words", [("-set", "device.a.mac=1"), ("-global", "e1000.mac=123"), ("-set", "nothing")])
def test_what_is_no_secret_is_told(words: tuple[str, str]) -> None:
    assert secrets_of(given_options(["qemu", *words])) == frozenset()
