"""``prober prove`` and ``--prove`` against a real QEMU: verdicts, exit codes, and the ground of each answer.

A binary that is given is interviewed for each command, so where a line is proven twice, for its words and for its
values, a service that has the binary proves it the second time.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prober.cli.prove import prove_command
from tests.conftest import CHECKOUT
from tests.integration.processes import Ended, run_prober, start_service
from tests.recordings import FIXTURES
from tests.unit.cli.terminal import on_terminal

EXAMPLE = CHECKOUT / "fixtures" / "domains" / "example.xml"
_FORWARDS = "-netdev user,id=n,hostfwd="
RECORDING = FIXTURES / "qemu-7.2.22.replies.xz"


def prove(qemu: str, line: str, *options: str) -> Ended:
    return run_prober("prove", "--binary", qemu, *options, "--", "qemu", *line.split())


def proof_of(qemu: str, line: str, *options: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(prove(qemu, line, "--json", *options).out)
    return answer


@pytest.fixture(scope="module")
def service(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a service that has the installed QEMU, and proves by itself."""
    socket = tmp_path_factory.mktemp("service") / "prober.sock"
    with start_service(socket, "--directory", socket.parent, "--binary", qemu_binary, "--prover-socket", ""):
        yield str(socket)


@pytest.mark.parametrize(
    ("line", "options", "code", "ground", "verdict"),
    [
        ("-machine q35 -device virtio-rng-pci,max-bytes=1024,period=1000", (), 0, "proven", "proven"),
        ("-netdev tap,id=n -device e1000,netdev=n", (), 0, "proven", "proven"),
        ("-device virtio-net-pci,rx_queue_size=300", ("--anyway",), 3, "proven", "refused"),
        ("-device e1000,mak=x", (), 3, "checked", "refused"),
        ("-device e1000,mak=x", ("--anyway",), 3, "proven", "refused"),
        ("-accel tcg -cpu host", (), 3, "checked", "refused"),
        ("-accel tcg -cpu host", ("--anyway",), 3, "proven", "refused"),
        ("-acpitable file=/a,data=/b", ("--anyway",), 3, "proven", "refused"),
        ("-device vfio-pci,host=01:00.0", (), 0, "proven", "proven in part"),
        ("-device vfio-pci,host=01:00.0", ("--whole",), 4, "proven", "proven in part"),
        ("-daemonize", (), 4, "checked", "not provable"),
        # Two addresses of a host are one here, and files that are loaded are of other sizes.
        (f"{_FORWARDS}tcp:10.0.0.1:8080-:80,hostfwd=tcp:10.0.0.2:8080-:81", (), 4, "checked", "not provable"),
        (f"{_FORWARDS}tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.1:8080-:81", (), 3, "proven", "refused"),
        ("-device loader,file=/a,addr=0x100 -device loader,file=/b,addr=0x180", (), 4, "checked", "not provable"),
    ],
)
def test_each_verdict_has_its_ground_and_its_exit_code(
    qemu_binary: str, service: str, line: str, options: tuple[str, ...], code: int, ground: str, verdict: str
) -> None:
    ended = prove(qemu_binary, f"-nodefaults {line}", *options)
    assert (ended.code, ended.err) == (code, "")
    assert ended.out.startswith(f"{verdict} (ground: {ground}) by QEMU ")
    proof = proof_of(qemu_binary, f"-nodefaults {line}", "--socket", service, *options)
    assert (proof["ground"], proof["verdict"]) == (ground, verdict)
    assert proof["accelerator"] == ("tcg" if verdict.startswith("proven") else "")
    assert proof["version"].keys() == {"major", "minor", "micro", "package"}


@pytest.mark.parametrize("of_service", [False, True])
def test_what_it_waits_for_is_told_on_a_terminal(qemu_binary: str, service: str, of_service: bool) -> None:
    where = ("--socket", service) if of_service else ()
    printed = on_terminal(80, "prove", "--binary", qemu_binary, *where, "--", "qemu", "-nodefaults")
    before, _, answer = printed.rpartition("\r\x1b[K")
    name = Path(qemu_binary).name
    assert f"\x1b[K{name}: the service proves …" in before if of_service else f"\x1b[K{name}: proving …" in before
    assert answer.startswith("proven (ground: proven)")


def test_the_example_of_its_help_is_proven(qemu_binary: str) -> None:
    """With the QEMU of this host in the place of the one that it names."""
    words = inspect.cleandoc(prove_command.__doc__ or "").partition("Example: `prober ")[2].rstrip("`").split()
    words[words.index("--binary") + 1] = qemu_binary
    ended = run_prober(*words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("proven (ground: proven)")


def test_a_refusal_is_in_qemus_words_with_its_option(qemu_binary: str) -> None:
    proof = proof_of(qemu_binary, "-nodefaults -device virtio-net-pci,rx_queue_size=300", "--anyway")
    assert proof["said"].startswith("Invalid rx_queue_size (= 300)")
    assert proof["option"] == {"position": 2, "flag": "-device", "part": "rx_queue_size"}


def test_what_qemu_ignores_is_found(qemu_binary: str) -> None:
    proof = proof_of(qemu_binary, "-nodefaults -machine q35 -global PIIX4_PM.acpi-root-pci-hotplug=off")
    assert proof["verdict"] == "proven in part"
    assert {(one["kind"], one["flag"]) for one in proof["findings"]} == {("ignored", "-global")}


def test_the_live_machine_tells_its_hotplug(qemu_binary: str) -> None:
    proof = proof_of(qemu_binary, "-nodefaults -machine pc -global PIIX4_PM.acpi-root-pci-hotplug=off")
    live = {one["name"]: one["value"] for one in proof["hotplug"]}
    assert live["PIIX4_PM.acpi-root-pci-hotplug"] is False
    assert live["PIIX4_PM.acpi-pci-hotplug-with-bridge-support"] is True
    assert [(bus["name"], bus["handler"]) for bus in proof["buses"]] == [("pci.0", "")]


def test_no_secret_of_a_line_is_told(qemu_binary: str) -> None:
    ended = prove(
        qemu_binary, "-nodefaults -object secret,id=s,data=hushhush -object secret,id=s,data=hushhush", "--json"
    )
    assert "hushhush" not in ended.out + ended.err


def test_a_recording_proves_nothing(qemu_binary: str) -> None:
    ended = run_prober("prove", "--replies", RECORDING, "--", "qemu", "-S")
    assert (ended.code, ended.out) == (2, "")
    assert "a recording cannot prove anything" in ended.err


def test_a_line_that_cannot_be_read_is_2(qemu_binary: str) -> None:
    assert run_prober("prove", "--binary", qemu_binary, stdin="qemu 'x").code == 2


def test_a_translation_is_proven(qemu_binary: str) -> None:
    ended = run_prober("translate", "--prove", "--binary", qemu_binary, EXAMPLE)
    assert ended.code == 0
    assert ended.out.startswith(f"{qemu_binary} \\\n")
    assert ended.err.startswith("proven (ground: proven) by QEMU ")
    told = json.loads(run_prober("translate", "--prove", "--json", "--binary", qemu_binary, EXAMPLE).out)
    assert (told["ground"], told["verdict"]) == ("proven", "proven")
    assert told["translation"]["ground"] == "checked"


def test_a_domain_is_checked_on_two_grounds(qemu_binary: str) -> None:
    ended = run_prober("check", "--prove", EXAMPLE, "--against", qemu_binary, "--against", RECORDING)
    assert ended.code == 0
    assert [row.split()[1:3] for row in ended.out.splitlines()[1:3]] == [["yes", "proven"], ["yes", "checked"]]
