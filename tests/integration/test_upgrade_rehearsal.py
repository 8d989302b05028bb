"""What becomes of domains when the QEMU under them is replaced, with real QEMUs."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BINARY_IN_ROOT, CHECKOUT
from tests.integration.processes import run_prober
from tests.unit.pages.books import data_of

DOMAIN = """<domain type='qemu'><name>m</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/a.qcow2'/>
<target dev='vda' bus='virtio'/></disk><interface type='user'><model type='virtio'/></interface></devices></domain>"""


def domains(place: Path, **machines: str) -> None:
    for name, machine in machines.items():
        (place / f"{name}.xml").write_text(DOMAIN.format(machine=machine))


def upgrade(place: Path, *words: object, code: int) -> dict[str, dict[str, Any]]:
    ended = run_prober("upgrade", place, *words, "--json")
    assert (ended.code, ended.err) == (code, "")
    return {Path(one["file"]).stem: one for one in json.loads(ended.out)}


@pytest.mark.slow
def test_to_itself_nothing_changes(qemu_binary: str, tmp_path: Path) -> None:
    domains(tmp_path, q35="q35", gone="pc-q35-1.4")
    (tmp_path / "none.xml").write_text("<nonsense/>")
    told = upgrade(tmp_path, "--from", qemu_binary, "--to", qemu_binary, code=3)
    one = told["q35"]
    assert (one["verdict"], one["starts"], one["mends"], one["differences"]) == ("rehearsed", "proven", [], [])
    assert (one["there"]["verdict"], one["back"]["verdict"]) == ("rehearsed", "rehearsed")
    assert one["machine"] == one["machine_there"] != "q35"
    gone = told["gone"]
    assert (gone["verdict"], gone["starts"], gone["there"]) == ("refused", None, None)
    assert any("pc-q35-1.4" in refusal["message"] for refusal in gone["refusals"])
    (mend,) = gone["mends"]
    assert (mend["path"], mend["verdict"], mend["restarts"]) == ("/domain/os/type/@machine", "proven", True)
    assert mend["value"].startswith("pc-q35-")
    assert told["none"]["verdict"] == "refused"
    text = run_prober("upgrade", tmp_path / "gone.xml", "--from", qemu_binary, "--to", qemu_binary)
    assert text.code == 3
    assert f"mend: /domain/os/type/@machine '{mend['value']}' (the guest has to be started anew; proven)" in text.out


@pytest.mark.slow
@pytest.mark.roots
def test_an_alias_is_pinned_and_a_machine_that_is_gone_replaced(
    qemu_binary: str, qemu_roots: dict[str, Path], tmp_path: Path
) -> None:
    domains(tmp_path, alias="q35", old="pc-i440fx-2.6", pinned="pc-q35-5.2")
    told = upgrade(tmp_path, "--from", qemu_binary, "--to", qemu_roots["10.0"], code=0)
    assert {name: one["verdict"] for name, one in told.items()} == dict.fromkeys(
        ("alias", "old", "pinned"), "rehearsed"
    )
    (mend,) = told["alias"]["mends"]
    assert (mend["value"], mend["restarts"], mend["verdict"]) == (told["alias"]["machine"], False, "proven")
    assert told["alias"]["machine_there"] == "pc-q35-10.0"
    assert any("deprecated" in text for text in told["old"]["deprecated"])
    newer = upgrade(tmp_path, "--from", qemu_binary, "--to", BINARY_IN_ROOT, "--root", qemu_roots["11.1"], code=3)
    assert (newer["old"]["starts"], newer["old"]["mends"][0]["value"]) == (None, "pc-i440fx-8.2")
    assert newer["pinned"]["verdict"] == "rehearsed"


@pytest.mark.slow
@pytest.mark.roots
def test_what_a_guest_would_see_change_is_written_and_tried(
    qemu_binary: str, qemu_roots: dict[str, Path], tmp_path: Path
) -> None:
    """QEMU 10.0 gives nec-xhci its streams whatever the machine type, which 7.2 has not."""
    controller = "<controller type='usb' model='nec-xhci'/></devices>"
    xml = DOMAIN.format(machine="pc-q35-7.2").replace("</devices>", controller)
    place = tmp_path / "vms"
    place.mkdir()
    (place / "xhci.xml").write_text(xml)
    cpu = "<cpu mode='custom'><model>Haswell</model></cpu><devices>"
    (place / "cpu.xml").write_text(DOMAIN.format(machine="pc-q35-7.2").replace("<devices>", cpu))
    words = ("--from", qemu_binary, "--to", qemu_roots["10.0"])
    data, told = page_of(place, tmp_path, *words, code=0)
    one = told["xhci.xml"]
    assert [(change["part"], change["here"]) for change in one["there"]["changes"]] == [("streams", False)]
    (mend,) = one["mends"]
    assert (mend["value"], mend["verdict"], mend["there"], mend["restarts"]) == ("false", "proven", "rehearsed", False)
    rows = {row["name"]: row for row in data["domains"]}
    row = rows["xhci.xml"]
    assert (row["outcome"], row["mends"][0]["after"], row["mends"][0]["before"]) == ("changes", mend["xml"], "")
    assert "nec-xhci" in xml.splitlines()[row["mends"][0]["line"] - 1]
    # TCG of 10.0 has x2apic, which that of 7.2 has not.
    (feature,) = told["cpu.xml"]["mends"]
    assert (feature["xml"], feature["there"]) == ("<feature policy='disable' name='x2apic'/>", "rehearsed")
    assert "x2apic there alone" in rows["cpu.xml"]["there"]["changes"][0]["words"]
    assert rows["cpu.xml"]["mends"][0]["line"] == 2
    # And so it is, when it is written.
    (place / "xhci.xml").write_text(xml.replace("</domain>", f"{mend['xml']}</domain>"))
    again = upgrade(place, *words, code=0)["xhci"]
    assert (again["verdict"], again["mends"], again["there"]["changes"]) == ("rehearsed", [], [])


def page_of(domains: Path, tmp_path: Path, *words: object, code: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data of the page, and what JSON tells of each domain beside it."""
    page = tmp_path / "upgrade.html"
    ended = run_prober("upgrade", domains, *words, "--json", "--page", page)
    assert ended.code == code
    many = len([*domains.iterdir()])
    noun = "domain" if many == 1 else "domains"
    assert re.fullmatch(rf".*/upgrade\.html: \d+ KiB with {many} {noun}\n", ended.err)
    return data_of(page.read_text()), {Path(one["file"]).name: one for one in json.loads(ended.out)}


