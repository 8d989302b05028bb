"""The interview with fake QEMUs that speak well, die of a question, or are interrupted."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from prober.capabilities import Capabilities
from prober.errors import ExitedError
from prober.qemu.files import read_recording
from prober.qemu.interview import Interview, interview
from prober.qemu.limits import InterviewLimits
from prober.qemu.recording import CRASHED, HELP, Exchange, Recording
from tests.conftest import CHECKOUT
from tests.fakes.making import SMALL_ASKED, SMALL_TYPES, Answers, answers_of, make_fake, small_answers
from tests.unit.qemu.asking import ONE, TWO, ask
from tests.unit.qemu.conftest import children

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unconfined")]

Aio = Callable[..., Any]


def asked_types(recording: Recording) -> list[str]:
    """The types that were asked for properties, in the order of the recording."""
    return [
        str((exchange.arguments or {})["typename"])
        for exchange in recording.parts[0].exchanges
        if exchange.command in ("qom-list-properties", "device-list-properties")
    ]


@pytest.fixture(name="small")
def _small(aio: Aio, tmp_path: Path) -> Recording:
    """What the small QEMU says when nothing goes wrong."""
    return ask(aio, make_fake(tmp_path, "good")).recording


@pytest.mark.parametrize("limits", [ONE, TWO])
def test_order_is_that_of_the_questions(aio: Aio, tmp_path: Path, limits: InterviewLimits) -> None:
    result = ask(aio, make_fake(tmp_path, "good"), limits)
    exchanges = result.recording.parts[0].exchanges
    assert [exchange.command for exchange in exchanges[:4]] == [
        "qmp_capabilities", "query-version", "query-commands", "query-target",
    ]  # fmt: skip
    assert asked_types(result.recording) == SMALL_ASKED
    assert len(result.recording.parts) == 1
    assert result.crashes == {}
    assert result.processes == limits.processes
    assert result.timings.keys() == {"launch", "greet", "help", "basics", "types", "cpu_models", "reap"}


def test_in_flight_is_bounded_and_does_not_change_the_answers(aio: Aio, tmp_path: Path, small: Recording) -> None:
    for in_flight in (1, 2, 64):
        limits = TWO.model_copy(update={"in_flight": in_flight})
        assert ask(aio, make_fake(tmp_path, "good"), limits).recording == small


def test_with_uvloop(tmp_path: Path, small: Recording) -> None:
    fake = make_fake(tmp_path, "dies_at", at="e1000", how=-signal.SIGSEGV, marks=str(tmp_path / "m"), times=1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(interview(fake, limits=TWO, accel="tcg")).recording == small


def test_commands_that_it_does_not_have_are_not_asked(aio: Aio, tmp_path: Path) -> None:
    answers = small_answers()
    answers["query-commands"]["return"] = [
        {"name": name} for name in ("query-version", "query-commands", "qom-list-types")
    ]
    recording = ask(aio, make_fake(tmp_path, "good", answers)).recording
    assert {exchange.command for exchange in recording.parts[0].exchanges} == {
        "qmp_capabilities", "query-version", "query-commands", "qom-list-types", HELP,
    }  # fmt: skip


def test_old_binary_is_asked_for_its_devices(aio: Aio, tmp_path: Path) -> None:
    """Before 2.12 there is ``device-list-properties`` alone, which knows devices only."""
    answers: Answers = {
        key.replace("qom-list-properties", "device-list-properties"): body for key, body in small_answers().items()
    }
    for item in answers["query-commands"]["return"]:
        item["name"] = item["name"].replace("qom-list-properties", "device-list-properties")
    devices = [{"name": name} for name in ("PIIX4_PM", "e1000", "virtio-net-pci")]
    answers['qom-list-types {"abstract":false,"implements":"device"}'] = {"return": devices}
    result = ask(aio, make_fake(tmp_path, "good", answers))
    assert asked_types(result.recording) == ["PIIX4_PM", "ICH9-LPC", "e1000", "virtio-net-pci"]
    assert set(Capabilities.from_recording(result.recording).types or ()) == set(SMALL_TYPES)


def test_kvm_comes_first_and_tcg_after_it(aio: Aio, tmp_path: Path) -> None:
    for limits in (ONE, TWO):
        result = ask(aio, make_fake(tmp_path, "good", small_answers(kvm=True)), limits)
        first, second = result.recording.parts
        models = [
            exchange.arguments["model"] for exchange in first.every("query-cpu-model-expansion") if exchange.arguments
        ]
        assert [model["name"] for model in models if isinstance(model, dict)] == ["host", "host", "host"]
        assert [exchange.command for exchange in second.exchanges] == [
            "qmp_capabilities", "query-cpu-definitions", "query-cpu-model-expansion", "query-cpu-model-expansion",
            "query-machines",
        ]  # fmt: skip
        assert asked_types(result.recording) == SMALL_ASKED


def test_binary_without_tcg(aio: Aio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process gets KVM as well, and there is no TCG part."""
    # Its name in the package is that of the function.
    monkeypatch.setattr(sys.modules["prober.qemu.interview"], "find_kvm", lambda root: True)
    for number, limits in enumerate((ONE, TWO)):
        marks = str(tmp_path / f"marks{number}")
        words = "invalid accelerator tcg"
        fake = make_fake(
            tmp_path, "without_option", small_answers(kvm=True), option="accel=tcg", words=words, marks=marks
        )
        result: Interview = aio(interview(fake, limits=limits))
        assert len(result.recording.parts) == 1
        assert asked_types(result.recording) == SMALL_ASKED
    with pytest.raises(ExitedError, match="invalid accelerator") as caught:
        aio(interview(fake, limits=TWO, accel="tcg"))
    assert "built without TCG" in caught.value.hint


