"""The command lines that people posted, proven on each QEMU at hand, hold the verdicts that are kept beside them.

The verdicts are those of Debian's binaries with the modules that come in their own package, and without those of
``qemu-system-gui`` and ``qemu-system-modules-opengl``: what is about these is refused.  Another version has none kept,
and there each line has only to come to one.
"""

from __future__ import annotations

import json

import pytest

from prober.proof.prover import Prover
from prober.proof.subject import LineRequest, LineSubject
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import capabilities_of
from tests.lines.real import VERDICTS, read_real_lines

#: Seconds for all lines of one QEMU, on a machine that has other work.
_PATIENCE = 600


async def _prove_all(place: QemuPlace) -> dict[str, str]:
    """The verdict of each line, whatever the check says of it."""
    prover = Prover()
    subject = LineSubject(place.binary, capabilities_of(place), place.root)
    verdicts: dict[str, str] = {}
    try:
        for name, words in read_real_lines().items():
            proof = await prover.prove(subject, LineRequest((place.binary, *words[1:]), anyway=True))
            verdicts[name] = str(proof.verdict)
    finally:
        await prover.close()
    return verdicts


@pytest.mark.slow
@pytest.mark.timeout(_PATIENCE)
def test_each_line_has_its_verdict(any_qemu: QemuPlace) -> None:
    version = str(capabilities_of(any_qemu).version)
    expected = {name: of[version] for name, of in json.loads(VERDICTS.read_text("utf-8")).items() if version in of}
    verdicts = aio(_prove_all(any_qemu), debug=False)
    others = {name: (verdicts[name], verdict) for name, verdict in expected.items() if verdicts[name] != verdict}
    assert not others
