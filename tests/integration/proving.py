"""A line proven by a real QEMU, or made ready for one with what stands in for the host's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prober.proof.files import make_files
from prober.proof.hotplug import with_translation
from prober.proof.models import Proof
from prober.proof.once import prove_once
from prober.proof.standin import stand_in
from prober.proof.subject import LineRequest, LineSubject
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import capabilities_of


def prove_words(place: QemuPlace, words: Sequence[str], *, anyway: bool = False) -> Proof:
    """What this QEMU makes of a line, whose first word is the binary."""
    subject = LineSubject(place.binary, capabilities_of(place), place.root)
    return aio(prove_once(subject, LineRequest(tuple(words), anyway)), debug=False)


def prove_translation(place: QemuPlace, translation: Translation) -> Proof:
    """The same for what a domain came to."""
    return with_translation(prove_words(place, translation.argv), translation)


@contextmanager
def made_ready(place: QemuPlace, words: Sequence[str], ours: Path, theirs: Path) -> Iterator[tuple[str, ...]]:
    """The words to start a QEMU with that is not confined, while what stands in is in a directory: ``ours`` here, and
    ``theirs`` to QEMU."""
    bench = stand_in([*words], capabilities_of(place), str(theirs))
    assert bench.not_provable == []
    with make_files(bench.files, ours):
        yield (words[0], *(word for option in bench.line for word in option.words()))
