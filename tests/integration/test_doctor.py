"""``prober doctor`` on real processes: with a service, without one, without /dev/kvm, and as one who may not ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.fakes.making import make_fake
from tests.integration.processes import PATIENCE, PROBER, run_prober
from tests.integration.service_process import start_ready_service


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a short path, as that of a socket has at most 107 bytes, and without any QEMU."""
    return tmp_path_factory.mktemp("doctor")


Findings = list[dict[str, str]]


def _found(report: dict[str, Any], topic: str, level: str = "") -> Findings:
    return [one for one in report["findings"] if one["topic"] == topic and level in ("", one["level"])]


def _doctor(*words: object, cwd: Path = CHECKOUT) -> tuple[int, dict[str, dict[str, Any]]]:
    """Its exit code, and the reports by who saw it."""
    ended = run_prober("doctor", "--json", *words, cwd=cwd)
    assert ended.err == "", "what a binary that fails says is a finding"
    told = json.loads(ended.out)
    assert told["problems"] == sum(report["problems"] for report in told["reports"])
    for report in told["reports"]:
        assert report["problems"] == sum(one["level"] == "problem" for one in report["findings"])
        assert [
            one for one in report["findings"] if one["level"] == "problem" and not (one["why"] and one["todo"])
        ] == []
    return ended.code, {report["seen_by"]["kind"]: report for report in told["reports"]}


def test_a_host_that_is_well(directory: Path, qemu_binary: str) -> None:
    """Nothing is to be done, so the exit code is 0; TCG alone, as KVM may not work where tests run."""
    file = directory / "prober.toml"
    file.write_text(f'[catalog]\naccel = "tcg"\ndirectories = []\nqemu_kvm = ""\npaths = ["{qemu_binary}"]\n')
    with start_ready_service(directory, "--config", file) as service, service.client() as client:
        assert client.get(f"/v1/binaries/{Path(qemu_binary).name}").value["state"] == "ready"
        code, reports = _doctor("--config", file, "--socket", service.socket)
        assert (code, set(reports)) == (0, {"command", "service"})
        own, seen = reports["command"], reports["service"]
        assert [one["what"] for one in _found(own, "socket")] == ["the service answers (group root, 0660)"]
        assert {one["topic"] for one in own["findings"]} == {"socket", "settings"}, "the service tells of the rest"
        (binary,) = [one for one in _found(seen, "binaries") if "answers" in one["what"]]
        assert (binary["where"], binary["level"]) == (os.path.realpath(qemu_binary), "ok")
        assert _found(seen, "kvm")[0]["where"] == "catalog.accel"
        assert _found(seen, "cache", "ok")
        topics = {"binaries", "modules", "kvm", "groups", "cache", "confinement", "firmware", "helpers", "settings"}
        assert {one["topic"] for one in seen["findings"]} == topics
        # For a human, what is well is a number.
        ended = run_prober("doctor", "--config", file, "--socket", service.socket)
        assert (ended.code, "things are as they should be" in ended.out) == (0, True)
        assert client.get("/v1/doctor").value == client.get("/v1/doctor").value


@pytest.mark.skipif(Path("/run/prober/prober.sock").exists(), reason="this host has a service installed")
def test_the_service_of_make_run_is_found(directory: Path) -> None:
    """As every command finds it, where no other is named: `make run` in one terminal, the doctor in a second."""
    file = directory / "prober.toml"
    catalog = '[catalog]\naccel = "tcg"\ndirectories = []\nqemu_kvm = ""\n'
    file.write_text(catalog)
    (directory / "run").mkdir()
    with start_ready_service(directory, "--config", file) as service:
        (directory / "run/prober.sock").symlink_to(service.socket)
        _, reports = _doctor("--config", file, cwd=directory)
        assert set(reports) == {"command", "service"}
        file.write_text(f'socket = "{directory}/none.sock"\n{catalog}')
        _, reports = _doctor("--config", file, cwd=directory)
        assert set(reports) == {"command"}, "the one that is named, and no other"


def test_what_only_the_service_sees(directory: Path) -> None:
    """A binary that fails, a cache that is spoilt, and settings that were changed since."""
    broken = make_fake(directory, "not_qmp")
    file = directory / "prober.toml"
    usual = f'[catalog]\naccel = "tcg"\ndirectories = []\nqemu_kvm = ""\npaths = ["{broken}"]\n'
    file.write_text(usual)
    with start_ready_service(directory, "--config", file) as service, service.client() as client:
        assert client.get(f"/v1/binaries/{broken.name}").value["state"] == "failed"
        (directory / "cache/x.cache").write_text("nonsense")
        file.write_text(f"max_body = 4096\nmode = 0o600\n{usual}")
        code, reports = _doctor("--socket", service.socket)
        seen = reports["service"]
        assert code == 1
        assert any(str(broken) == one["where"] for one in _found(seen, "binaries", "problem"))
        (entry,) = _found(seen, "cache", "notice")
        assert entry["where"] == str(directory / "cache/x.cache")
        (changed,) = _found(seen, "settings", "notice")
        assert changed["what"].endswith("does not go by them yet: mode, max_body")
        assert changed["todo"] == "systemctl restart prober"