def test_types_in_modules_are_found(aio: Aio, tmp_path: Path, small: Recording) -> None:
    """Whichever process is asked, and also when one with its modules was lost."""
    fake = make_fake(tmp_path, "needs_modules", types=["e1000", "zeta", "rng-random", "query-command-line-options"])
    for _ in range(3):
        assert ask(aio, fake).recording == small


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("obsolete=deny", "-sandbox on: there is no option group 'sandbox'"),
        ("obsolete=deny", "-sandbox: seccomp support is disabled in this build"),
        ("fd=1", "-chardev socket,fd=1,id=qmp: Invalid parameter 'fd'"),
    ],
)
def test_options_that_it_does_not_know_are_left_out(
    aio: Aio, tmp_path: Path, small: Recording, option: str, words: str
) -> None:
    marks = tmp_path / "marks"
    fake = make_fake(tmp_path, "without_option", option=option, words=words, marks=str(marks))
    result = ask(aio, fake, ONE)
    assert result.recording == small
    assert len(marks.read_text().splitlines()) == result.processes == 2
    assert result.timings["relaunch"] > 0


def test_other_complaints_are_final(aio: Aio, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    fake = make_fake(tmp_path, "without_option", option="-machine", words="no such machine", marks=str(marks))
    with pytest.raises(ExitedError, match="no such machine"):
        ask(aio, fake, ONE)
    assert len(marks.read_text().splitlines()) == 1


# Deaths.


@pytest.mark.parametrize("limits", [ONE, TWO])
@pytest.mark.parametrize("at", ["PIIX4_PM", "e1000", "zeta", "max-x86_64-cpu"])
def test_type_that_kills_is_marked(
    aio: Aio, tmp_path: Path, small: Recording, at: str, limits: InterviewLimits
) -> None:
    marks = tmp_path / "marks"
    fake = make_fake(tmp_path, "dies_at", at=at, how=-signal.SIGABRT, marks=str(marks), words="x\nassertion failed\n")
    result = ask(aio, fake, limits)
    assert result.crashes == {at: "SIGABRT: assertion failed"}
    assert len(marks.read_text().splitlines()) == 2, "asked once, and once more alone"
    assert asked_types(result.recording) == SMALL_ASKED
    for exchange, calm in zip(result.recording.parts[0].exchanges, small.parts[0].exchanges, strict=True):
        if (exchange.arguments or {}).get("typename") == at:
            assert exchange.error is not None
            assert (exchange.error.cls, exchange.error.desc) == (CRASHED, "SIGABRT: assertion failed")
        else:
            assert exchange == calm
    assert Capabilities.from_recording(result.recording).crashing_types == result.crashes


def test_type_that_kills_once_is_not_marked(aio: Aio, tmp_path: Path, small: Recording) -> None:
    fake = make_fake(tmp_path, "dies_at", at="zeta", how=-signal.SIGSEGV, marks=str(tmp_path / "m"), times=1)
    result = ask(aio, fake)
    assert result.crashes == {}
    assert result.recording == small
    assert result.processes == 3


def test_exit_status_counts_as_a_crash(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "dies_at", at="zeta", how=3, marks=str(tmp_path / "marks"))
    assert ask(aio, fake).crashes == {"zeta": "exit status 3"}


def test_last_words_on_the_connection(aio: Aio, tmp_path: Path) -> None:
    """GLib says ``Bail out!`` on standard output, which is the connection, before it aborts."""
    fake = make_fake(
        tmp_path, "dies_at", at="zeta", how=-signal.SIGABRT, marks=str(tmp_path / "m"), says=b"Bail out! ERROR:x.c:1\n"
    )
    assert ask(aio, fake).crashes == {"zeta": "SIGABRT"}


def test_basic_question_that_kills_is_marked_too(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "dies_at", at="query-tpm-models", how=-signal.SIGSEGV, marks=str(tmp_path / "marks"))
    answers = small_answers()
    answers["query-commands"]["return"].append({"name": "query-tpm-models"})
    fake = make_fake(
        tmp_path, "dies_at", answers, at="query-tpm-models", how=-signal.SIGSEGV, marks=str(tmp_path / "m")
    )
    result = ask(aio, fake)
    assert result.crashes == {"query-tpm-models": "SIGSEGV"}
    assert Capabilities.from_recording(result.recording).tpm_models is None


@pytest.mark.parametrize("after", range(4))
def test_damage_that_surfaces_late_marks_nobody(aio: Aio, tmp_path: Path, small: Recording, after: int) -> None:
    """One type does the damage and answers; a later one dies of it, and answers well in a fresh process."""
    fake = make_fake(tmp_path, "dies_late", at="e1000", after=after, how=-signal.SIGSEGV, marks=str(tmp_path / "marks"))
    result = ask(aio, fake)
    assert result.crashes == {}
    assert result.recording == small


def test_all_types_kill(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "dies_at", at="qom-list-properties", how=-signal.SIGSEGV, marks=str(tmp_path / "marks"))
    result = ask(aio, fake)
    assert result.crashes == dict.fromkeys(sorted(SMALL_ASKED), "SIGSEGV")


# Interruptions.


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 5, 8, 12, 20, 30, 40, 50, 60, 70, 80, 100, 120, 150])
@pytest.mark.parametrize("uv", [False, True], ids=["asyncio", "uvloop"])
def test_cancelled_at_any_time(tmp_path: Path, milliseconds: int, uv: bool) -> None:
    """Nothing is left (see ``leaves_nothing``), and the cancellation is passed on."""
    fake = make_fake(tmp_path, "answers_slowly", seconds=0.03)

    async def cancel() -> None:
        task = asyncio.create_task(interview(fake, limits=TWO, accel="tcg"))
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uv else None) as runner:
        runner.run(cancel())


