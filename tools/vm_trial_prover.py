"""What is tried of the prover's unit, inside of the virtual machine of ``tools/vm_test.py``."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from statistics import median

from tools.vm_inside import (
    BINARY,
    GAMES,
    NOBODY,
    NOGROUP,
    PROVER,
    SERVICE,
    SOCKET,
    ask,
    ask_as,
    configure,
    get,
    prove,
    qemus,
    run,
    show,
    step,
    wait_until,
)


@step
def ready() -> str:
    """The first question starts the service, which asks the binary."""
    configure(120)
    entry = get(BINARY)
    assert entry["state"] == "ready", entry
    assert show(PROVER, "ActiveState") == "inactive"
    return f"interview {entry['seconds']:.1f} s, {' '.join(entry['accelerators'])}"


@step
def first_proof() -> str:
    """The first line starts the prover."""
    proof = prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:00:01")
    assert proof["verdict"] == "proven", proof
    assert proof["confinement"] == "bubblewrap", proof
    pid = show(PROVER, "MainPID")
    assert Path(f"/proc/{pid}").owner() == "prober-prover"
    return f"{proof['verdict']} in {proof['seconds']:.1f} s"


@step
def remembered() -> str:
    """The same again."""
    proof = prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:00:01")
    assert proof["remembered"], proof
    return f"{proof['seconds']:.2f} s"


@step
def confinement() -> str:
    """The box is the best that there is."""
    lines = run("journalctl", "-u", PROVER, "-o", "cat", "--no-pager").splitlines()
    assert any("made by bubblewrap" in line for line in lines), lines
    assert any("by a control group of its own" in line for line in lines), lines
    assert not any("no /proc" in line or "further user namespaces" in line for line in lines), lines
    return " | ".join(line for line in lines if line.startswith(("QEMU ", "It ")))


@step
def many() -> str:
    """Lines one after the other."""
    took = []
    for number in range(8):
        began = time.monotonic()
        proof = prove("-nodefaults", "-device", f"e1000,mac=52:54:00:00:01:{number:02x}")
        assert proof["verdict"] == "proven" and not proof["remembered"], proof
        took.append(time.monotonic() - began)
    return f"p50 {median(took):.2f} s, most {max(took):.2f} s"


@step
def refusal() -> str:
    """What QEMU refuses."""
    proof = prove(
        "-nodefaults", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n,rx_queue_size=300", anyway="1"
    )
    assert proof["verdict"] == "refused", proof
    return str(proof["said"])


@step
def listens() -> str:
    """A display that listens in the network of its box."""
    proof = prove("-nodefaults", "-vnc", "127.0.0.1:1")
    assert proof["verdict"].startswith("proven"), proof
    return str(proof["verdict"])


@step
def processors() -> str:
    """As many threads as a large guest has."""
    proof = prove("-nodefaults", "-smp", "64", "-machine", "q35")
    assert proof["verdict"].startswith("proven"), proof
    return f"{proof['verdict']} in {proof['seconds']:.1f} s"


@step
def who_may() -> str:
    """Root, and the members of a group."""
    Path(SOCKET).chmod(0o666)
    found = [
        ask_as(NOBODY, NOGROUP, []),
        ask_as(NOBODY, NOGROUP, [GAMES]),
        ask_as(NOBODY, GAMES, []),
    ]
    assert found == [403, 200, 200], found
    return str(found)


@step
def too_few_tasks() -> str:
    """Where no thread can be made, that is not the line's fault."""
    configure(120, TasksMax="24")
    said = []
    for count in (40, 41, 42):
        status, value = ask(["-nodefaults", "-smp", str(count), "-machine", "q35"])
        said.append(value.get("verdict") or f"{status} {value['type']}")
        assert status in (200, 503) and value.get("verdict") != "refused", value
        assert not str(value.get("verdict")).startswith("proven"), value
    return f"{said}: {value.get('said') or value.get('reason') or value.get('detail')}"


