"""The same recording has the same name in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from prober.fleet.names import NAME, name_of
from tests.recordings import FIXTURES, ROOT

_PRINT = """
import sys
from prober.capabilities.gently import json_gently
from prober.fleet.names import canonical, name_of
from prober.fleet.parts import split
from tests.conftest import aio
from pathlib import Path
from tests.recordings import load_capabilities
caps = load_capabilities(Path(sys.argv[1]))
assert aio(json_gently(caps)) == canonical(caps)
print(name_of(canonical(caps)), *(name_of(canonical(part)) for part in split(caps)))
"""


@pytest.mark.slow
def test_each_process_finds_the_same_name() -> None:
    """Sets are in another order in each of these (https://docs.python.org/3/using/cmdline.html, PYTHONHASHSEED)."""
    told = {
        subprocess.run(
            [sys.executable, "-c", _PRINT, FIXTURES / "qemu-7.2.22.replies.xz"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    (names,) = told
    assert all(NAME.fullmatch(name) for name in names.split())
    assert len({*names.split()}) == 3


def test_a_name_is_of_the_content() -> None:
    assert name_of(b"a") == name_of(b"a") != name_of(b"b")
    assert NAME.fullmatch(name_of(b""))
