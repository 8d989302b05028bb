"""Notes in what the command says: beside the answer, in its JSON, and refused with ``--strict``."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run

#: Half a second and more each: not for each commit.
pytestmark = pytest.mark.slow

XML = """\
<domain type='qemu'>
  <name>noted</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_crash>restart</on_crash>
  <allowReboot value='yes'/>
  <devices><memballoon model='none'/></devices>
</domain>"""

REPLIES = ("--replies", "qemu-10.0")


@pytest.fixture
def vm(tmp_path: Path) -> Path:
    path = tmp_path / "vm.xml"
    path.write_text(XML)
    return path


def test_a_translation_tells_its_notes_beside_the_command(run: Run, vm: Path) -> None:
    ended = run("translate", vm, *REPLIES, "--ignore-unknown")
    assert ended.code == 0
    crash, unknown, _ = ended.err.splitlines()
    assert crash.startswith(f"{vm}:5: /domain/on_crash: note: without a monitor QEMU ends")
    assert unknown == (f"{vm}:6: /domain/allowReboot: note: left out, as it is not understood: element <allowReboot>")
    quiet = run("translate", vm, *REPLIES, "--ignore-unknown", "-q")
    assert (quiet.out, quiet.err) == (ended.out, "")
    notes = run("translate", vm, *REPLIES, "--ignore-unknown", "--json").json["notes"]
    assert [(note["place"]["path"], "--monitor" in note["hint"]) for note in notes] == [
        ("/domain/on_crash", True), ("/domain/allowReboot", False),
    ]  # fmt: skip


def test_strict_refuses_them(run: Run, vm: Path) -> None:
    ended = run("translate", vm, *REPLIES, "--strict", "--ignore-unknown")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (3, "", 2)
    checked = run("check", vm, "--against", FIXTURES, "--strict", "--ignore-unknown", "--json")
    assert (checked.code, len(checked.json["refusals"]), checked.json["notes"]) == (3, 2, [])


def test_check_tells_each_note_once(run: Run, vm: Path) -> None:
    ended = run("check", vm, "--against", FIXTURES, "--ignore-unknown")
    assert ended.code == 0
    _, crash, unknown = ended.out.rstrip().split("\n\n")
    assert crash.startswith(f"{vm}:5: /domain/on_crash: note: ")
    assert [block.splitlines()[1] for block in (crash, unknown)] == [
        "  by all [domain/check-lifecycle]",
        "  by all [xml/not-understood]",
    ]
    told = run("check", vm, "--against", FIXTURES, "--ignore-unknown", "--json").json
    assert [len(note["by"]) for note in told["notes"]] == [4, 4]
    assert [one["notes"] for one in told["against"]] == [2, 2, 2, 2]


CLOCK = "<clock offset='variable' adjustment='-40' basis='utc'/>"


def test_a_clock_counts_from_the_moment_that_is_told_or_from_now(run: Run, vm: Path) -> None:
    vm.write_text(XML.replace("<on_crash>restart</on_crash>", CLOCK).replace("<allowReboot value='yes'/>", ""))
    told = run("translate", vm, *REPLIES, "--json", "--starts-at", "2020-09-13T12:26:40Z")
    assert told.json["argv"][told.json["argv"].index("-rtc") + 1] == "base=2020-09-13T12:26:00"
    (moment,) = (one for one in told.json["resources"] if one["kind"] == "moment")
    assert (moment["key"], moment["value"]) == ("base", "2020-09-13T12:26:00")
    assert "start QEMU at 2020-09-13T12:26:40Z" in moment["todo"]
    assert "--starts-at" not in told.err
    before = int(time.time())
    now = run("translate", vm, *REPLIES, "--json")
    (moment,) = (one for one in now.json["resources"] if one["kind"] == "moment")
    taken = int(re.findall(r"\((\d+)\)", moment["todo"])[0])
    assert before <= taken <= time.time()
    assert "start now" in now.err
    assert run("check", vm, "--against", FIXTURES).code == 0
    assert run("translate", vm, *REPLIES, "--starts-at", "yesterday").code == 2


def test_many_domains_tell_each_kind_of_note_once(run: Run, vm: Path) -> None:
    other = vm.with_name("other.xml")
    other.write_text(XML.replace("noted", "other"))
    ended = run("check", vm.parent, "--against", FIXTURES / "qemu-10.0.13.replies.xz", "--ignore-unknown")
    assert ended.code == 0
    assert ended.out.count("note:") == 2
    assert ended.out.count("and so in 1 more domain") == 2
    told = run("check", vm, other, "--against", FIXTURES, "--ignore-unknown", "--json").json
    assert [len(one["notes"]) for one in told["domains"]] == [8, 8]
