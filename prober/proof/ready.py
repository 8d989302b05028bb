"""A line made ready for one start: with which accelerator, what of it is there anyway, and its stand-ins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prober.proof.accelerator import asked_accelerators, use_tcg
from prober.proof.bench import Bench
from prober.proof.given import given_options
from prober.proof.standin import paths_in, stand_in
from prober.proof.subject import LineSubject


def wants_kvm(words: Sequence[str], subject: LineSubject) -> bool:
    """Whether the line asks for KVM before all else, of a QEMU that has it."""
    kvm = subject.capabilities.kvm
    return asked_accelerators(given_options([*words]))[:1] == ["kvm"] and kvm is not None and kvm.present


def find_here(words: Sequence[str], root: Path | None) -> frozenset[str]:
    """The files of the line that a box shows."""
    base = "" if root is None else str(root)
    return frozenset(path for path in paths_in(words) if Path(base + path).is_file())


def make_ready(
    words: Sequence[str], subject: LineSubject, theirs: str, here: frozenset[str], *, instead_of_kvm: bool
) -> Bench:
    """The line with its stand-ins.  ``theirs`` is their directory as QEMU sees it, ``here`` what is there anyway."""
    bench = stand_in([*words], subject.capabilities, theirs, here)
    if instead_of_kvm:
        if subject.capabilities.has("tcg-accel"):
            use_tcg(bench)
        else:
            bench.not_provable.append("there is no KVM here that works, and this QEMU was built without TCG")
    return bench
