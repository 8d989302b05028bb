"""``prober config``: what holds and where it was told, or all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.cli.exits import ExitCode
from tests.unit.cli.conftest import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of settings."""
    made = tmp_path / "prober.toml"
    made.write_text("mode = 0o600\n[catalog]\npoll_s = 1.5\n")
    return made


def test_each_setting_with_where_it_was_told(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBER_MAX_BODY", "4096")
    for words in ((), ("--show",)):
        ended = run("config", *words, "--config", file, "--socket", "/s.sock", "--directory", "/opt/bin")
        assert (ended.code, ended.err) == (ExitCode.ok, "")
        rows = [line.split(maxsplit=2) for line in ended.out.splitlines()]
        assert ["socket", "/s.sock", "command line"] in rows
        assert ["mode", "0o600", f"{file}:1"] in rows
        assert ["max_body", "4096", "PROBER_MAX_BODY"] in rows
        assert ["catalog.poll_s", "1.5", f"{file}:3"] in rows
        assert ["catalog.qemu_kvm", "none", "command line"] in rows
        assert ["catalog.accel", "auto", "default"] in rows


def test_as_json(run: Run, file: Path) -> None:
    told = run("config", "--config", file, "--json").json
    assert (told["file"], told["problems"], told["unknown"]) == (str(file), [], [])
    settings = {one["key"]: (one["value"], one["source"], one["where"]) for one in told["settings"]}
    assert settings["mode"] == (0o600, "file", f"{file}:1")
    assert settings["catalog.directories"] == (["/usr/bin", "/usr/local/bin"], "default", "default")


def test_a_check_that_finds_nothing(run: Run, file: Path) -> None:
    ended = run("config", "--check", "--config", file)
    assert (ended.code, ended.out, ended.err) == (ExitCode.ok, "", f"the settings are well: {file}\n")


def test_a_check_tells_all(run: Run, file: Path) -> None:
    file.write_text("max_boby = 1\nmode = -1\n")
    ended = run("config", "--check", "--config", file)
    assert (ended.code, ended.out) == (ExitCode.refused, "")
    assert ended.err.splitlines() == [
        f"{file}:1: max_boby: there is no such setting (did you mean max_body?)",
        f"{file}:2: mode: it has to be from 0 to 0o777, not -0o1 (the rights are written 0o660)",
    ]
    ended = run("config", "--check", "--json", "--config", file)
    assert ended.code == ExitCode.refused
    assert [problem["key"] for problem in ended.json["problems"]] == ["max_boby", "mode"]
    assert "settings" not in ended.json


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_a_file_that_cannot_be_read(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = run("config", *words, "--config", tmp_path / "none.toml")
    assert (ended.code, ended.out) == (ExitCode.usage, "")
    assert ended.err.startswith(f"{tmp_path}/none.toml: cannot read the settings: No such file or directory")
    assert run("serve", "--config", tmp_path / "none.toml").code == ExitCode.failed


def test_the_host_s_own_file_is_checked_too(run: Run, file: Path, tmp_path: Path) -> None:
    host = tmp_path / "host.toml"
    host.write_text("[settings]\nvnc_tsl = true\n")
    ended = run("config", "--check", "--config", file, "--settings", host)
    assert ended.code == ExitCode.refused
    assert f"{host}: the settings in {host} are wrong: settings.vnc_tsl" in ended.err
    host.write_text("[settings\n")
    assert run("config", "--check", "--config", file, "--settings", host).code == ExitCode.usage


def test_variables_that_nothing_heeds_are_told(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBER_MAXBODY", "1")
    ended = run("config", "--check", "--config", file)
    assert ended.code == ExitCode.ok
    assert "PROBER_MAXBODY: there is no such setting, and nothing heeds it (did you mean PROBER_MAX_BODY" in ended.err


def test_one_or_the_other(run: Run) -> None:
    assert run("config", "--check", "--show").code == ExitCode.usage
