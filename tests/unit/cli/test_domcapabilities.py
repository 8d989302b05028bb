"""``prober domcapabilities`` and ``prober labels``: of a recording and of a service, to the terminal and to a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from prober.service.client import Client, Reply
from tests.recordings import FIXTURES
from tests.unit.capabilities.making import make_binary
from tests.unit.cli.conftest import Run
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_check_argv import Recorded

REPLIES = FIXTURES / "qemu-7.2.22.replies.xz"


def test_the_document_is_told_and_with_json_why(run: Run) -> None:
    ended = run("domcapabilities", "--replies", REPLIES, "--machine", "q35", "--virttype", "qemu", "--arch", "x86_64")
    assert (ended.code, ended.err) == (0, "")
    assert etree.fromstring(ended.out).findtext("machine") == "pc-q35-7.2"
    told = run("domcapabilities", "--replies", REPLIES, "--machine", "q35", "--json").json
    assert told["xml"] == ended.out
    assert ("devices/redirdev/bus", "usb") in {(row["place"], row["name"]) for row in told["told"]}
    assert all(row["verdict"] in ("present", "absent", "unknown") and row["because"] for row in told["told"])


def test_the_host_brings_its_firmware(run: Run, tmp_path: Path) -> None:
    settings = tmp_path / "host.toml"
    settings.write_text(
        "[[firmware]]\ninterface-types = ['uefi']\nfeatures = []\n"
        "mapping = {device = 'memory', filename = '/own.fd'}\n"
        "targets = [{architecture = 'x86_64', machines = ['pc-q35-*']}]\n"
    )
    ended = run("domcapabilities", "--replies", REPLIES, "--machine", "q35", "--settings", settings)
    assert etree.fromstring(ended.out).findtext("os/loader/value") == "/own.fd"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--machine", "pc-q35-7.3"), "did you mean pc-q35-7.2"),
        (("--virttype", "kvm"), "not asked for domains of type kvm"),
        (("--arch", "s390x"), "runs no guests of 's390x'"),
    ],
)
def test_what_cannot_be_told(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run("domcapabilities", "--replies", REPLIES, *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.fixture
def _closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a process nobody has to close a client; here it goes on."""
    ask = Client.ask

    def asking(client: Client, *words: Any) -> Reply:
        try:
            return ask(client, *words)
        finally:
            client.close()

    monkeypatch.setattr(Client, "ask", asking)


@pytest.mark.usefixtures("_closing")
def test_a_service_tells_the_same(run: Run, tmp_path: Path) -> None:
    make_binary(tmp_path / "bin", "qemu-system-x86_64")
    host = tmp_path / "host.toml"
    host.write_text("firmware = []\n")
    with running(make_settings(tmp_path, host=host), Recorded()) as socket:
        remote = run("domcapabilities", "--socket", socket, "--machine", "pc")
        labels = run("labels", "--socket", socket)
        lacking = run("domcapabilities", "--socket", socket, "--machine", "nosuch")
        wrong = run("domcapabilities", "--socket", socket, "--virttype", "xen")
    local = run("domcapabilities", "--replies", REPLIES, "--machine", "pc", "--settings", host)
    usual, own = "/usr/bin/qemu-system-x86_64", str(tmp_path / "bin" / "qemu-system-x86_64")
    assert remote.out == local.out.replace(usual, own)
    assert labels.out == run("labels", "--replies", REPLIES).out
    assert (lacking.code, "has no machine 'nosuch'" in lacking.err) == (2, True)
    assert (wrong.code, "no domain has type 'xen'" in wrong.err) == (2, True)


def test_labels_are_lines_and_their_grounds_json(run: Run) -> None:
    lines = run("labels", "--replies", REPLIES).out.splitlines()
    assert lines == sorted(lines, key=lambda line: line.partition("=")[0])
    assert "prober.dev/qemu-version=7.2.22" in lines
    told = run("labels", "--replies", REPLIES, "--json").json
    assert [f"{one['name']}={one['value']}" for one in told] == lines
    assert all(one["because"] for one in told)
    own = run("labels", "--replies", REPLIES, "--own").out.splitlines()
    assert own == [line for line in lines if line.startswith("prober.dev/")]


def test_a_feature_file_is_replaced_as_a_whole(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "features.d" / "prober"
    file.parent.mkdir()
    file.write_text("old=true\n")
    before = file.stat().st_ino
    ended = run("labels", "--replies", REPLIES, "-o", file)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert file.read_text() == run("labels", "--replies", REPLIES).out
    assert file.stat().st_ino != before
    assert file.stat().st_mode & 0o777 == 0o644
    assert os.listdir(file.parent) == ["prober"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(run: Run, tmp_path: Path) -> None:
    ended = run("labels", "--replies", REPLIES, "-o", tmp_path / "none" / "prober")
    assert ended.code != 0
    assert "make the directory" in ended.err
    assert "node-feature-discovery" in ended.err
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").write_text("x")
    assert run("labels", "--replies", REPLIES, "-o", folder).code != 0
    assert sorted(os.listdir(tmp_path)) == ["folder"]
