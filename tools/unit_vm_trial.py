"""What is tried of the units, inside of the virtual machine of ``tools/unit_vm.py``: its last process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from prober.service.client import Client

SERVICE, PROVER = "prober.service", "prober-prover.service"
SOCKET = "/run/prober/prober.sock"
PROVE = "/v1/binaries/qemu-system-x86_64/prove"
SETTINGS = Path("/etc/prober/prober.toml")

#: Under emulation all takes twenty times as long.
_TOLD = """admin_group = "games"
prover_idle_s = {idle}
[catalog]
directories = []
paths = ["/usr/bin/qemu-system-x86_64"]
[catalog.limits]
greet_s = 120
reply_s = 120
total_s = 600
"""
_NOBODY, _NOGROUP, _GAMES = 65534, 65534, 60

STEPS: list[Callable[[], str]] = []


def step(work: Callable[[], str]) -> Callable[[], str]:
    """One step of the trial: it says what it found, or raises."""
    STEPS.append(work)
    return work


def run(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def show(unit: str, name: str) -> str:
    """A property of a unit."""
    return run("systemctl", "show", "--value", "-p", name, unit)


def prove(*options: str, **query: str) -> dict[str, Any]:
    """The proof of a line; an error of the service is raised."""
    status, value = ask([*options], **query)
    assert status == 200, value
    found: dict[str, Any] = value
    return found


def ask(options: list[str], **query: str) -> tuple[int, Any]:
    """Status and value of what the service says of a line."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    body = json.dumps(["qemu-system-x86_64", *options]).encode()
    with Client(SOCKET, timeout=600) as client:
        reply = client.post(f"{PROVE}?{text}" if text else PROVE, body, "application/json")
    return reply.status, reply.value


def ask_as(uid: int, gid: int, groups: list[int]) -> int:
    """The status for a user who is in these groups."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        status, _ = ask(["-nodefaults"])
        os.write(writing, str(status).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 16)
    os.close(reading)
    return int(said)


def configure(idle: float, **more: str) -> None:
    """Write the settings, and what stands over the prover's unit (``MemoryMax`` …), and start both anew."""
    SETTINGS.write_text(_TOLD.format(idle=idle))
    over = Path(f"/run/systemd/system/{PROVER}.d/trial.conf")
    over.parent.mkdir(parents=True, exist_ok=True)
    over.write_text("[Service]\n" + "".join(f"{name}={value}\n" for name, value in more.items()))
    run("systemctl", "daemon-reload")
    run("systemctl", "stop", PROVER)
    run("systemctl", "restart", SERVICE)


def qemus() -> list[str]:
    """The processes of QEMU that are there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            found.append(path.read_text().strip())
    return [name for name in found if name.startswith(("qemu-system", "bwrap"))]


@step
def ready() -> str:
    """The first question starts the service, which asks the binary."""
    configure(120)
    with Client(SOCKET, timeout=600) as client:
        entry = client.get("/v1/binaries/qemu-system-x86_64").value
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
    said = run("journalctl", "-u", PROVER, "-o", "cat", "--no-pager")
    lines = [line for line in said.splitlines() if "prober.service.prover.process" in line]
    assert any("made by bubblewrap" in line for line in lines), said
    assert not any("no /proc" in line or "further user namespaces" in line for line in lines), lines
    return " | ".join(line.partition(": ")[2] for line in lines)


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
    os.chmod(SOCKET, 0o666)  # noqa: PTH101
    found = [
        ask_as(_NOBODY, _NOGROUP, []),
        ask_as(_NOBODY, _NOGROUP, [_GAMES]),
        ask_as(_NOBODY, _GAMES, []),
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
def idle() -> str:
    """It ends when nobody asks, and starts again when somebody does."""
    configure(2)
    prove("-nodefaults", "-device", "e1000,mac=52:54:00:00:03:01")
    deadline = time.monotonic() + 60
    while show(PROVER, "ActiveState") != "inactive":
        assert time.monotonic() < deadline
        time.sleep(0.5)
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
    for unit in (SERVICE, PROVER):
        said = subprocess.run(["systemd-analyze", "security", unit], capture_output=True, text=True, check=False).stdout
        found.append(said.strip().splitlines()[-1].partition("level for ")[2])
    return ", ".join(found)


def main() -> None:
    """Take all steps, and say on the console how each went."""
    console = Path("/dev/ttyS0").open("w", encoding="utf-8")  # noqa: SIM115 - until the machine is off
    for work in STEPS:
        began, ok = time.monotonic(), True
        try:
            said = work()
        except Exception as error:  # noqa: BLE001 - told, and the next step is taken
            ok, said = False, f"{type(error).__name__}: {error}"
        told = {"name": work.__name__, "ok": ok, "seconds": time.monotonic() - began, "said": said[:3000]}
        print(f"\n@@ {json.dumps(told)}", file=console, flush=True)
    log = run("journalctl", "-u", SERVICE, "-u", PROVER, "-o", "cat", "--no-pager")
    print(log, file=console, flush=True)
    last = {"name": "end", "ok": True, "seconds": 0.0, "said": ""}
    print(f"\n@@ {json.dumps(last)}", file=console, flush=True)


if __name__ == "__main__":
    main()