@pytest.mark.slow
def test_the_page_tells_what_was_rehearsed(qemu_binary: str, tmp_path: Path) -> None:
    place = tmp_path / "vms"
    place.mkdir()
    domains(place, q35="q35", gone="pc-q35-1.4")
    (place / "none.xml").write_text("<nonsense")
    data, told = page_of(place, tmp_path, "--from", qemu_binary, "--to", qemu_binary, code=2)
    rows = {row["name"]: row for row in data["domains"]}
    assert data["counts"] == {"all": 3, "start": 1, "there": 1, "back": 1, "breaks": 0, "mended": 1}
    assert (data["old"]["label"], data["directory"], data["driven"]) == (qemu_binary, f"{place}/", False)
    assert abs(datetime.fromisoformat(data["when"]).timestamp() - time.time()) < 300
    assert [rows["q35.xml"][step]["verdict"] for step in ("starts", "there", "back")] == [
        "proven", "rehearsed", "rehearsed",
    ]  # fmt: skip
    assert {rows["q35.xml"][step]["ground"] for step in ("starts", "there", "back")} == {"proven"}
    gone = rows["gone.xml"]
    assert (gone["outcome"], gone["starts"]["verdict"], gone["starts"]["ground"]) == (
        "refused already", "refused", "checked",
    )  # fmt: skip
    assert gone["refusals"][0][2] == told["gone.xml"]["refusals"][0]["message"]
    (mend,) = gone["mends"]
    assert f"machine='{mend['value']}'" in mend["after"] and "machine='pc-q35-1.4'" in mend["before"]
    assert (rows["none.xml"]["outcome"], rows["none.xml"]["xml"]) == ("unreadable", "<nonsense")


@pytest.mark.slow
def test_what_was_rehearsed_is_told_where_the_page_cannot_be_written(qemu_binary: str, tmp_path: Path) -> None:
    domains(tmp_path, q35="q35")
    ended = run_prober("upgrade", tmp_path, "--from", qemu_binary, "--to", qemu_binary, "--page", "/dev/full")
    assert ended.code == 5
    assert "cannot write /dev/full" in ended.err and "proven  rehearsed  rehearsed" in ended.out


@pytest.mark.slow
@pytest.mark.roots
def test_the_page_of_the_documents(qemu_binary: str, qemu_roots: dict[str, Path], tmp_path: Path) -> None:
    """fixtures/upgrade from Debian 12 to 13, and on to forky: what QEMU says stands at the line of its device."""
    example = CHECKOUT / "fixtures" / "upgrade"
    data, told = page_of(example, tmp_path, "--from", qemu_binary, "--to", qemu_roots["10.0"], code=0)
    assert [(row["name"], row["outcome"]) for row in data["domains"]] == [
        ("ci.xml", "goes on"), ("mail.xml", "goes on"), ("web.xml", "goes on"),
    ]  # fmt: skip
    rows = {row["name"]: row for row in data["domains"]}
    deprecated = [one["words"] for one in rows["mail.xml"]["deprecated"]]
    assert sorted(deprecated) == sorted(told["mail.xml"]["deprecated"]) and len(deprecated) == 2
    assert {one["line"] for one in rows["mail.xml"]["deprecated"]} == {5}
    facts = [one["fact"] for one in rows["ci.xml"]["otherwise"]]
    assert facts == [one["fact"] for one in told["ci.xml"]["differences"]]
    words = ("--from", qemu_roots["10.0"], "--to", qemu_roots["11.1"], "--driven")
    data, told = page_of(example, tmp_path, *words, code=3)
    rows = {row["name"]: row for row in data["domains"]}
    assert {row["outcome"] for row in rows.values()} == {"breaks"}
    for name, element in (("ci.xml", "<filesystem"), ("web.xml", "<model type='virtio'")):
        xml = (example / name).read_text().splitlines()
        there = rows[name]["there"]
        assert (there["said"], there["about"]) == (told[name]["there"]["said"], told[name]["there"]["device"])
        assert element in xml[there["line"] - 1]
        line, _, message, *_ = rows[name]["refusals"][-1]
        assert line == there["line"] and message.endswith(there["said"].splitlines()[0])
        (mend,) = rows[name]["mends"]
        assert (mend["verdict"], mend["ground"]) == ("proven", "proven")
    assert [one[2] for one in rows["mail.xml"]["refusals"]] == ["QEMU 11.1.2 has no machine pc-i440fx-2.6"]
