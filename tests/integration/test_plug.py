"""Devices plugged into real machines: what each QEMU makes of them, in its own words."""

from __future__ import annotations

import json
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
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain
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


def test_a_stand_in_is_no_word_for_what_the_check_refuses(qemu_binary: str) -> None:
    """A driver that this QEMU was built without is replaced by a file before anybody misses it."""
    place = QemuPlace("installed", qemu_binary)
    where: dict[str, Any] = {
        "https": {"url": "https://host.invalid/x"},
        "ssh": {"server": {"host": "host.invalid", "port": "22"}, "path": "/x"},
        "gluster": {"volume": "v", "path": "x", "server": [{"type": "inet", "host": "host.invalid", "port": "1"}]},
    }
    told = {
        name: rehearse(place, PORT, of("blockdev-add", driver=name, node_name="d", **where[name])) for name in where
    }
    absent = {name: one for name, one in told.items() if any(found.kind is Kind.error for found in one.findings)}
    assert absent, "this QEMU was built with all of them"
    for name, one in absent.items():
        assert (one.verdict, one.ground, one.said) == (RehearsalVerdict.refused, "checked", ""), name
        assert one.reason == "the check refuses command 1, and QEMU was asked about a stand-in alone"
        assert [step.outcome for step in one.steps] == ["taken"]
    assert {one.verdict for name, one in told.items() if name not in absent} <= {RehearsalVerdict.rehearsed}


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


def test_what_is_driven_changes_what_comes_out_again(any_qemu: QemuPlace) -> None:
    """CPU hot-plug in its old form takes no CPU out; in its modern one the guest is asked."""
    subject = LineSubject(any_qemu.binary, capabilities_of(any_qemu), any_qemu.root)
    line = "-machine pc-q35-5.2 -m 64 -smp 1,maxcpus=2,sockets=2,cores=1 -device virtio-rng-pci,id=r"
    cpu = of("device_add", driver="qemu64-x86_64-cpu", socket_id=1, core_id=0, thread_id=0, id="c")
    request = PlugRequest(words=("qemu", *f"{PLAIN} {line}".split()), commands=(cpu,), driven=True)
    told: PlugRehearsal = aio(rehearse_plug(subject, request), debug=False)
    assert (told.verdict, told.driven) == (RehearsalVerdict.rehearsed, ("CPU hot-plug", "virtio-rng-pci r at 01.0"))
    assert [(one.outcome, one.said) for one in told.taken_out] == [("waits", "")]
    told = aio(rehearse_plug(subject, request.model_copy(update={"driven": False})), debug=False)
    assert told.driven == ()
    microvm = request.model_copy(update={"words": ("qemu", *PLAIN.split(), "-machine", "microvm"), "commands": ()})
    microvm = microvm.model_copy(update={"commands": (of("object-add", qom_type="iothread", id="t"),)})
    told = aio(rehearse_plug(subject, microvm), debug=False)
    assert told.verdict is RehearsalVerdict.in_part
    assert told.undriven == ("nothing of a microvm is driven: it is no PC with PCI",)


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


_DEVICES = {
    "card": "<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>",
    "disk": "<disk type='file'><driver type='qcow2'/><source file='/none/a'/><target dev='vdb' bus='virtio'/></disk>",
    "scsi": "<disk type='file'><driver type='raw'/><source file='/none/b.raw'/><target dev='sda' bus='scsi'/></disk>",
    "memory": "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
    "cpus": "<vcpu>2</vcpu>",
    "random": "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    "tablet": "<input type='tablet' bus='usb'/>",
    "channel": "<channel type='unix'><target type='virtio' name='org.example'/></channel>",
    "redirdev": "<redirdev bus='usb' type='tcp'><source mode='connect' host='none' service='4000'/></redirdev>",
    "controller": "<controller type='scsi' model='virtio-scsi'/>",
    "keyboard": "<input type='keyboard' bus='virtio'/>",
}

#: What goes without the guest's consent.
_GONE = {"scsi", "tablet", "channel", "redirdev"}