@step
def too_little_memory() -> str:
    """Where memory is short a QEMU is ended, the prover goes on, and that is not the line's fault."""
    configure(120)
    prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:02:01")
    pid, used = show(PROVER, "MainPID"), int(show(PROVER, "MemoryCurrent"))
    run("systemctl", "set-property", "--runtime", PROVER, f"MemoryMax={used + (12 << 20)}")
    status, value = ask(["-nodefaults", "-smp", "32", "-machine", "q35", "-device", "qxl-vga"])
    assert value.get("verdict") == "not provable" or status == 503, value
    assert show(PROVER, "MainPID") == pid, "the prover itself was ended"
    killed = show(PROVER, "ActiveState")
    run("systemctl", "set-property", "--runtime", PROVER, "MemoryMax=2G")
    after = prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:02:02")
    assert after["verdict"] == "proven", after
    return f"{used >> 20} MiB: {value.get('reason') or value.get('detail')}; then {killed}, {after['verdict']}"


@step
def memory_of_a_line() -> str:
    """Each line has a control group of its own, and one that takes too much ends alone."""
    configure(120)
    proof = prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:02:03")
    assert proof["verdict"] == "proven", proof
    assert not [one for one in proof["unconfined"] if "memory" in one], proof["unconfined"]
    group = Path("/sys/fs/cgroup/system.slice", PROVER)
    assert show(PROVER, "MainPID") in (group / "prober/cgroup.procs").read_text().split()
    # As the prover does it, and in its place: a program that takes more than its 1 GiB, which no QEMU does by its line.
    words = ("-c", "import time\ntaken = bytearray(1100 << 20)\ntime.sleep(60)")
    place = f'GroupPlace(Path("{group}"), "", ("memory", "pids"))'
    took = run("/usr/lib/prober/bin/python3", "-c", _TAKES_TOO_MUCH.format(place=place, words=words))
    assert took == "-9 True", took
    wait_until(lambda: not list(group.glob("prober-box-*")), 5, "the end of all groups of boxes")
    return f"{proof['unconfined']}; a program of 1100 MiB ends with {took}"


#: Started by root beside the prover, which is not in this group itself.
_TAKES_TOO_MUCH = """
import asyncio
from dataclasses import replace
from pathlib import Path
from prober.qemu.box.find import find_box
from prober.qemu.box.group import GroupPlace
from prober.qemu.box.opened import box_of
from prober.qemu.launch import Launch
from prober.qemu.process import start_process

async def main():
    made = replace(await find_box(form="weak"), groups={place})
    async with (
        box_of(made, "/usr/bin/python3") as box,
        start_process(Launch("/usr/bin/python3", words={words!r}, box=box), 4096) as process,
    ):
        print(await asyncio.shield(process.exited), box.group.has_run_out())

asyncio.run(main())
"""


@step
def idle() -> str:
    """It ends when nobody asks, and starts again when somebody does."""
    configure(2)
    prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:03:01")
    wait_until(lambda: show(PROVER, "ActiveState") == "inactive", 60, "the end of a prover that nobody asks")
    assert show(PROVER, "Result") == "success"
    began = time.monotonic()
    proof = prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:03:02")
    assert proof["verdict"] == "proven", proof
    return f"again in {time.monotonic() - began:.1f} s"


@step
def nothing_left() -> str:
    """No QEMU and no box is left, and no stand-in."""
    left = qemus()
    assert left == [], left
    tmp = [str(path) for path in Path("/tmp").glob("systemd-private-*prober-prover*/tmp/*")]
    assert tmp == [], tmp
    return "nothing"


@step
def scores() -> str:
    """How exposed the units are, as the systemd that runs them says."""
    found = []
    for unit in (SERVICE, PROVER, "prober-agent.service"):
        said = subprocess.run(["systemd-analyze", "security", unit], capture_output=True, text=True, check=False).stdout
        found.append(said.strip().splitlines()[-1].partition("level for ")[2])
    return ", ".join(found)
