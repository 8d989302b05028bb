"""``examples/launch.py``: an answer's resources are complete, as a guest runs with nothing else prepared."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.integration.processes import PATIENCE, run_prober, wait_until

LAUNCH = CHECKOUT / "examples" / "launch.py"
WORDS = b"a guest speaks\r\n"

#: xor ax,ax; mov ds,ax; mov si,words; then each byte to COM1 and COM2; at the end, where QEMU's pc has its ACPI
#: registers, "sleep" (S5), which powers it off, and for ever nothing.
_SPEAKS = bytes.fromhex("31c08ed8be207cac84c0740abaf803eebaf802eeebf1")
_POWERS_OFF, _STAYS = bytes.fromhex("ba0406b80020eff4ebfd"), bytes.fromhex("f4ebfd90909090909090")

DOMAIN = """<domain type="qemu"><name>launch</name><memory unit="MiB">32</memory>
  <os><type arch="x86_64" machine="pc">hvm</type></os><features><acpi/></features>
  <devices><emulator>{qemu}</emulator>
    <disk type="file" device="floppy"><driver name="qemu" type="raw"/><source file="{place}/boot.img"/>
      <target dev="fda" bus="fdc"/><boot order="1"/></disk>
    <serial type="unix"><source mode="bind" path="{place}/made here/serial.sock"/></serial>
    <serial type="file"><source path="{place}/serial.log" append="on"/></serial>
    <interface type="user"><mac address="52:54:00:00:00:01"/><link state="down"/></interface>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>{more}
  </devices></domain>"""


def _answer(qemu: str, place: Path, after: bytes, more: str = "") -> dict[str, Any]:
    boot = (_SPEAKS + after + WORDS + b"\0").ljust(510, b"\0") + b"\x55\xaa"
    (place / "boot.img").write_bytes(boot.ljust(1_474_560, b"\0"))
    xml = DOMAIN.format(qemu=qemu, place=place, more=more)
    ended = run_prober("translate", "--binary", qemu, "--json", "--monitor", place / "qmp.sock", "-", stdin=xml)
    assert ended.code == 0, ended.err
    told: dict[str, Any] = json.loads(ended.out)
    return told


def _launch(place: Path, answer: object) -> subprocess.Popen[str]:
    (place / "answer.json").write_text(json.dumps(answer))
    words = [sys.executable, str(LAUNCH), str(place / "answer.json")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _is_said(place: Path) -> bool:
    log = place / "serial.log"
    return log.exists() and log.read_bytes() == WORDS


def test_a_guest_runs_to_its_own_end(qemu_binary: str, open_directory: Path) -> None:
    answer = _answer(qemu_binary, open_directory, _POWERS_OFF)
    assert {one["kind"] for one in answer["resources"]} == {"monitor", "socket", "file", "lifecycle", "link"}
    with _launch(open_directory, answer) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("status: running\n")
    assert "event: SHUTDOWN\n" in out
    assert _is_said(open_directory)
    assert not (open_directory / "made here" / "serial.sock").exists()


def test_a_signal_ends_the_guest(qemu_binary: str, open_directory: Path) -> None:
    with _launch(open_directory, _answer(qemu_binary, open_directory, _STAYS)) as process:
        wait_until(lambda: _is_said(open_directory))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, len(children)) == (0, 1)
    assert all("terminating on signal 15" in line for line in err.splitlines())
    assert not Path(f"/proc/{children[0]}").exists()


def test_what_is_not_prepared_is_named_and_nothing_is_started(qemu_binary: str, open_directory: Path) -> None:
    bridged = '<interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br9"/></interface>'
    answer = _answer(qemu_binary, open_directory, _STAYS, bridged)
    with _launch(open_directory, answer) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (3, "")
    assert "not prepared: tap net1: " in err
    assert not (open_directory / "qmp.sock").exists()


@pytest.mark.parametrize("answer", [{"refusals": []}, [], "x"])
def test_what_is_no_translation_is_2(open_directory: Path, answer: object) -> None:
    with _launch(open_directory, answer) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.count("\n")) == (2, 1)
