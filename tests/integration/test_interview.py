"""Interviews of real QEMU binaries."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from prober.capabilities import Capabilities
from prober.qemu.connection import ByteBudget
from prober.qemu.families import cpu_family
from prober.qemu.files import read_recording, write_recording
from prober.qemu.interview import Interview, interview
from prober.qemu.launch import Launch, find_kvm
from prober.qemu.limits import InterviewLimits
from prober.qemu.questions import LOAD_MODULES, Question
from prober.qemu.recording import Exchange, Recording
from prober.qemu.session import start_session
from tests.conftest import CHECKOUT, QemuPlace
from tests.proc import children_of, runs

Aio = Callable[..., Any]

TCG_ONE = InterviewLimits(processes=1)
TCG_TWO = InterviewLimits(processes=2)


def ask(place: QemuPlace, limits: InterviewLimits = TCG_TWO, accel: Any = "tcg") -> Interview:
    # Not in debug mode: that changes the order of events, and this is about real time.
    return asyncio.run(interview(place.binary, root=place.root, limits=limits, accel=accel))


@pytest.fixture(name="asked", scope="module")
def _asked(any_qemu: QemuPlace) -> Interview:
    return ask(any_qemu)


def test_dumped_and_loaded_it_gives_the_same_capabilities(aio: Aio, asked: Interview, tmp_path: Path) -> None:
    live = Capabilities.from_recording(asked.recording)
    for name in ("x.replies", "x.replies.xz"):
        aio(write_recording(tmp_path / name, asked.recording))
        read: Recording = aio(read_recording(tmp_path / name))
        assert read == asked.recording
        assert Capabilities.from_recording(read) == live


def test_what_it_ran_is_known(any_qemu: QemuPlace, asked: Interview) -> None:
    """The program, its libraries and modules, each as it is on this host; also inside of another system's tree."""
    assert asked.ran.untraced == ()
    paths = [file.path for file in asked.ran.files]
    base = "" if any_qemu.root is None else str(any_qemu.root)
    assert os.path.realpath(base + any_qemu.binary) in paths
    assert any(re.search(r"/libglib-2\.0\.so\.0\.\d", path) for path in paths)
    assert any(link.endswith("/libglib-2.0.so.0") for link in asked.ran.links)
    module = f"{base}/usr/lib/x86_64-linux-gnu/qemu/hw-display-virtio-gpu.so"
    assert (os.path.realpath(module) in paths) == Path(module).exists()
    for file in asked.ran.files:
        assert file.path.startswith(base)
        found = Path(file.path).stat()
        assert (file.device, file.inode) == (found.st_dev, found.st_ino)


@pytest.mark.parametrize("behind", ["exec", ""], ids=["it becomes QEMU", "QEMU is its child"])
def test_wrapper_is_seen_through(tmp_path: Path, behind: str) -> None:
    """A script that changes directory and has QEMU's name in a variable: by its text nothing is known."""
    program = tmp_path / "qemu"
    program.write_text(f'#!/bin/sh\ncd /usr/bin\nname=system-x86_64\n{behind} ./qemu-$name "$@"\n')
    program.chmod(0o755)
    ran = asyncio.run(interview(program, limits=TCG_ONE, accel="tcg")).ran
    assert ran.untraced == ()
    assert os.path.realpath("/usr/bin/qemu-system-x86_64") in [file.path for file in ran.files]


def test_each_interview_gives_the_same_recording(any_qemu: QemuPlace, asked: Interview) -> None:
    """However many processes share it, how much is in flight, and whichever loop runs it."""
    assert ask(any_qemu).recording == asked.recording
    assert ask(any_qemu, TCG_ONE).recording == asked.recording
    assert ask(any_qemu, InterviewLimits(processes=2, in_flight=1)).recording == asked.recording
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        again = runner.run(interview(any_qemu.binary, root=any_qemu.root, limits=TCG_TWO, accel="tcg"))
    assert again.recording == asked.recording


def test_every_type_has_an_answer(asked: Interview) -> None:
    capabilities = Capabilities.from_recording(asked.recording)
    types = capabilities.types or {}
    without = {name for name in types if capabilities.properties_of(name) is None}
    refused = {name for name in without if name not in asked.crashes}
    for name in refused:
        error = capabilities.properties[name].error
        assert error is not None
        assert "not found" in error.desc, "a module that is not installed is all that is refused"
    assert asked.crashes == capabilities.crashing_types
    assert {"PIIX4_PM", "ICH9-LPC"} <= types.keys()
    first = [exchange for exchange in asked.recording.parts[0].exchanges if exchange.command == "qom-list-properties"]
    assert [(exchange.arguments or {})["typename"] for exchange in first[:2]] == ["PIIX4_PM", "ICH9-LPC"]


