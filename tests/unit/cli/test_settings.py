"""``--settings``: the host's own file shapes what is translated here, and what a service translates."""

from __future__ import annotations

from pathlib import Path

from prober.cli.exits import ExitCode
from prober.service.client import Client
from tests.recordings import FIXTURES
from tests.unit.capabilities.making import make_binary
from tests.unit.cli.conftest import Run
from tests.unit.service.running import make_settings, running
from tests.unit.service.test_check_argv import Recorded

REPLIES = FIXTURES / "qemu-10.0.13.replies.xz"
DOMAIN = b"""<domain type="qemu">
  <name>vm</name>
  <memory>262144</memory>
  <os><type machine="pc">hvm</type></os>
  <devices>
    <serial type="unix"><source mode="bind" path="/run/vm.sock"/></serial>
  </devices>
</domain>
"""


def test_a_setting_changes_the_command_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text("[settings]\npass_descriptors = false\n")
    ended = run("translate", "--replies", REPLIES, "--settings", file, "-", stdin=DOMAIN)
    assert (ended.code, "path=/run/vm.sock" in ended.out) == (ExitCode.ok, True)
    ended = run("translate", "--replies", REPLIES, "-", stdin=DOMAIN)
    assert "path=/run/vm.sock" not in ended.out


def test_a_wrong_setting_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text("[settings]\npass_descriptor = false\n")
    for words in (["translate", "--replies", REPLIES, "-"], ["serve", "--socket", tmp_path / "s", "-q"]):
        ended = run(*words, "--settings", file, stdin=DOMAIN)
        assert ended.code != ExitCode.ok
        assert "settings.pass_descriptor" in ended.err
    domain = tmp_path / "vm.xml"
    domain.write_bytes(DOMAIN)
    assert "settings.pass_descriptor" in run("check", domain, REPLIES, "--settings", file).err


def test_a_service_has_its_own(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text("[settings]\npass_descriptors = false\n")
    make_binary(tmp_path / "bin", "qemu-system-x86_64")
    with running(make_settings(tmp_path, host=file), Recorded()) as socket:
        with Client(socket) as client:
            reply = client.post("/v1/translate", DOMAIN, "application/xml")
        assert "path=/run/vm.sock" in " ".join(reply.value["argv"])
        ended = run("translate", "--socket", socket, "--settings", file, "-", stdin=DOMAIN)
        assert ended.code == ExitCode.usage
