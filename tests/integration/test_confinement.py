"""A QEMU in a box gets nowhere: every way out, tried with lines that get somewhere with a bare one."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prober.errors import ConfinementError
from prober.qemu.box.find import find_box, open_box
from prober.qemu.box.forms import Form
from prober.qemu.box.judged import read_judged
from prober.qemu.box.landlock import find_abi
from prober.qemu.box.model import Box, BoxLimits, Confinement, Kernel
from prober.qemu.box.opened import hand_over
from prober.qemu.connection import ByteBudget
from prober.qemu.launch import Launch
from prober.qemu.limits import InterviewLimits
from prober.qemu.process import start_process
from prober.qemu.session import start_session
from tests.conftest import CHECKOUT, QemuPlace
from tests.integration.hostile import LINES, Hostile
from tests.integration.hostile_host import Host, open_host
from tests.integration.reaching import Reached, reach
from tests.integration.somebody import as_somebody
from tests.proc import children_of

pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

Aio = Callable[..., Any]

_FORMS: tuple[Form, ...] = ("bubblewrap", "weak")
_WORDS = ("-S", "-nodefaults", "-display", "none", "-chardev", "socket,fd=1,id=qmp", "-mon", "chardev=qmp,mode=control")


@pytest.fixture(name="place", scope="module")
def _place(qemu_binary: str) -> QemuPlace:
    return QemuPlace("installed", qemu_binary)


@pytest.fixture(name="host")
def _host() -> Iterator[Host]:
    with open_host() as host:
        yield host


def held(line: Hostile, reached: Reached) -> bool:
    """Whether nothing got out: to be taken is allowed where a line got nowhere by that."""
    return not reached.marks - ({"accepted"} if line.way != "accepted" else set())


@pytest.mark.parametrize("line", [line for line in LINES if line.bites], ids=lambda line: line.name)
def test_a_bare_qemu_does_it(aio: Aio, place: QemuPlace, host: Host, line: Hostile) -> None:
    """What is looked at below would show it."""
    reached = aio(reach(place, host, line, None), debug=False)
    assert line.way in reached.marks, reached


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_nothing_gets_out(aio: Aio, place: QemuPlace, host: Host, line: Hostile, form: Form) -> None:
    reached = aio(reach(place, host, line, form), debug=False)
    assert held(line, reached), reached
    assert list(host.boxes.iterdir()) == []


def share(whole: bool, number: int) -> tuple[Hostile, ...]:
    """All lines, or a third of them, of three that are all together; each third has lines of every way."""
    lines = LINES if whole else LINES[number::3]
    assert {line.way for line in lines} == {line.way for line in LINES}
    return lines


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("form", _FORMS)
def test_nothing_gets_out_for_an_ordinary_user(place: QemuPlace, form: Form, whole: bool) -> None:
    def try_all() -> dict[str, str]:
        failed = {}
        for line in share(whole, _FORMS.index(form)):
            with open_host() as host:
                reached = asyncio.run(reach(place, host, line, form))
                if not held(line, reached):
                    failed[line.name] = repr(reached)
        return failed

    asyncio.run(find_box(form=form))  # what root was given is not what the other user is given
    assert as_somebody(try_all) == {}


_WEAKER = [
    Kernel(1, "direct"),
    pytest.param(Kernel(6, "none"), marks=pytest.mark.long),
    pytest.param(
        Kernel(0, "direct"),
        marks=[
            pytest.mark.long,
            pytest.mark.xfail(reason="what every user may read and write", strict=True),
        ],
    ),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="the parts of the weak form are what root has")
@pytest.mark.parametrize("kernel", _WEAKER, ids=str)
def test_an_older_kernel_holds_as_well(aio: Aio, place: QemuPlace, kernel: Kernel, whole: bool) -> None:
    assert find_abi() >= kernel.landlock
    made = replace(aio(find_box(form="weak")), kernel=kernel)
    failed = {}
    for line in share(whole, 2):
        with open_host() as host:
            reached = aio(reach(place, host, line, made), debug=False)
            if not held(line, reached):
                failed[line.name] = reached
    assert failed == {}


async def session_in(box: Box, look: Callable[[int], Any], *words: str) -> Any:
    """What ``look`` says of the process that answers, which has these words besides."""
    launch = Launch(box.view.binary, words=(*_WORDS, *words), box=box)
    # 255 CPUs take a while where others use the machine.
    async with start_session(launch, InterviewLimits(greet_s=60), ByteBudget("qemu", 1 << 20)) as session:
        return await asyncio.to_thread(look, session.judged_pid)


@pytest.mark.parametrize("form", _FORMS)
def test_who_answers_is_known_by_the_hosts_files(aio: Aio, place: QemuPlace, form: Form) -> None:
    async def ask() -> None:
        async with open_box(place.binary, form=form) as box:
            judged = await session_in(box, lambda pid: read_judged(pid, box))
        assert judged.exe.path == place.binary
        found = Path(place.binary).stat()
        assert (judged.exe.device, judged.exe.inode) == (found.st_dev, found.st_ino)
        assert judged.unknown == ()
        assert any(file.inside.endswith("libc.so.6") for file in judged.files)

    aio(ask(), debug=False)


@pytest.mark.parametrize("form", [None, *_FORMS])
def test_who_answers_is_found_behind_a_wrapper(aio: Aio, place: QemuPlace, tmp_path: Path, form: Form | None) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory.owner() == "root" and directory != Path("/tmp") and Path("/tmp") in directory.parents:
            directory.chmod(0o755)
    wrapper = tmp_path / "bin/qemu-wrapped"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{place.binary} "$@"\nexit $?\n')  # not exec: it stays before QEMU
    wrapper.chmod(0o755)

    async def ask() -> None:
        limits, budget = InterviewLimits(), ByteBudget("qemu", 1 << 20)
        if form is None:
            async with start_session(Launch(str(wrapper), words=_WORDS), limits, budget) as session:
                judged = await asyncio.to_thread(read_judged, session.judged_pid)
                assert session.judged_pid != session.pid
        else:
            async with open_box(str(wrapper), form=form) as box:
                # Its own sandbox would not let QEMU's wrapper be: that is QEMU's, and a wrapper has none.
                judged = await session_in(box, lambda pid: read_judged(pid, box))
        assert judged.exe.path == place.binary

    aio(ask(), debug=False)


def test_a_file_that_was_replaced_is_unknown(tmp_path: Path) -> None:
    copy = tmp_path / "sleep"
    copy.write_bytes(Path("/bin/sleep").read_bytes())
    copy.chmod(0o755)
    with subprocess.Popen([copy, "60"]) as process:
        try:
            assert read_judged(process.pid).exe.path == str(copy)
            copy.unlink()
            copy.write_bytes(b"another")
            judged = read_judged(process.pid)
        finally:
            process.kill()
    assert judged.exe.path is None
    assert judged.exe in judged.unknown


def test_a_crash_reads_as_without_a_box(aio: Aio) -> None:
    async def end(*words: str) -> int:
        async with (
            open_box("/bin/sh", form="bubblewrap") as box,
            start_process(Launch("/bin/sh", words=words, box=box), 4096) as process,
        ):
            return await asyncio.shield(process.exited)

    assert aio(end("-c", "kill -ABRT $$"), debug=False) == -6
    assert aio(end("-c", "exit 3"), debug=False) == 3


@pytest.mark.parametrize("form", _FORMS)
def test_it_runs_as_nobody_with_nothing(aio: Aio, place: QemuPlace, form: Form) -> None:
    def look(pid: int) -> tuple[str, list[str], str, str]:
        process = Path(f"/proc/{pid}")
        open_files = [os.readlink(one) for one in (process / "fd").iterdir()]
        return (
            (process / "status").read_text(),
            open_files,
            (process / "limits").read_text(),
            os.readlink(process / "cwd"),
        )

    async def ask() -> Any:
        async with open_box(place.binary, form=form, limits=BoxLimits(cpu_s=33)) as box:
            return await session_in(box, look)

    status, open_files, limits, cwd = aio(ask(), debug=False)
    values = dict(re.findall(r"^(\w+):[ \t]*(.*?)[ \t]*$", status, re.MULTILINE))
    if os.geteuid() == 0:
        assert values["Uid"].split() == ["65534"] * 4
        assert values["Groups"] == ""
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(values[capabilities], 16) == 0
    assert (values["NoNewPrivs"], values["Seccomp"], cwd) == ("1", "2", "/")
    strange = [one for one in open_files if one.startswith("/") and one != "/dev/null"]
    assert strange == []
    assert re.search(r"Max cpu time\s+33\s+33", limits)
    assert re.search(r"Max core file size\s+0\s+0", limits)


@pytest.mark.parametrize("form", _FORMS)
def test_stand_ins_are_written_and_memory_of_any_size_is_taken(aio: Aio, place: QemuPlace, form: Form) -> None:
    async def ask() -> int:
        async with open_box(place.binary, form=form) as box:
            (box.ours / "disk").touch()
            os.truncate(box.ours / "disk", 1 << 30)
            await asyncio.to_thread(hand_over, box)
            await session_in(
                box, lambda pid: None,
                *("-drive", f"file={box.theirs}/disk,format=raw,if=none,id=d"),
                *("-chardev", f"file,id=c,path={box.theirs}/log"),
                *("-chardev", f"socket,id=s,path={box.theirs}/sock,server=on,wait=off"),
                *("-object", f"memory-backend-file,id=m,size=1T,share=on,mem-path={box.theirs}/memory"),
                *("-object", "memory-backend-memfd,id=f,size=1T"),
            )  # fmt: skip
            return (box.ours / "memory").stat().st_size

    assert aio(ask(), debug=False) == 1 << 40


@pytest.mark.parametrize("form", _FORMS)
def test_many_cpus_are_not_too_many(aio: Aio, place: QemuPlace, form: Form) -> None:
    async def ask() -> int:
        async with open_box(place.binary, form=form) as box:
            words = ("-machine", "q35", "-smp", "255")
            threads: int = await session_in(box, lambda pid: len(os.listdir(f"/proc/{pid}/task")), *words)
            return threads

    assert aio(ask(), debug=False) > 255


@pytest.mark.parametrize("milliseconds", [1, 5, 10, 15, 20, 30, 50, 80])
def test_cancelled_it_leaves_nothing(place: QemuPlace, host: Host, milliseconds: int) -> None:
    async def run() -> None:
        async with open_box(place.binary, place=host.boxes) as box:
            await session_in(box, lambda pid: time.sleep(1))

    async def cancel() -> None:
        task = asyncio.create_task(run())
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(find_and_forget())
    descriptors, children = set(os.listdir("/proc/self/fd")), children_of(os.getpid())
    asyncio.run(cancel())
    assert list(host.boxes.iterdir()) == []
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert children_of(os.getpid()) == children


async def find_and_forget() -> None:
    """The trial is made once a process: before, so that it is not what is cancelled."""
    await find_box()


def test_killing_us_kills_what_is_in_the_box(place: QemuPlace) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.integration.test_confinement import session_in\n"
        "from prober.qemu.box.find import open_box\n"
        "import time\n"
        "async def run():\n"
        "    async with open_box(sys.argv[1]) as box:\n"
        "        print(box.ours, flush=True)\n"
        "        await session_in(box, lambda pid: (print(pid, flush=True), time.sleep(60)))\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", program, place.binary]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as child:
        assert child.stdout is not None
        made, pid = child.stdout.readline().strip(), int(child.stdout.readline())
        watched = os.pidfd_open(pid)
        child.kill()
    try:
        import select

        assert select.select([watched], [], [], 5)[0], "a QEMU outlived us"
    finally:
        os.close(watched)
        Path(made).rmdir()


def test_without_confinement_it_is_refused(aio: Aio, place: QemuPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.qemu.box.find._PATH", "/nonexistent")

    async def ask() -> Confinement:
        return await find_box(form="bubblewrap")

    monkeypatch.setattr("prober.qemu.box.find._found", {})
    with pytest.raises(ConfinementError, match="not installed"):
        aio(ask())


_PATHS = re.compile(r"(?:openat|open|execve|unlink|mkdir|rename|connect|bind)\((.*)\) += (-?\d+|0x[0-9a-f]+)(.*)$")
_SEEN = (
    "/usr/",
    "/lib",
    "/bin/",
    "/etc/ld.so.",
    "/etc/qemu",
    "/etc/alternatives",
    "/run/qemu",
    "/stand-in",
    "/dev/",
    "/proc/",
    "/tmp",
    "/sys/",
)


@pytest.mark.needs("strace")
@pytest.mark.skipif(os.geteuid() != 0, reason="strace follows into a box for root alone")
def test_strace_sees_nothing_opened_outside(place: QemuPlace, tmp_path: Path) -> None:
    """Every call that names a file or an address, of every line in one box after the other."""
    program = (
        "import asyncio, sys\nfrom tests.conftest import QemuPlace\n"
        "from tests.integration.hostile import LINES\nfrom tests.integration.hostile_host import open_host\n"
        "from tests.integration.reaching import reach\n"
        "for line in LINES[::4]:\n"
        "    with open_host() as host:\n"
        "        asyncio.run(reach(QemuPlace('installed', sys.argv[1]), host, line, 'bubblewrap'))\n"
    )
    log = tmp_path / "trace"
    traced = "open,openat,connect,bind,execve,unlink,unlinkat,mkdir,mkdirat,rename,renameat2,symlink,truncate,mknod"
    command = ["strace", "-f", "-q", "--decode-pids=comm", "-s", "300", "-o", str(log), "-e", f"trace={traced}"]
    subprocess.run([*command, sys.executable, "-c", program, place.binary], check=True, cwd=CHECKOUT)
    lines = [line for line in log.read_text(errors="replace").splitlines() if "<qemu-system-" in line]
    succeeded = [line for line in lines if re.search(r"\) += (?!-1)\S", line)]
    assert len(succeeded) > 100, "it was seen at all"
    outside = [
        line for line in succeeded if any(not path.startswith(_SEEN) for path in re.findall(r'"(/[^"]*)"', line))
    ]
    assert outside == []
    assert [line for line in succeeded if "prober-hostile" in line] == []
    assert [line for line in succeeded if "connect(" in line] == []
