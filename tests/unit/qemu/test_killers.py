"""Interviews of fake QEMUs that die of types which are known to kill some QEMU."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from prober.qemu.limits import InterviewLimits
from prober.qemu.recording import question_key
from tests.fakes.making import SMALL_ASKED, Answers, make_fake, small_answers
from tests.unit.qemu.asking import ONE, TWO, ask
from tests.unit.qemu.failing import Aio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unconfined")]


def _with_types(*typenames: str) -> Answers:
    """The small QEMU with further types."""
    answers = small_answers()
    for typename in typenames:
        listed = {"name": typename, "parent": "object"}
        for key in ("qom-list-types", 'qom-list-types {"abstract":true}'):
            answers[key]["return"].append(listed)
        answers[question_key("qom-list-properties", {"typename": typename})] = {"return": []}
    return answers


@pytest.mark.parametrize(("limits", "processes"), [(ONE, 5), (TWO, 6)])
def test_known_killers_cost_a_start_each(aio: Aio, tmp_path: Path, limits: InterviewLimits, processes: int) -> None:
    """What kills a process that had answered others is asked again alone; each further one is asked so at once."""
    killers = ["colo-compare", "microvm-machine", "qio-net-listener", "x-remote-object"]
    marks = tmp_path / "marks"
    fake = make_fake(
        tmp_path, "dies_at", _with_types(*killers), at="|".join(killers), how=-signal.SIGABRT, marks=str(marks)
    )
    result = ask(aio, fake, limits)
    assert result.crashes == dict.fromkeys(killers, "SIGABRT")
    assert result.processes == processes
    # A second process that is slow to greet has nothing to die of.
    assert len(marks.read_text().splitlines()) in (len(killers) + 1, processes)
    # They stand where any other would stand in the recording.
    asked = [str((one.arguments or {}).get("typename")) for one in result.recording.parts[0].exchanges]
    assert [typename for typename in asked if typename != "None"] == [
        *SMALL_ASKED[:2],
        *sorted({*SMALL_ASKED[2:-2], *killers}),
        *SMALL_ASKED[-2:],
    ]


def test_known_killers_that_do_not_kill_cost_nothing(aio: Aio, tmp_path: Path) -> None:
    answers = _with_types("colo-compare", "microvm-machine", "qio-net-listener")
    result = ask(aio, make_fake(tmp_path, "good", answers))
    assert result.crashes == {}
    assert result.processes == 2


def test_known_killer_of_a_module_kills_once(aio: Aio, tmp_path: Path) -> None:
    """It is not found before the modules are loaded, which the fresh process does that asks it alone."""
    killers = ["colo-compare", "qio-net-listener", "virtio-gpu-gl-pci", "virtio-vga-gl"]
    marks = tmp_path / "marks"
    fake = make_fake(
        tmp_path, "dies_in_a_module", _with_types(*killers), at="|".join(killers), modules="|".join(killers[2:]),
        how=-signal.SIGABRT, marks=str(marks),
    )  # fmt: skip
    result = ask(aio, fake)
    assert result.crashes == dict.fromkeys(killers, "SIGABRT")
    assert len(marks.read_text().splitlines()) in (5, 6)
