"""Lines on a bench, made ready by the rows of images and files."""

from __future__ import annotations

import shlex
from functools import cache

from prober.capabilities.capabilities import Capabilities
from prober.proof.bench import Bench, StandInFile
from prober.proof.given import given_options
from prober.proof.members import PairMembers
from prober.proof.row import treat
from prober.proof.rows.options import OPTIONS
from tests.recordings import FIXTURES, load_capabilities

THEIRS = "/standins"


@cache
def capabilities() -> Capabilities:
    return load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")


def apply_rows(words: list[str], caps: Capabilities, theirs: str, here: frozenset[str] = frozenset()) -> Bench:
    """The bench of a line (its first word is the binary) after the rows, with nothing of its own added."""
    bench = Bench(caps, theirs, line=given_options(words), here=here)
    for given in bench.line:
        treat(OPTIONS, "option", given.flag, given, given.members or PairMembers(), bench)
    return bench


def bench_of(line: str, *, here: frozenset[str] = frozenset()) -> Bench:
    """Of a line as in a shell, without the binary."""
    return apply_rows(["qemu", *shlex.split(line)], capabilities(), THEIRS, here)


def words_of(bench: Bench) -> str:
    """What is started, with ``D`` for the directory of stand-ins."""
    return " ".join(word for given in bench.line for word in given.words()).replace(THEIRS, "D")


def only_file(bench: Bench) -> StandInFile:
    (file,) = bench.files
    return file