def test_without_a_service(directory: Path, qemu_binary: str) -> None:
    file = directory / "prober.toml"
    cache = directory / "none"
    broken = make_fake(directory, "not_qmp")
    told = f'paths = ["{qemu_binary}", "/nonexistent/qemu", "{broken}"]\ncache_dir = "{cache}"'
    file.write_text(
        f'admin_group = "no-such-group"\n[catalog]\naccel = "tcg"\ndirectories = []\nqemu_kvm = ""\n{told}\n'
    )
    code, reports = _doctor("--config", file, "--socket", directory / "none.sock")
    assert (code, set(reports)) == (1, {"command"})
    own = reports["command"]
    assert "no such socket" in _found(own, "socket", "problem")[0]["what"]
    failed = {one["where"] for one in _found(own, "binaries", "problem")}
    assert failed == {"/nonexistent/qemu", str(broken)}
    assert "there is no group 'no-such-group'" in _found(own, "groups", "problem")[0]["what"]
    assert _found(own, "cache", "problem")[0]["where"] == str(cache)
    assert not cache.exists(), "looking changes nothing"


def test_wrong_settings_are_all_told(directory: Path) -> None:
    file = directory / "prober.toml"
    file.write_text("sokcet = '/a'\nmax_body = 0\n")
    code, reports = _doctor("--config", file, "--socket", directory / "none.sock")
    told = [(one["where"], one["todo"]) for one in _found(reports["command"], "settings", "problem")]
    assert (code, told[0]) == (1, (f"{file}:1", "did you mean socket?"))
    assert told[1][0] == f"{file}:2"


@pytest.mark.needs("bubblewrap")
def test_a_host_without_kvm(directory: Path) -> None:
    """In a view of this host that has no /dev/kvm."""
    file = directory / "prober.toml"
    file.write_text('[catalog]\ndirectories = []\nqemu_kvm = ""\n')
    command = [PROBER, "doctor", "--json", "--config", str(file), "--socket", str(directory / "none.sock")]
    done = subprocess.run(
        ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=CHECKOUT,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    (found,) = _found(report, "kvm")
    assert (found["where"], found["level"] in ("problem", "notice")) == ("/dev/kvm", True)
    assert found["todo"] and "TCG" in found["why"]


#: Once as ourselves and without a service, so that all is imported: another user may not reach the interpreter.
_AS_NOBODY = """
import contextlib, io, os, sys
sys.path.insert(0, os.getcwd())
import prober.cli.main
words, sys.argv = sys.argv, [*sys.argv[:-1], "/nonexistent"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    prober.cli.main.main()
sys.argv = words
os.setgroups([]); os.setgid(65534); os.setuid(65534)
prober.cli.main.main()
"""


def _as_nobody(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command as nobody; its last word is a file or socket."""
    command = [sys.executable, "-c", _AS_NOBODY, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=CHECKOUT, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become another user")
def test_settings_that_may_not_be_read(open_directory: Path) -> None:
    file = open_directory / "prober.toml"
    file.write_text("")
    file.chmod(0o600)
    done = _as_nobody("config", "--check", "--config", file)
    assert done.returncode == 2
    said = "cannot read the settings: Permission denied (it belongs to 0:0 and has the rights 0600"
    assert f"{file}: {said}" in done.stderr
    assert f"chmod 0640 {file}" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become another user")
def test_one_who_may_not_ask(open_directory: Path) -> None:
    file = open_directory / "prober.toml"
    file.write_text('[catalog]\naccel = "tcg"\ndirectories = []\nqemu_kvm = ""\n')
    with start_ready_service(open_directory, "--config", file) as service:
        done = _as_nobody("doctor", "--json", "--config", file, "--socket", service.socket)
        asked = _as_nobody("supports", "pc", "--socket", service.socket)
    assert (asked.returncode, "are you in the group that the socket belongs to?" in asked.stderr) == (5, True)
    assert done.returncode == 1, done.stderr
    (report,) = json.loads(done.stdout)["reports"]
    (found,) = _found(report, "socket")
    assert found["what"] == "you may not ask: the socket is for the group root (0660)"
    assert "usermod --append --groups root" in found["todo"]