def guest(machine: str) -> bytes:
    """A domain with room for all of these."""
    ports = "<controller type='pci' model='pcie-root'/>" + 14 * "<controller type='pci' model='pcie-root-port'/>"
    return f"""<domain type='qemu'><name>vm</name><memory unit='MiB'>256</memory>
        <maxMemory slots='2' unit='GiB'>2</maxMemory><vcpu current='1'>3</vcpu>
        <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
        <cpu mode='custom'><model>qemu64</model><numa><cell id='0' cpus='0-2' memory='256' unit='MiB'/></numa></cpu>
        <features><acpi/></features><devices>{ports if machine == "q35" else ""}
        <controller type='scsi' model='virtio-scsi'/><controller type='usb' model='qemu-xhci'/>
        <controller type='virtio-serial'/>
        <disk type='file'><driver type='qcow2'/><source file='/none/0.qcow2'/><target dev='vda' bus='virtio'/></disk>
        <interface type='user'><model type='virtio'/></interface></devices></domain>""".encode()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_what_the_devices_of_a_domain_come_to_is_taken(any_qemu: QemuPlace, machine: str) -> None:
    """One after the other into one guest: each finds its place behind those before it."""
    capabilities = capabilities_of(any_qemu)
    devices = [device.encode() for device in _DEVICES.values()]
    told = translate_plug(read_domain(guest(machine)), devices, ("net0",), capabilities, binary=any_qemu.binary)
    request = PlugRequest(
        words=told.argv,
        commands=tuple(command for device in told.devices for command in device.commands),
        unplug=tuple(command for device in told.unplugged for command in device.commands),
    )
    subject = LineSubject(any_qemu.binary, capabilities, any_qemu.root)
    rehearsed = aio(rehearse_plug(subject, request), debug=False)
    assert (rehearsed.verdict, rehearsed.said, rehearsed.reason) == (RehearsalVerdict.rehearsed, "", "")
    assert rehearsed.findings == ()
    assert all(step.seen for step in rehearsed.steps if step.execute == "device_add")
    outcomes = {one.name: one.outcome for one in rehearsed.taken_out if one.execute == "device_del"}
    devices_of = {
        name: [one.name for one in plugged.commands if one.execute == "device_add"]
        for name, plugged in zip(_DEVICES, told.devices, strict=True)
    }
    gone = {name for name, made in devices_of.items() if all(outcomes[one] == "gone" for one in made)}
    assert gone == _GONE
    assert [(one.execute, one.name, one.outcome) for one in rehearsed.unplugged] == [
        ("device_del", "net0", "waits"),
        ("netdev_del", "hostnet0", "not tried"),
    ]


def test_the_command_takes_domains_and_devices(qemu_binary: str, tmp_path: Path) -> None:
    vm, card, cd = tmp_path / "vm.xml", tmp_path / "card.xml", tmp_path / "cd.xml"
    vm.write_bytes(guest("q35"))
    card.write_text(_DEVICES["card"])
    cd.write_text("<disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>")
    ended = run_prober("plug", "--binary", qemu_binary, vm, card, "--unplug", "virtio-disk0", "--json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert (told["verdict"], told["translation"]["domain"]) == ("rehearsed", "vm")
    assert [one["execute"] for one in told["translation"]["devices"][0]["out"]] == ["device_del", "netdev_del"]
    assert told["unplugged"][0]["outcome"] == "waits"
    ended = run_prober("plug", "--binary", qemu_binary, vm, card, cd)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == f"{cd}:1: /disk: nothing can be plugged into a port of IDE or SATA while the guest runs\n"
    cd.write_text("<disk")
    ended = run_prober("plug", "--binary", qemu_binary, vm, card, cd)
    assert (ended.code, ended.out) == (2, "")
    assert f"{cd}:1: " in ended.err


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        ((), '{"execute": "netdev_add", '),
        (("--format", "qmp"), '{"execute": "netdev_add", '),
        (("--format", "shell"), 'virsh qemu-monitor-command vm \'{"execute": "netdev_add", '),
        (("--format", "json"), '{\n  "ground": "checked",\n  "domain": "vm",\n'),
    ],
)
def test_without_a_qemu_the_commands_are_told(tmp_path: Path, options: tuple[str, ...], begins: str) -> None:
    vm, card = tmp_path / "vm.xml", tmp_path / "card.xml"
    vm.write_bytes(guest("pc"))
    card.write_text(_DEVICES["card"])
    ended = run_prober("plug", "--replies", FIXTURES / "qemu-10.0.13.replies.xz", *options, "-v", vm, card)
    assert ended.code == 0
    assert ended.out.startswith(begins)
    assert "checked against all that this QEMU says of itself" in ended.err
