"""Devices plugged into real machines: what each QEMU makes of them, in its own words."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from prober.commandline.qmp import QmpCommand, read_command
from prober.commandline.refusal import Kind
from prober.proof.subject import LineSubject
from prober.rehearsal.plug import rehearse_plug
from prober.rehearsal.plug_models import PlugRehearsal, PlugRequest
from prober.rehearsal.verdict import RehearsalVerdict
from tests.conftest import QemuPlace, aio
from tests.integration.processes import run_prober
from tests.integration.real_qemu import capabilities_of
from tests.proc import children_of
from tests.recordings import FIXTURES

PLAIN = "-nodefaults -display none -accel tcg"
CASES = tomllib.loads((Path(__file__).parent / "plug_cases.toml").read_text())["case"]

pytestmark = pytest.mark.slow


def rehearse(place: QemuPlace, line: str, *commands: QmpCommand, anyway: bool = False) -> PlugRehearsal:
    """What this QEMU makes of commands that are sent to a machine with this line."""
    subject = LineSubject(place.binary, capabilities_of(place), place.root)
    request = PlugRequest(words=("qemu", *f"{PLAIN} {line}".split()), commands=commands, anyway=anyway)
    return aio(rehearse_plug(subject, request), debug=False)


def told_by(case: dict[str, Any], place: QemuPlace) -> dict[str, Any]:
    """What a case says of the QEMU that is here; of another version, what the nearest older one of them did."""
    version = capabilities_of(place).version.numbers
    known = [(tuple(map(int, name.split("."))), told) for told in case["told"] for name in told["by"]]
    return max((one for one in known if one[0] <= version[:2]), key=lambda one: one[0])[1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_each_qemu_makes_of_it_what_is_written(any_qemu: QemuPlace, case: dict[str, Any]) -> None:
    wanted = told_by(case, any_qemu)
    before = children_of(os.getpid())
    told = rehearse(any_qemu, case["line"], *map(read_command, case["plug"]))
    assert children_of(os.getpid()) == before
    words, outcome = wanted.get("words", ""), wanted["outcome"]
    ignored = "; ".join(one.message for one in told.findings if one.kind is Kind.ignored)
    seen = {
        "taken": (RehearsalVerdict.rehearsed, "", "", ""),
        "useless": (RehearsalVerdict.in_part, "", "", words),
        "refused": (RehearsalVerdict.refused, words, "", ""),
        "crash": (RehearsalVerdict.refused, f"QEMU crashed with {words}", words, ""),
    }[outcome]
    assert (told.verdict, told.said, told.signal, ignored) == seen
    assert told.ground == "proven"
    assert told.command == (len(told.steps) if outcome in ("refused", "crash") else 0)
    assert [one.outcome for one in told.taken_out] == wanted.get("out", [])
    assert told.differences == ()


def of(execute: str, **arguments: Any) -> QmpCommand:
    return QmpCommand(execute=execute, arguments={name.replace("_", "-"): value for name, value in arguments.items()})


PORT = "-machine q35 -m 64 -device pcie-root-port,id=port1"


@pytest.mark.parametrize(
    ("line", "commands", "verdict", "ground", "reason"),
    [
        ("-machine pc", [of("device_add", driver="vfio-pci", id="h", host="01:00.0")], "not provable", "checked",
         "command 1 was not sent: the device is the host's"),
        ("-machine pc", [of("migrate", uri="exec:true")], "not provable", "checked",
         "command 1: no rule for the command migrate: what is sent plugs something in, or takes it out"),
        ("-machine pc", [of("no-such-command")], "refused", "checked", "the check refuses it, so it was not sent"),
        ("-machine pc -device nosuch", [of("device_add", driver="e1000")], "refused", "checked",
         "the check refuses it, so it was not started"),
        ("-machine pc -daemonize", [of("device_add", driver="e1000")], "not provable", "checked",
         "-daemonize: it takes QEMU away from who started it"),
        ("-machine pc -m 64,maxmem=64G -object memory-backend-ram,id=mem1,size=32G,prealloc=on",
         [of("device_add", driver="virtio-mem-pci", id="m", memdev="mem1")], "not provable", "checked",
         "command 1 was not sent: it looks whether mem1 is allocated beforehand, and so much memory is not touched"
         " here"),
    ],
)  # fmt: skip
def test_what_is_not_sent_is_told_with_its_reason(
    qemu_binary: str, line: str, commands: list[QmpCommand], verdict: str, ground: str, reason: str
) -> None:
    told = rehearse(QemuPlace("installed", qemu_binary), line, *commands)
    assert (told.verdict.value, told.ground, told.reason) == (verdict, ground, reason)
    assert (told.said, told.signal) == ("", "")


def test_stand_ins_are_told_by_the_command_that_they_are_of(qemu_binary: str) -> None:
    told = rehearse(
        QemuPlace("installed", qemu_binary),
        PORT,
        of("blockdev-add", driver="luks", node_name="d", key_secret="s", file={"driver": "file", "filename": "/none"}),
        of("device_add", driver="virtio-blk-pci", id="disk1", drive="d", bus="port1"),
    )
    # Nothing opens it: the secret was never plugged in.
    assert (told.verdict, told.command) == (RehearsalVerdict.refused, 1)
    assert [step.outcome for step in told.steps] == ["refused", "not sent"]
    assert ("blockdev-add", 1) in {(one.flag, one.position) for one in told.replaced}


def test_a_secret_that_is_plugged_in_is_not_told(qemu_binary: str) -> None:
    told = rehearse(
        QemuPlace("installed", qemu_binary),
        PORT,
        of("object-add", qom_type="secret", id="s", data="open-sesame"),
        of("object-add", qom_type="secret", id="open-sesame", data="open-sesame"),
        of("device_add", driver="e1000", id="n", bus="open-sesame"),
    )
    assert told.verdict is RehearsalVerdict.refused
    assert "open-sesame" not in told.model_dump_json()


def test_a_backend_is_told_where_its_device_is_of_no_use(qemu_binary: str) -> None:
    told = rehearse(
        QemuPlace("installed", qemu_binary),
        PORT,
        of("netdev_add", type="vde", id="n"),
        of("device_add", driver="virtio-net-pci", id="c", netdev="n", bus="port1", addr="2"),
    )
    assert told.verdict is RehearsalVerdict.in_part
    assert [(one.position, one.flag, one.part) for one in told.findings] == [(2, "device_add", "addr")]
    assert [(one.name, one.outcome) for one in told.taken_out] == [("c", "waits"), ("n", "not tried")]


@pytest.mark.parametrize(
    ("words", "options", "code", "begins"),
    [
        (PORT, ("--qmp", of("device_add", driver="e1000e", id="a", bus="port1").text()), 0,
         "rehearsed (ground: proven)"),
        (PORT, ("--qmp", of("device_add", driver="e1000e", id="a", bus="port1", addr="1").text(), "--whole"), 4,
         "rehearsed in part (ground: proven)"),
        (PORT, ("--qmp", of("device_add", driver="e1000e", id="a").text()), 3, "refused (ground: proven)"),
        (PORT, ("--qmp", of("device_add", driver="virtio-blk-pci", drive="d", num_queues=1999).text(), "--anyway"), 3,
         "refused (ground: proven)"),
        (PORT, ("--qmp", of("device_add", driver="vfio-pci", host="1:0.0").text()), 4,
         "not provable (ground: checked)"),
        (PORT, ("--qmp", "device_add"), 2, ""),
        (PORT, (), 2, ""),
    ],
)  # fmt: skip
def test_the_command_ends_as_its_verdict_is(
    qemu_binary: str, words: str, options: tuple[str, ...], code: int, begins: str
) -> None:
    ended = run_prober("plug", "--binary", qemu_binary, *options, "--", "qemu", *f"{PLAIN} {words}".split())
    assert ended.code == code
    assert ended.out.startswith(begins)
    assert bool(ended.err) == (code == 2)


def test_a_recording_rehearses_nothing() -> None:
    recording = FIXTURES / "qemu-10.0.13.replies.xz"
    command = of("device_add", driver="e1000e").text()
    ended = run_prober("plug", "--replies", recording, "--qmp", command, "--", "qemu", "-machine", "pc")
    assert (ended.code, ended.out) == (2, "")
    assert "a recording cannot prove anything" in ended.err
