"""``prober report``: what is in it, what is told beside it, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.unit.cli.conftest import Run
from tests.unit.pages.books import data_of

EXAMPLE = CHECKOUT / "fixtures" / "domains" / "example.xml"


def test_a_report_has_the_qemus_and_the_domains_that_were_named(run: Run, replies: Path, tmp_path: Path) -> None:
    ended = run("report", EXAMPLE, "--against", replies, "--against", "qemu-7.2", "-o", tmp_path / "r.html")
    assert (ended.code, ended.out) == (0, "")
    assert re.fullmatch(r".*/r\.html: \d+ KiB with 2 QEMUs and 1 domains\n", ended.err)
    book = data_of((tmp_path / "r.html").read_text())
    assert [qemu["version"] for qemu in book["qemus"]] == ["7.2.1", "7.2.22"]
    assert [domain[0] for domain in book["domains"]] == ["example.xml"]
    assert [book["outcomes"][at][0] for at in book["cells"][0]] == ["no", "yes"]


def test_stdout_has_it_without_a_file(run: Run, replies: Path) -> None:
    ended = run("report", "--against", replies, "--title", "mine", "-q")
    assert (ended.code, ended.err) == (0, "")
    assert data_of(ended.out)["title"] == "mine"


def test_what_cannot_be_asked_or_read_does_not_keep_the_others_out(run: Run, replies: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.replies").write_text("{")
    (tmp_path / "broken.xml").write_text("<domain")
    ended = run("report", "broken.xml", EXAMPLE, "--against", "broken.replies", "--against", replies)
    assert ended.code == 2
    assert "broken.replies: " in ended.err and "broken.xml" in ended.err
    book = data_of(ended.out)
    assert [qemu["version"] for qemu in book["qemus"]] == ["7.2.1"]
    assert [book["outcomes"][row[0]][0] for row in book["cells"]] == ["unreadable", "no"]


@pytest.mark.slow
def test_what_is_refused_by_every_qemu_is_so_in_each_cell(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(EXAMPLE.read_text().replace("<vcpu>", "<vcpus>").replace("</vcpu>", "</vcpus>"))
    ended = run("report", "a.xml", "--against", "qemu-5.2", "--against", "qemu-11.1")
    assert ended.code == 0
    book = data_of(ended.out)
    cells = [book["outcomes"][at] for at in book["cells"][0]]
    assert [(verdict, "vcpus" in refusals[0][2]) for verdict, refusals, *_ in cells] == [("no", True), ("no", True)]
    relaxed = run("report", "a.xml", "--against", "qemu-11.1", "--ignore-unknown")
    assert data_of(relaxed.out)["outcomes"][0][0] == "yes"


def test_no_password_gets_into_it(run: Run, tmp_path: Path) -> None:
    graphics = "<graphics type='vnc' port='5900' passwd='geheim12'/><memballoon"
    (tmp_path / "a.xml").write_text(EXAMPLE.read_text().replace("<memballoon", graphics))
    ended = run("report", "a.xml", "--against", "qemu-7.2")
    told = json.dumps(data_of(ended.out))
    assert "passwd=" in told and "geheim12" not in told


def test_a_place_that_cannot_be_written_to_is_told(run: Run, replies: Path) -> None:
    ended = run("report", "--against", replies, "-o", "not/there/r.html")
    assert ended.code == 5
    assert "cannot write not/there/r.html" in ended.err
