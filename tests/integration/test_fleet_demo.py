"""``make fleet-demo``: three questions that work as they are printed, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet_bench import running
from tests.fleet_demo import __main__ as demo
from tests.integration.processes import PATIENCE, start_group


def _commands(printed: str) -> list[str]:
    """What is to be tried."""
    block = printed.partition("Try from a second terminal:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines() if not line.strip().startswith("#")]


def _asked(command: str) -> tuple[int, str]:
    ended = subprocess.run(command, shell=True, cwd="/", capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.stderr == "" or ended.stderr.startswith("more that can: --after host-"), ended.stderr
    return ended.returncode, ended.stdout


@pytest.mark.slow
@pytest.mark.needs("setpriv")
def test_three_questions_and_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with start_group([sys.executable, "-m", "tests.fleet_demo"]) as group:
        commands = _commands(group.wait_for(lambda text: "Ctrl-C ends it." in text))
        assert [command.split()[2] for command in commands] == ["can", "why", "upgrade"]
        can, why, upgrade = map(_asked, commands)
        assert can[0] == 0 and " can, as of " in can[1] and "this host's CPU lacks what Haswell-noTSX has" in can[1]
        assert why[0] == 3 and " refuses it\n" in why[1]
        assert upgrade[0] == 0 and "7.2.22" in upgrade[1] and "10.0.13" in upgrade[1]
        group.press_ctrl_c()
        assert "Traceback" not in group.printed
    assert list(tmp_path.iterdir()) == []


def test_without_a_server_it_says_how_to_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SERVER", tmp_path / "nats-server")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"nats-server is not .* `make setup` .* `apt-get install nats-server`"):
        demo.main()
