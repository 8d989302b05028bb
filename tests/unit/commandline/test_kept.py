"""What is kept of a binary: its own, and no longer than its capabilities."""

from __future__ import annotations

import gc

from prober.capabilities import Capabilities, Version
from prober.commandline.kept import KeptPerBinary


def _capabilities() -> Capabilities:
    return Capabilities(version=Version(major=9, minor=2, micro=0), target="x86_64")


def test_each_binary_has_its_own() -> None:
    kept: KeptPerBinary[set[str]] = KeptPerBinary(set)
    one, like_it = _capabilities(), _capabilities()
    kept.of(one).add("seen")
    assert kept.of(one) == {"seen"}
    assert kept.of(like_it) == set()
    assert kept.of(one.model_copy()) == set()


def test_nothing_is_kept_of_what_is_gone() -> None:
    kept: KeptPerBinary[set[str]] = KeptPerBinary(set)
    for _ in range(100):
        kept.of(_capabilities()).add("seen")
    gc.collect()
    assert len(kept) == 0


def test_capabilities_do_not_live_for_what_is_kept() -> None:
    kept: KeptPerBinary[set[str]] = KeptPerBinary(set)
    caps = _capabilities()
    kept.of(caps)
    assert len(kept) == 1
    del caps
    gc.collect()
    assert len(kept) == 0
