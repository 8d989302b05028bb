"""Many domains against many QEMUs: in all processors, with the same answers, and nothing left of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from prober.cli.check_many import _ALONE
from tests.conftest import CHECKOUT
from tests.integration.processes import PATIENCE, PROBER, run_installed, start_group, wait_until

DOMAINS = CHECKOUT / "fixtures" / "domains"
OLD, NEW = (CHECKOUT / "fixtures" / "replies" / f"qemu-{version}.replies.xz" for version in ("5.2.0", "11.1.2"))


@pytest.fixture(name="many", scope="module")
def _many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More domains than one process works at: every third is refused."""
    place = tmp_path_factory.mktemp("many")
    good, bad = ((DOMAINS / f"{name}.xml").read_text() for name in ("example", "refused"))
    for number in range(_ALONE // 2 + 4):
        (place / f"vm{number}.xml").write_text(bad if number % 3 == 0 else good)
    return place


def test_many_processes_say_what_one_says(many: Path) -> None:
    words = ["check", many, "--against", OLD, "--against", NEW, "--json"]
    ended = run_installed(*words)
    one = min(os.sched_getaffinity(0))
    alone = subprocess.run(
        [PROBER, *map(str, words)],
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.code, ended.err, alone.returncode) == (3, "", 3)
    assert ended.out == alone.stdout
    told = json.loads(ended.out)["domains"]
    assert [one["domain"] for one in told] == [str(many / f"vm{number}.xml") for number in range(len(told))]
    assert [bool(one["refusals"]) for one in told] == [number % 3 == 0 for number in range(len(told))]


def test_ctrl_c_leaves_none_of_the_processes(many: Path) -> None:
    with start_group([PROBER, "check", many, "--against", OLD, "--against", NEW]) as group:
        wait_until(lambda: len(group.members()) != 1)
        group.press_ctrl_c()
        assert group.members() == []
        assert (group.code, "Traceback" in group.printed) == (130, False)
