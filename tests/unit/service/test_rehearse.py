"""The service's rehearsals through a real socket: what is taken, who is asked what, and how it is refused.

What QEMUs make of it is for tests/integration; here whoever rehearses finds all well.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from prober.capabilities.models import Version
from prober.cli.remote import Remote
from prober.errors import BusyError, ConfinementError, RefusedError, StateFileError, UnknownBinaryError
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.statefile import MAGIC, StateFile, head_of, write_state
from prober.rehearsal.told import MigrationList
from prober.rehearsal.view import GuestView
from prober.service.client import Client
from prober.service.problems import Problem
from prober.service.prover.tasks import LoadTask, MoveTask, PlugTask, SaveTask
from prober.service.routes import LOAD_STATE, MIGRATE, PLUG, PLUG_COMMANDS, STATE
from prober.translate.plug_models import PlugTranslation
from tests.recordings import FIXTURES
from tests.unit.capabilities.making import make_binary
from tests.unit.service.proving import ToldJudge, prover
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_prove import Recorded, remote

ID, OTHER, RECORDED = "qemu-system-x86_64", "qemu-system-i386", "qemu-5.2.0"
CARD = "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>"
DOMAIN = """<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>{}</devices>
</domain>"""
PLAIN = DOMAIN.format("")
COMMAND = {"execute": "device_add", "arguments": {"driver": "e1000", "id": "n"}}


@dataclass
class Served:
    """A service with two binaries and a recording, and who rehearses for it."""

    client: Client
    judge: ToldJudge
    binary: str
    socket: Path

    def post(self, where: str, body: bytes | str | dict[str, Any], kind: str = "", status: int = 200) -> Any:
        """What is answered; nobody had to rehearse anything where it is a problem."""
        before = len(self.judge.rehearsed)
        text = json.dumps(body) if isinstance(body, dict) else body
        data = text if isinstance(text, bytes) else text.encode()
        reply = self.client.post(f"/v1/binaries/{where}", data, kind)
        assert reply.status == status, reply
        if status != 200:
            assert len(self.judge.rehearsed) == before
        return reply.value

    def refused(self, status: int, where: str, body: bytes | str | dict[str, Any], kind: str = "") -> Problem:
        return Problem.model_validate(self.post(where, body, kind, status))

    def task(self) -> Any:
        """What was rehearsed last."""
        return self.judge.rehearsed[-1][1].task


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    binary = make_binary(directory / "bin", ID)
    make_binary(directory / "bin", OTHER)
    shutil.copy(FIXTURES / f"{RECORDED}.replies.xz", directory)
    recordings = {"recordings": [directory / f"{RECORDED}.replies.xz"]}
    settings = make_settings(directory, recordings, prover_socket=directory / "p.sock")
    judge = ToldJudge()
    with (
        prover(directory / "p.sock", judge, settings.catalog),
        running(settings, Recorded()) as path,
        Client(path, timeout=60) as client,
    ):
        yield Served(client, judge, str(binary), path)


def kept(xml: str = PLAIN, machine: str = "pc-i440fx-5.2") -> bytes:
    head = head_of(xml, machine, Version(major=7, minor=2, micro=22), ("qemu",), GuestView())
    return write_state(StateFile(head, b"state"))


def test_devices_become_commands_that_are_rehearsed(served: Served) -> None:
    told = PlugRehearsal.model_validate(served.post(f"{ID}/plug?anyway=yes", {"domain": PLAIN, "devices": [CARD]}))
    assert told.translation is not None
    request = served.task().request
    assert isinstance(served.task(), PlugTask)
    assert [*request.commands] == [one for device in told.translation.devices for one in device.commands]
    assert request.words == told.translation.argv
    assert request.words[0] == served.binary
    assert (request.anyway, request.assume_unknown_present) == (True, False)


def test_what_is_taken_out_is_named_by_its_alias(served: Served) -> None:
    domain = DOMAIN.format(CARD)
    served.post(f"{ID}/plug", {"domain": domain, "unplug": ["net0"]})
    assert {one.execute for one in served.task().request.unplug} == {"device_add", "netdev_add"}
    assert served.task().request.commands == ()
    problem = served.refused(422, f"{ID}/plug", {"domain": domain, "unplug": ["nosuch"]})
    assert problem.refusals


def test_commands_are_sent_to_a_line(served: Served) -> None:
    told = served.post(f"{ID}/plug?assume_unknown_present=1&driven=on", {"argv": ["q", "-S"], "commands": [COMMAND]})
    assert told["translation"] is None
    request = served.task().request
    assert (request.words, request.assume_unknown_present, request.driven) == (("q", "-S"), True, True)
    assert [one.model_dump() for one in request.commands] == [COMMAND]


@pytest.mark.parametrize("ident", [ID, RECORDED])
def test_the_commands_alone_take_no_qemu(served: Served, ident: str) -> None:
    before = len(served.judge.rehearsed)
    answer = served.post(f"{ident}/plug-commands", {"domain": PLAIN, "devices": [CARD]})
    told = PlugTranslation.model_validate(answer)
    assert [one.execute for one in told.devices[0].commands] == ["netdev_add", "device_add"]
    assert len(served.judge.rehearsed) == before
    refused = served.refused(400, f"{ident}/plug-commands", {"argv": ["q"], "commands": [COMMAND]})
    assert "commands are there already" in refused.detail


def test_which_device_is_refused_is_told(served: Served) -> None:
    body = {"domain": PLAIN, "devices": [CARD, "<interface type='user'><nonsense/></interface>"]}
    problem = served.refused(422, f"{ID}/plug", body)
    assert (problem.device, problem.type) == (2, "urn:prober:refused")
    assert problem.refusals
    problem = served.refused(400, f"{ID}/plug", {"domain": PLAIN, "devices": ["<interface"]})
    assert (problem.device, problem.type) == (1, "urn:prober:unreadable-domain")


@pytest.mark.parametrize(
    ("where", "body", "kind", "status", "says"),
    [
        ("plug", b"{", "", 400, "the body is not understood"),
        ("plug", b"\xff", "", 400, "the body is not understood"),
        ("plug", b"[" * 100_000, "", 400, "recursion limit"),
        ("plug", {}, "", 400, "a domain or an argv"),
        ("plug", {"domain": PLAIN}, "", 400, "a domain goes with devices and unplug"),
        ("plug", {"domain": PLAIN, "devices": [CARD], "argv": ["q"]}, "", 400, "a domain or an argv"),
        ("plug", {"argv": ["q"], "commands": []}, "", 400, "an argv goes with commands"),
        ("plug", {"argv": ["q"], "commands": [{"execute": 1}]}, "", 400, "commands.0.execute"),
        ("plug", {"argv": ["q\0"], "commands": [COMMAND]}, "", 400, "has a NUL in it"),
        ("plug", {"domain": "<domain", "devices": [CARD]}, "", 400, ""),
        ("plug", {"domain": "<nonsense/>", "devices": [CARD]}, "", 422, "refused"),
        ("plug?to=x", {}, "", 400, "unknown query parameter"),
        ("plug", b"<domain/>", "application/xml", 415, ""),
        ("plug", b" " * (1 << 20) + b"{}", "", 413, "larger than 1048576 bytes"),
        ("migrate", PLAIN, "application/xml", 400, "where the guest is to go"),
        (f"migrate?to={OTHER}&driven=perhaps", PLAIN, "", 400, "driven is 'perhaps'"),
        ("migrate?to=nosuch", PLAIN, "application/xml", 404, "nosuch"),
        (f"migrate?to={RECORDED}", PLAIN, "application/xml", 409, "is a recording"),
        (f"migrate?to={OTHER}", "<nonsense/>", "application/xml", 422, "refused"),
        (f"migrate?to={OTHER}", {"argv": ["q"]}, "application/json", 400, "to_argv"),
        (f"migrate?to={OTHER}", b"[]", "application/json", 400, "not a JSON list of words"),
        ("state", "<domain", "application/xml", 400, ""),
        ("state", DOMAIN.format("<nonsense/>"), "application/xml", 422, "refused"),
        ("state", b"x", "image/png", 415, ""),
        ("state/load", b"", "", 422, "it is no state file"),
        ("state/load", MAGIC, "", 422, "cut short"),
        ("state/load", b"prober-state 2\n\0", "", 422, "of another version"),
        ("state/load", b"x" * (8 << 20) + b"x", "", 413, "larger than 8388608 bytes"),
        ("state/load", kept()[:-1], "", 422, "bytes of content, and says"),
        ("state/load", kept()[:-1] + b"x", "", 422, "its checksum is another"),
        ("state/load", kept("<nonsense/>"), "", 422, "refused"),
        ("state/load", kept(machine="pc-q35-99.9"), "", 422, "refused"),
        ("state/load", b"", "application/xml", 415, "cannot be 'application/xml'"),
    ],
)
def test_what_cannot_be_read_is_refused(
    served: Served, where: str, body: bytes | str | dict[str, Any], kind: str, status: int, says: str
) -> None:
    assert says in served.refused(status, f"{ID}/{where}", body, kind).detail


def forged(head: bytes) -> bytes:
    """A file that somebody made up, with a checksum that is right."""
    body = head + zstandard.ZstdCompressor().compress(b"state")
    return MAGIC + struct.pack(">II", len(head), len(body) - len(head)) + hashlib.sha256(body).digest() + body


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"no zstd", "cannot be inflated"),
        (zstandard.ZstdCompressor().compress(b"{}"), "is not understood"),
        (zstandard.ZstdCompressor().compress(b" " * (64 << 20)), "more than 4194304 bytes when it is inflated"),
    ],
)
def test_a_state_that_was_made_up_is_read_by_nobody_but_a_worker(served: Served, head: bytes, says: str) -> None:
    problem = served.refused(422, f"{ID}/state/load", forged(head))
    assert (problem.type, says in problem.detail) == ("urn:prober:state-file", True), problem


def test_a_state_whose_domain_is_no_xml_is_refused_as_a_file(served: Served) -> None:
    problem = served.refused(422, f"{ID}/state/load", kept("<domain"))
    assert (problem.type, "the domain in the state file cannot be read" in problem.detail) == (
        "urn:prober:state-file",
        True,
    )


@pytest.mark.parametrize("where", ["plug", f"migrate?to={ID}", "state", "state/load"])
def test_a_recording_rehearses_nothing(served: Served, where: str) -> None:
    body: Any = {"domain": PLAIN, "devices": [CARD]} if where == "plug" else PLAIN
    problem = served.refused(409, f"{RECORDED}/{where}", body)
    assert "is a recording, which cannot be started" in problem.detail


def test_a_domain_keeps_its_machine_on_both_ways(served: Served) -> None:
    asked = f"{ID}/migrate?to={OTHER}&both_ways=true&driven=on"
    told = MigrationList.model_validate(served.post(asked, DOMAIN.format(CARD), "application/xml"))
    assert [[card.card for card in one.names] for one in told.migrations] == [["net0"]] * 2
    assert [one.migration is not None and one.migration.verdict for one in told.migrations] == ["rehearsed"] * 2
    (there, asked_there), (back, asked_back) = served.judge.rehearsed[-2:]
    assert [known.path for known in there] == [known.path for known in back][::-1]
    first, second = asked_there.task, asked_back.task
    assert isinstance(first, MoveTask)
    assert isinstance(second, MoveTask)
    assert (first.words, first.to_words) == (second.to_words, second.words)
    assert any("pc-i440fx-7.2" in word for word in first.words)
    assert (first.driven, first.anyway) == (True, False)


def test_what_one_side_refuses_is_told_and_not_started(served: Served) -> None:
    before = len(served.judge.rehearsed)
    domain = PLAIN.replace("machine='pc'", "machine='pc-q35-99.9'")
    told = MigrationList.model_validate(served.post(f"{ID}/migrate?to={OTHER}", domain, "application/xml"))
    (one,) = told.migrations
    assert one.migration is not None
    assert (one.migration.verdict, one.migration.stage) == ("refused", "source")
    assert "pc-q35-99.9" in str(one.refusals[0])
    assert len(served.judge.rehearsed) == before


@pytest.mark.parametrize(
    ("body", "kind", "lines"),
    [
        (b'["q", "-S"]', "application/json", (("q", "-S"), ("q", "-S"))),
        (b"q -name 'a b'", "text/plain", (("q", "-name", "a b"), ("q", "-name", "a b"))),
        (b'{"argv": ["q"], "to_argv": ["q", "-S"]}', "application/json", (("q",), ("q", "-S"))),
    ],
)
def test_lines_in_each_of_their_forms(served: Served, body: bytes, kind: str, lines: Any) -> None:
    served.post(f"{ID}/migrate?to={OTHER}&anyway=true", body, kind)
    task = served.task()
    assert (task.words, task.to_words, task.anyway) == (*lines, True)


def test_a_state_is_kept_and_taken(served: Served) -> None:
    with remote(served.socket) as command:
        told = command.keep_state(PLAIN.encode(), driven=True, assume_unknown_present=False)
        assert (told["verdict"], told["file"]) == ("rehearsed", "c3RhdGU=")
        task = served.task()
        assert isinstance(task, SaveTask)
        assert (task.xml, task.driven) == (PLAIN, True)
        file = kept()
        assert command.load_state(file, assume_unknown_present=True)["verdict"] == "rehearsed"
    knowns, asked = served.judge.rehearsed[-1]
    assert isinstance(asked.task, LoadTask)
    assert asked.file == file
    assert asked.task.assume_unknown_present
    assert any("pc-i440fx-5.2" in word for word in asked.task.words)
    assert [known.path for known in knowns] == [served.binary]


def test_a_large_state_crosses_whole(served: Served) -> None:
    file = bytes(range(256)) * (28 << 10)
    served.judge.state = file
    try:
        told = served.client.post(f"/v1/binaries/{ID}/state", PLAIN.encode(), "application/xml").value
    finally:
        served.judge.state = b"state"
    assert b64decode(told["file"]) == file


def test_the_command_asks_it(served: Served) -> None:
    command: Remote
    with remote(served.socket) as command:
        line = ["q", "-machine", "pc"]
        text = json.dumps(COMMAND)
        told = command.plug(line, [text], anyway=True, assume_unknown_present=False)
        assert told["verdict"] == "rehearsed"
        assert served.task().request.anyway
        asked: dict[str, Any] = {"anyway": False, "assume_unknown_present": False}
        told = command.plug_devices(PLAIN.encode(), [CARD.encode()], [], rehearse=True, **asked)
        assert told["translation"]["domain"] == "guest"
        told = command.plug_devices(PLAIN.encode(), [CARD.encode()], [], rehearse=False, **asked)
        assert "verdict" not in told
        with pytest.raises(RefusedError) as caught:
            command.plug_devices(PLAIN.encode(), [b"<interface><nonsense/></interface>"], [], rehearse=False, **asked)
        assert caught.value.device == 1
        moved = {"driven": False, "both_ways": False, **asked}
        assert len(command.migrate(OTHER, PLAIN.encode(), "application/xml", **moved)) == 1
        with pytest.raises(UnknownBinaryError):
            command.migrate("nosuch", PLAIN.encode(), "application/xml", **moved)
        with pytest.raises(StateFileError, match="cut short"):
            command.load_state(MAGIC, assume_unknown_present=False)
    with remote(served.socket, RECORDED) as command:
        told = command.plug_devices(PLAIN.encode(), [CARD.encode()], [], rehearse=True, **asked)
        assert "verdict" not in told, "a recording starts nothing"


@pytest.mark.parametrize(
    "failure", [BusyError("too many"), ConfinementError("no bubblewrap"), StateFileError("too large")], ids=str
)
def test_what_comes_to_nothing_is_told_by_its_kind(served: Served, failure: Any) -> None:
    served.judge.failure = failure
    try:
        reply = served.client.post(f"/v1/binaries/{ID}/state/load", kept(), "")
        with remote(served.socket) as command, pytest.raises(type(failure), match=failure.message):
            command.load_state(kept(), assume_unknown_present=False)
    finally:
        served.judge.failure = None
    assert reply.status == (422 if failure.kind == "state-file" else 503)
    assert reply.value["type"] == f"urn:prober:{failure.kind}"


def test_what_starts_a_qemu_is_for_those_who_may() -> None:
    for route in (PLUG, MIGRATE, STATE, LOAD_STATE):
        assert route.admin
        assert 403 in route.errors
    assert not PLUG_COMMANDS.admin