def test_bundled_recording_is_of_this_binary(aio: Aio, asked: Interview) -> None:
    """Where the bundled recording is of the same package, it says the same; Debian brings out newer ones."""
    capabilities = Capabilities.from_recording(asked.recording)
    bundled = CHECKOUT / "fixtures" / "replies" / f"qemu-{capabilities.version}.replies.xz"
    if not bundled.exists():
        return
    recorded = Capabilities.from_recording(aio(read_recording(bundled)))
    if recorded.version != capabilities.version:
        return
    # A class is there or not by what modules are installed; what both have must agree.
    for name in (recorded.types or {}).keys() & (capabilities.types or {}).keys():
        ours, theirs = capabilities.properties_of(name), recorded.properties_of(name)
        assert ours is None or theirs is None or ours == theirs, name


def test_models_of_one_cpu_family_have_one_list_of_properties(aio: Aio, any_qemu: QemuPlace, asked: Interview) -> None:
    """What :mod:`prober.qemu.families` claims, by asking each model."""
    types = Capabilities.from_recording(asked.recording).types or {}
    family = {name: found for name, parent in types.items() if (found := cpu_family(name, parent))}
    assert len(family) > 100
    answers: dict[str, Exchange] = {}

    async def ask_all() -> None:
        waiting = [Question("qom-list-properties", {"typename": name}) for name in family]
        waiting.append(LOAD_MODULES)
        over = asyncio.get_running_loop().create_future()

        def answered(question: Question, exchange: Exchange) -> None:
            if question.typename:
                answers[question.typename] = exchange
            if len(answers) == len(family):
                over.set_result(None)

        launch = Launch(any_qemu.binary, root=any_qemu.root)
        async with start_session(launch, InterviewLimits(), ByteBudget("qemu", 1 << 28)) as session:
            await session.converse(lambda: waiting.pop() if waiting else None, answered, over)

    aio(ask_all(), debug=False)
    for one in set(family.values()):
        replies = [answers[name] for name in family if family[name] == one]
        assert replies[0].error is None
        assert all(reply.reply == replies[0].reply for reply in replies)


def test_kvm_part_precedes_the_tcg_part(any_qemu: QemuPlace, asked: Interview) -> None:
    """Where ``/dev/kvm`` can be opened; elsewhere an interview with `auto` is one with TCG."""
    result = ask(any_qemu, accel="auto")
    if not find_kvm(any_qemu.root):
        assert result.recording == asked.recording
        return
    capabilities = Capabilities.from_recording(result.recording)
    assert capabilities.kvm is not None
    assert capabilities.kvm.enabled
    assert list(capabilities.accelerators) == ["kvm", "tcg"]
    assert [one.model for one in capabilities.accelerators["kvm"].cpu_expansions][:2] == ["host", "host"]
    assert [one.model for one in capabilities.accelerators["tcg"].cpu_expansions] == ["max", "max"]
    assert ask(any_qemu, accel="auto", limits=TCG_ONE).recording == result.recording
    # What the types are does not depend on the accelerator.
    calm = Capabilities.from_recording(asked.recording)
    assert capabilities.types == calm.types
    for name in calm.types or {}:
        assert capabilities.properties_of(name) == calm.properties_of(name), name


def test_sandbox_is_on(aio: Aio, any_qemu: QemuPlace) -> None:
    """The process that answers is under seccomp, in a session of its own, without new privileges, dumping no core."""

    async def look() -> str:
        async with start_session(
            Launch(any_qemu.binary, root=any_qemu.root), InterviewLimits(), ByteBudget("q", 1 << 20)
        ) as session:
            assert os.getsid(session.pid) == session.pid
            assert os.readlink(f"/proc/{session.pid}/cwd") == str((any_qemu.root or Path("/")).resolve())
            limits = await asyncio.to_thread(Path(f"/proc/{session.pid}/limits").read_text)
            assert re.search(r"Max core file size\s+0\s+0", limits)
            return await asyncio.to_thread(Path(f"/proc/{session.pid}/status").read_text)

    status = aio(look())
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)


def test_killing_us_kills_qemu(qemu_binary: str) -> None:
    """SIGKILL leaves no time for anything; the kernel ends the QEMUs all the same."""
    program = (
        "import asyncio, sys\n"
        "from prober.qemu.interview import interview\n"
        "asyncio.run(interview(sys.argv[1], accel='tcg', progress=lambda *one: print(*one, flush=True)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, qemu_binary], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("types"):
                break
        born = children_of(child.pid)
        assert born
        os.kill(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(map(runs, born)):
        assert time.monotonic() < deadline, "a QEMU outlived us"
        time.sleep(0.01)


@pytest.mark.parametrize("milliseconds", [5, 20, 30, 50, 80, 120, 160])
def test_cancelled_it_leaves_nothing(qemu_binary: str, milliseconds: int) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(interview(qemu_binary))
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    # Tests that ran in this process before may have some that stay.
    before, children = set(os.listdir("/proc/self/fd")), set(children_of(os.getpid()))
    asyncio.run(cancel())
    assert set(children_of(os.getpid())) <= children
    assert set(os.listdir("/proc/self/fd")) == before
