"""Each stand-in on real QEMUs: a sound line is proven, and its spoilt twin is refused for what it was spoilt with."""

from __future__ import annotations

import re

import pytest

from prober.capabilities import Capabilities
from prober.proof.absent import is_absent
from prober.proof.models import Proof, ProofVerdict
from prober.proof.prover import Prover
from prober.proof.subject import LineRequest, LineSubject
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import capabilities_of
from tests.integration.stand_in_more_twins import DISPLAY_TWINS, OBJECT_TWINS, OTHER_TWINS
from tests.integration.stand_in_twins import CHARDEV_TWINS, NETDEV_TWINS, Twins

pytestmark = pytest.mark.slow

_HEAD = ("-nodefaults", "-machine", "pc", "-accel", "tcg")

#: What the lines for an option are about.
_SHORT_FOR = {"option -audio": ("audiodev", "pa"), "option -sdl": ("display", "sdl")}

#: What a QEMU says of what it has not, where it does not name it: 11.1.2 is killed by a sound driver whose module is
#: not there.
_NAMELESS = re.compile("missing object type|^QEMU crashed with ")

ALL_TWINS = (*NETDEV_TWINS, *CHARDEV_TWINS, *OBJECT_TWINS, *DISPLAY_TWINS, *OTHER_TWINS)


async def _prove(place: QemuPlace, words: list[str]) -> Proof:
    """What its QEMU makes of a line, whatever the check says of it."""
    prover = Prover()
    subject = LineSubject(place.binary, capabilities_of(place), place.root)
    try:
        return await prover.prove(subject, LineRequest((place.binary, *_HEAD, *words), anyway=True))
    finally:
        await prover.close()


def _lacks(capabilities: Capabilities, twins: Twins) -> bool:
    """Whether this QEMU says that it has not what the lines are about, as where a module's package is not here."""
    noun, name = _SHORT_FOR.get(twins.rows) or twins.rows.split(" ")
    return name in twins.sound and is_absent(capabilities, noun, name)


@pytest.mark.parametrize("twins", ALL_TWINS, ids=lambda twins: f"{twins.rows}: {twins.sound}"[:70])
def test_a_sound_line_is_proven_and_a_spoilt_one_is_refused_for_what_it_was_spoilt_with(
    any_qemu: QemuPlace, twins: Twins
) -> None:
    capabilities = capabilities_of(any_qemu)
    if not twins.is_for(capabilities.version.numbers[:2]):
        return
    sound = aio(_prove(any_qemu, twins.words(spoilt=False)), debug=False)
    if _lacks(capabilities, twins):
        # Nothing stands in for what is absent, so QEMU says so, whatever else is wrong.
        assert sound.verdict is ProofVerdict.refused, sound
        named = twins.rows.split(" ")[1].lstrip("-") in sound.said.lower()
        assert named or _NAMELESS.search(sound.said), sound
        return
    assert sound.verdict in (ProofVerdict.proven, ProofVerdict.in_part), sound
    spoilt = aio(_prove(any_qemu, twins.words(spoilt=True)), debug=False)
    assert spoilt.verdict is ProofVerdict.refused, spoilt
    assert twins.says in spoilt.said
