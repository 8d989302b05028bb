"""A machine that stands for a rehearsal: talked to, handed a descriptor, and gone afterwards."""

from __future__ import annotations

import os

import pytest

from prober.errors import ExitedError
from prober.proof.kvm import KvmTrial
from prober.proof.models import ProofVerdict
from prober.proof.subject import LineRequest, LineSubject
from prober.qemu.asking import ask_all
from prober.qemu.questions import Question
from prober.rehearsal.stage import NotStanding, on_stage, set_scene
from prober.rehearsal.verdict import RehearsalVerdict, verdict_of_start
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import capabilities_of
from tests.proc import children_of

LINE = "-nodefaults -display none -accel tcg -machine pc -m 64"


def subject_of(place: QemuPlace) -> LineSubject:
    return LineSubject(place.binary, capabilities_of(place), place.root)


def installed(binary: str) -> LineSubject:
    return subject_of(QemuPlace("installed", binary))


def request(line: str, *, anyway: bool = False) -> LineRequest:
    return LineRequest(("qemu", *line.split()), anyway)


def test_a_machine_stands_takes_a_descriptor_and_is_gone(any_qemu: QemuPlace) -> None:
    subject = subject_of(any_qemu)

    async def hand_over() -> object:
        scene = await set_scene(subject, request(LINE), KvmTrial())
        reading, writing = os.pipe()
        try:
            async with on_stage(scene) as standing:
                standing.session.attach(writing)
                (taken,) = await ask_all(standing.session, [Question("getfd", {"fdname": "ours"})])
                (status,) = await ask_all(standing.session, [Question("query-status")])
                (closed,) = await ask_all(standing.session, [Question("closefd", {"fdname": "ours"})])
                assert taken.error is None
                assert closed.error is None
                assert standing.messages() == []
                return status.reply
        finally:
            os.close(reading)
            os.close(writing)

    before = children_of(os.getpid())
    status = aio(hand_over(), debug=False)
    assert isinstance(status, dict)
    assert status["status"] == "prelaunch"
    assert children_of(os.getpid()) == before


@pytest.mark.parametrize(
    ("line", "anyway", "ground", "verdict"),
    [
        (f"{LINE} -device nosuch", False, "checked", ProofVerdict.refused),
        (f"{LINE} -device nosuch", True, "proven", ProofVerdict.refused),
        (f"{LINE} -device virtio-net-pci,rx_queue_size=300", True, "proven", ProofVerdict.refused),
        (f"{LINE} -device help", True, "checked", ProofVerdict.not_provable),
    ],
)
def test_what_does_not_stand_is_told(
    qemu_binary: str, line: str, anyway: bool, ground: str, verdict: ProofVerdict
) -> None:
    subject = installed(qemu_binary)

    async def stand() -> None:
        async with on_stage(await set_scene(subject, request(line, anyway=anyway), KvmTrial())):
            raise AssertionError("it stands")

    with pytest.raises(NotStanding) as told:
        aio(stand(), debug=False)
    assert (told.value.ground, told.value.outcome.verdict) == (ground, verdict)
    assert verdict_of_start(told.value.outcome) is RehearsalVerdict(verdict.value)


def test_a_machine_that_ends_on_the_stage_is_no_refusal_of_the_line(qemu_binary: str) -> None:
    subject = installed(qemu_binary)

    async def end() -> None:
        async with on_stage(await set_scene(subject, request(LINE), KvmTrial())) as standing:
            await ask_all(standing.session, [Question("quit")])
            await ask_all(standing.session, [Question("query-status")])

    with pytest.raises(ExitedError):
        aio(end(), debug=False)


def test_more_options_stand_behind_the_line(qemu_binary: str) -> None:
    subject = installed(qemu_binary)

    async def wait() -> object:
        more = (("-incoming", "defer"),)
        scene = await set_scene(subject, request(LINE), KvmTrial(), more=more)
        async with on_stage(scene) as standing:
            (status,) = await ask_all(standing.session, [Question("query-status")])
            return status.reply

    status = aio(wait(), debug=False)
    assert isinstance(status, dict)
    assert status["status"] == "inmigrate"
