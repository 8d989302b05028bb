"""Starts with ``help``: what is recorded of them, and that none of them can end an interview or outlive it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities import Capabilities
from prober.qemu.help import HELP_OPTIONS, NO_HELP, HelpLaunch, ask_for_help
from prober.qemu.interview import interview
from prober.qemu.launch import Launch
from prober.qemu.limits import InterviewLimits
from prober.qemu.recording import CRASHED, HELP, Exchange, Recording
from tests.fakes.making import make_fake, small_answers
from tests.unit.qemu.conftest import children

#: Each starts five processes or more.
pytestmark = pytest.mark.slow

Aio = Callable[..., Any]

LIMITS = InterviewLimits(greet_s=2, reply_s=3, total_s=20)


def ask(aio: Aio, directory: Path, helps: str, limits: InterviewLimits = LIMITS) -> Recording:
    """The recording of a good QEMU that behaves like this when it is given ``help``."""
    recording: Recording = aio(
        interview(make_fake(directory, "good", helps=helps), limits=limits, accel="tcg")
    ).recording
    return recording


def answers(recording: Recording) -> list[Exchange]:
    """What was recorded of such starts: at the end, and of each option once, in one order."""
    asked = list(recording.parts[0].every(HELP))
    assert asked == list(recording.parts[0].exchanges[-len(HELP_OPTIONS) :])
    assert [exchange.arguments for exchange in asked] == [{"option": option} for option in HELP_OPTIONS]
    return asked


@pytest.mark.parametrize("processes", [1, 2])
def test_what_it_says_is_recorded_as_it_is(aio: Aio, tmp_path: Path, processes: int) -> None:
    recording = ask(aio, tmp_path, "lists", LIMITS.model_copy(update={"processes": processes}))
    words = ["qemu: module ui-ui-gtk not found, do you want to install qemu-system-gui package?"]
    headings = ["Available display backend types:", "Available audio drivers:", "Available chardev backend types:"]
    assert [exchange.reply for exchange in answers(recording)] == [
        {"status": 0, "stdout": [heading, "none", "  sdl"], "stderr": words} for heading in [*headings, headings[1]]
    ]
    assert Recording.loads(recording.dumps()) == recording
    caps = Capabilities.from_recording(recording)
    assert caps.supports("-display sdl").is_present
    assert caps.supports("-display gtk").error == words[0].removeprefix("qemu: ")


def test_the_rest_is_as_without(aio: Aio, tmp_path: Path) -> None:
    """Pairs of QMP come first, so that whoever knows nothing of these finds all else where it was."""
    plain, listing = ask(aio, tmp_path, ""), ask(aio, tmp_path, "lists")
    end = -len(HELP_OPTIONS)
    assert plain.parts[0].exchanges[:end] == listing.parts[0].exchanges[:end]
    assert {exchange.command for exchange in plain.parts[0].exchanges[end:]} == {HELP}


def test_with_kvm_it_ends_the_first_part(aio: Aio, tmp_path: Path) -> None:
    fake = make_fake(tmp_path, "good", small_answers(kvm=True), helps="lists")
    recording = aio(interview(fake, limits=LIMITS)).recording
    answers(recording)
    assert len(recording.parts) == 2
    assert not recording.parts[1].every(HELP)


@pytest.mark.parametrize(
    ("helps", "status", "said"),
    [("", 1, "qemu: Help is not available for this option"), ("lists_nonsense", 0, "\ufffd" * 65536)],
)
def test_what_is_no_list_is_recorded_too(aio: Aio, tmp_path: Path, helps: str, status: int, said: str) -> None:
    recording = ask(aio, tmp_path, helps)
    for exchange in answers(recording):
        reply: Any = exchange.reply
        assert (reply["status"], reply["stderr"]) == (status, [said])
    assert str(Capabilities.from_recording(recording).supports("-display sdl").verdict) == "unknown"


@pytest.mark.parametrize(
    ("helps", "cls", "desc"),
    [
        ("lists_without_end", NO_HELP, "it said more than 65536 bytes"),
        ("crashes_of_help", CRASHED, "SIGSEGV"),
        ("hangs_at_help", NO_HELP, "it did not end within 2 s"),
        ("leaves_a_child_at_help", "", ""),
    ],
)
def test_what_goes_wrong_is_recorded_and_ends_nothing(
    aio: Aio, tmp_path: Path, helps: str, cls: str, desc: str
) -> None:
    started = time.monotonic()
    recording = ask(aio, tmp_path, helps)
    assert time.monotonic() - started < 8
    for exchange in answers(recording):
        assert (exchange.error.cls, exchange.error.desc) == (cls, desc) if exchange.error else not cls
    assert Recording.loads(recording.dumps()) == recording
    assert str(Capabilities.from_recording(recording).supports("-display sdl").verdict) == "unknown"


def test_cancelled_meanwhile_nothing_is_left(aio: Aio, tmp_path: Path) -> None:
    async def cancel() -> None:
        fake, before = make_fake(tmp_path, "good", helps="hangs_at_help"), children()
        task = asyncio.ensure_future(interview(fake, limits=LIMITS, accel="tcg"))
        while len(children() - before) < len(HELP_OPTIONS):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    aio(cancel())


def test_cancelled_it_is_over_when_all_of_them_are(aio: Aio, tmp_path: Path) -> None:
    """Whoever ends the loop then would leave for ever what is still to be closed."""

    async def cancel() -> None:
        fake, before = make_fake(tmp_path, "good", helps="hangs_at_help"), children()
        open_before = set(os.listdir("/proc/self/fd"))
        task = asyncio.ensure_future(ask_for_help(Launch(str(fake)), LIMITS.greet_s, at_once=True))
        while len(children() - before) < len(HELP_OPTIONS):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children() <= before
        assert set(os.listdir("/proc/self/fd")) == open_before

    for _ in range(5):
        aio(cancel())


def test_it_is_started_like_the_binary_that_is_asked() -> None:
    """Whatever a launch has, that of a list has too."""
    launch = Launch("/qemu", "kvm", Path("/root"), sandbox=False, by_descriptor=False, kvm_will_do=True)
    listing = HelpLaunch.of(launch, "audiodev")
    assert replace(listing, option="display") == HelpLaunch.of(launch, "display")
    assert (listing.binary, listing.root, listing.sandbox) == ("/qemu", Path("/root"), False)
    assert listing.argv()[0] == "/qemu"
    assert listing.argv()[-4:] == ["-display", "none", "-audiodev", "help"]
    assert HelpLaunch.of(launch, "display").argv()[-2:] == ["-display", "help"]
