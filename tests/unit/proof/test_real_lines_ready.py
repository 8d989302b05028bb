"""The command lines that people posted are made ready for each bundled recording, with their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.proof.ready import make_ready
from prober.proof.subject import LineSubject
from tests.lines.real import read_real_lines
from tests.recordings import FIXTURES, load_capabilities

BINARY = "/usr/bin/qemu-system-x86_64"


@pytest.mark.slow
@pytest.mark.parametrize("recording", sorted(FIXTURES.glob("qemu-[0-9]*.replies.xz")), ids=lambda path: path.name)
def test_each_is_made_ready_or_not_provable(recording: Path) -> None:
    subject = LineSubject(BINARY, load_capabilities(recording))
    for name, words in read_real_lines().items():
        ready = make_ready((BINARY, *words[1:]), subject, "/stand-in", frozenset(), instead_of_kvm=True)
        assert ready.not_provable or any(not given.is_left_out for given in ready.line), name