def test_cancelled_again_and_again(aio: Aio, tmp_path: Path) -> None:
    """Also while it is being ended: the cleaning up is done once, to its end."""
    fake = make_fake(tmp_path, "answers_slowly", seconds=0.05)

    async def cancel() -> None:
        task = asyncio.create_task(interview(fake, limits=TWO, accel="tcg"))
        await asyncio.sleep(0.15)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    aio(cancel())


class CancelAt:
    """Awaits a coroutine, and cancels the task when that waits for the n-th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int) -> None:
        self._coroutine = coroutine
        self._at = at
        self.steps = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._coroutine.__await__()
        go_on: Callable[[Any], Any] = inner.send
        value: Any = None
        while True:
            try:
                waits_for = go_on(value)
            except StopIteration as stop:
                return stop.value
            self.steps += 1
            if self.steps == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                go_on, value = inner.send, (yield waits_for)
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
                go_on, value = inner.throw, error


@pytest.mark.slow
def test_cancelled_at_every_await(tmp_path: Path) -> None:
    """With one process all is done in one task; wherever that waits, it is cancelled once.

    That is while starting, greeting, asking, asking alone after a crash, and twice while ending a process.
    """
    fake = make_fake(tmp_path, "dies_at", at="zeta", how=-signal.SIGSEGV, marks=str(tmp_path / "marks"))

    async def cancelled(at: int) -> bool:
        stepper = CancelAt(interview(fake, limits=ONE, accel="tcg"), at)
        try:
            await stepper
        except asyncio.CancelledError:
            assert children() == before
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return True
        assert stepper.steps < at, "a cancellation was swallowed"
        return False

    before = children()
    at = 1
    while asyncio.run(cancelled(at)):
        at += 1
    assert at > 20


def test_progress_is_told(aio: Aio, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    aio(interview(make_fake(tmp_path, "good"), limits=TWO, accel="tcg", progress=lambda *one: told.append(one)))
    for stage, count in (("basics", 12), ("types", 7), ("cpu_models", 2)):
        mine = [(done, total) for name, done, total in told if name == stage]
        assert [done for done, _ in mine] == list(range(1, count + 1))
        assert mine[-1] == (count, count)


def test_error_in_progress_is_passed_on(aio: Aio, tmp_path: Path) -> None:
    def broken(stage: str, done: int, total: int) -> None:
        raise ZeroDivisionError(stage)

    with pytest.raises(ZeroDivisionError):
        aio(interview(make_fake(tmp_path, "good"), limits=TWO, accel="tcg", progress=broken))


def _of_a_crash(exchange: Exchange) -> bool:
    """Whether it ended the binary, or was asked because another question had."""
    crashed = exchange.error is not None and exchange.error.crashed
    return crashed or (exchange.arguments or {}).get("option") == "machine"


@pytest.mark.parametrize("version", ["5.2.0", "11.1.2"])
def test_replayed_binary_gives_its_recording(aio: Aio, tmp_path: Path, version: str) -> None:
    """A fake that answers as a real QEMU was recorded is recorded the same."""
    recording = aio(read_recording(CHECKOUT / f"fixtures/replies/qemu-{version}.replies.xz"))
    calm = Recording(
        tuple(type(part)(tuple(one for one in part.exchanges if not _of_a_crash(one))) for part in recording.parts)
    )
    again = ask(aio, make_fake(tmp_path, "good", answers_of(calm), helps="replays_help")).recording
    crashed = {
        str(exchange.arguments) for exchange in recording.parts[0].exchanges if exchange not in calm.parts[0].exchanges
    }
    kept = tuple(one for one in again.parts[0].exchanges if str(one.arguments) not in crashed)
    assert kept == calm.parts[0].exchanges
